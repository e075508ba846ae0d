"""What goes wrong in the simulated community, and the truth about it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from anju_devices.messages import Reading
from anju_devices.sim.incident import Incident
from anju_devices.sim.scenarios import SCENARIOS
from anju_devices.sim.scenarios.gates import fire_lane
from anju_devices.sim.script import STEP_MS, Director, demo
from anju_devices.sim.site import Site
from anju_devices.sim.world import World

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
LATEST_MS = 12 * HOUR


@pytest.fixture
def played(site: Site, monday: int) -> Callable[[str], tuple[Incident, list[Reading], World]]:
    """Plays one scenario at nine in the morning and gives what its devices said."""

    def play(name: str) -> tuple[Incident, list[Reading], World]:
        start = monday + 9 * HOUR
        world = World(site, 3, start)
        at = start + MINUTE
        incident = SCENARIOS[name](site, random.Random(7), at, world.free)
        assert incident is not None
        world.play(incident)
        end = min(incident.ends_at + 2 * MINUTE, start + LATEST_MS)
        said = [r for r in world.until(end) if r.device in incident.reserved]
        return incident, said, world

    return play


Play = Callable[[str], tuple[Incident, list[Reading], World]]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_told_in_order_and_fits_its_models(name: str, played: Play) -> None:
    incident, said, world = played(name)
    times = [moment.at for moment in incident.moments]
    assert times == sorted(times)
    assert incident.kind == name
    assert {m.device for m in incident.moments} <= incident.reserved
    assert incident.truths
    for truth in incident.truths:
        assert truth.device in incident.reserved
        assert 1 <= truth.severity <= 4
        assert truth.at >= incident.begins_at
    for reading in said:
        twin = world.twins[reading.device]
        twin.model.check(reading)
        kind = twin.model.event(reading.event) if reading.event else None
        known = {field.name: field for field in kind.data} if kind else {}
        assert not [n for n, v in reading.data.items() if known[n].check(v)], reading
    told = [(r.at, r.event) for r in said if r.event]
    expected = [(m.at, m.event) for m in incident.moments if m.event]
    assert [said for said in told if said in expected] == expected


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_random_stream_gives_the_same_incident(name: str, site: Site, monday: int) -> None:
    first = SCENARIOS[name](site, random.Random(1), monday, lambda _: True)
    assert first == SCENARIOS[name](site, random.Random(1), monday, lambda _: True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_where_nothing_is_free_nothing_happens(name: str, site: Site, monday: int) -> None:
    assert SCENARIOS[name](site, random.Random(1), monday, lambda _: False) is None


@pytest.mark.parametrize("name", SCENARIOS)
def test_devices_are_given_back_afterwards(name: str, played: Play) -> None:
    incident, _, world = played(name)
    list(world.until(incident.ends_at + 10 * MINUTE))
    assert all(world.free(device) for device in incident.reserved)


def test_a_forced_door_opens_with_no_grant_or_exit_request_before(played: Play) -> None:
    incident, said, _ = played("forced_door")
    [truth] = incident.truths
    opened = next(r for r in said if r.event == "opened" and r.at == truth.at)
    assert opened.values == {"door_state": "open"}
    reasons = [r.at for r in said if r.event in {"access_granted", "exit_request"}]
    assert not [at for at in reasons if truth.at - 8 * SECOND <= at <= truth.at]


def test_a_held_door_was_opened_rightly_and_stays_open_past_the_limit(played: Play) -> None:
    incident, said, _ = played("held_door")
    [truth] = incident.truths
    opened = next(r for r in said if r.event == "opened" and r.at == truth.at - 120 * SECOND)
    granted = [r.at for r in said if r.event == "access_granted"]
    assert any(0 <= opened.at - at <= 8 * SECOND for at in granted)
    closed = next(r for r in said if r.event == "closed" and r.at > opened.at)
    assert closed.at > truth.at + 2 * MINUTE


def test_an_elder_inactive_is_not_seen_for_ten_hours(played: Play) -> None:
    incident, said, _ = played("elder_inactive")
    first = incident.moments[0].at
    moved = [
        r.at
        for r in said
        if r.values.get("motion") is True or r.event in {"opened", "closed", "pressed"}
    ]
    assert [at for at in moved if first < at < first + 10 * HOUR] == []
    assert [(t.at - first, t.severity) for t in incident.truths] == [(6 * HOUR, 3), (10 * HOUR, 2)]


def test_a_silent_device_says_nothing_and_comes_back(played: Play) -> None:
    incident, said, _ = played("silent_device")
    gone_at, back_at = incident.begins_at, incident.ends_at
    assert [r for r in said if gone_at <= r.at < back_at] == []
    assert [r for r in said if r.at < gone_at]
    assert [r for r in said if r.at >= back_at]


def test_smoke_is_an_event_and_a_value_in_one_reading(played: Play) -> None:
    incident, said, _ = played("smoke")
    [truth] = incident.truths
    alarm = next(r for r in said if r.event == "alarm")
    assert alarm.at == truth.at
    assert alarm.values["alarm"] is True
    cleared = next(r for r in said if r.event == "alarm_cleared")
    assert cleared.values["alarm"] is False


def test_a_fall_is_sure_and_stays_still(played: Play) -> None:
    incident, said, _ = played("fall")
    fall = next(r for r in said if r.event == "fall")
    assert fall.data["fall_confidence"] >= 0.8
    assert fall.data["still_s"] >= 10
    assert incident.truths[0].at == fall.at + 30 * SECOND
    still = [r.values["still_s"] for r in said if "still_s" in r.values]
    assert still[:-1] == sorted(still[:-1])
    assert max(still[:-1]) >= 60


def test_a_car_already_parked_is_alerted_sooner(site: Site, monday: int) -> None:
    fresh = fire_lane(site, random.Random(1), monday, lambda _: True)
    parked = fire_lane(site, random.Random(1), monday, lambda _: True, already_s=250)
    assert fresh is not None
    assert parked is not None
    assert fresh.truths[0].at == monday + 300 * SECOND
    assert parked.truths[0].at == monday + 50 * SECOND
    assert parked.moments[0].data["dwell_s"] == 250
    assert fresh.moments[0].event == "zone_entered"


def test_the_demo_begins_with_an_sos_within_8_s_and_fills_the_wall_in_3_minutes(
    site: Site, monday: int
) -> None:
    start = monday + 10 * HOUR
    world = World(site, 1, start)
    director = Director(world, demo(random.Random(1), start), random.Random(1))
    incidents: list[Incident] = []
    pressed_at = None
    for second in range(3600):
        incidents += director.plan()
        for reading in world.until(start + second * SECOND):
            world.twins[reading.device].model.check(reading)
            if reading.event == "pressed" and pressed_at is None:
                pressed_at = reading.at
    assert pressed_at is not None
    assert pressed_at <= start + 8 * SECOND
    truths = sorted(t.at for i in incidents for t in i.truths)
    assert truths[0] == pressed_at
    early = {i.kind for i in incidents for t in i.truths if t.at <= start + 3 * MINUTE}
    assert len(early) >= 9
    severities = {t.severity for i in incidents for t in i.truths if t.at <= start + 3 * MINUTE}
    assert severities == {1, 2, 3}
    later = [at for at in truths if start + 6 * MINUTE < at < start + HOUR]
    assert 6 <= len(later) <= 25, "calm, but never the end"


def test_incidents_never_share_a_device(site: Site, monday: int) -> None:
    start = monday + 10 * HOUR
    world = World(site, 1, start)
    director = Director(world, demo(random.Random(4), start), random.Random(4))
    running: list[Incident] = []
    for minute in range(240):
        for incident in director.plan():
            running = [i for i in running if i.ends_at > world.now_ms]
            assert not [i for i in running if i.reserved & incident.reserved]
            running.append(incident)
        for _ in world.until(start + minute * MINUTE // 2):
            pass


@pytest.mark.parametrize("seed", range(4))
def test_a_player_that_lags_behind_tells_everything_in_order(site: Site, seed: int) -> None:
    start = 1_795_632_000_000 + seed * 3_600_000
    world, rng = World(site, 1, start), random.Random(seed)
    director = Director(world, demo(rng, start), rng)
    times = []
    for step in range(1, 300):
        director.plan()
        times += [reading.at for reading in world.until(start + step * STEP_MS)]
    assert len(times) > 5_000
    assert times == sorted(times)
