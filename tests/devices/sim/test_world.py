"""Daily life in the simulated community."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from anju_devices.messages import Command, Reading
from anju_devices.sim.clock import Clock
from anju_devices.sim.describe import describe, document_text
from anju_devices.sim.plan import Size
from anju_devices.sim.site import Home, Site, understand
from anju_devices.sim.world import HELLO_MS, World

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SEED = 5


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Two buildings are enough to see how people live."""
    return describe(2, Size(buildings=2))


@pytest.fixture(scope="module")
def site(document: dict[str, Any]) -> Site:
    return understand(document_text(document).encode())


@pytest.fixture(scope="module")
def week(site: Site, monday: int) -> dict[str, list[Reading]]:
    """Four days of readings by device, all but the heartbeats of what nobody asks about."""
    world = World(site, SEED, monday)
    told: dict[str, list[Reading]] = defaultdict(list)
    wanted = {"door", "door_contact", "pir", "water_meter", "vehicle_lane", "smoke_alarm"}
    for reading in world.until(monday + 4 * DAY):
        world.twins[reading.device].model.check(reading)
        if world.twins[reading.device].entry.model in wanted:
            told[reading.device].append(reading)
    return told


def alone(site: Site) -> Iterator[Home]:
    return (home for home in site.homes if home.attributes["lives_alone"])


def test_a_seed_gives_the_same_readings_and_another_seed_others(site: Site, monday: int) -> None:
    def first_hour(seed: int) -> list[Reading]:
        return list(World(site, seed, monday + 8 * HOUR).until(monday + 9 * HOUR))

    assert first_hour(1) == first_hour(1)
    assert first_hour(1) != first_hour(2)


def test_every_reading_fits_its_model_and_time_goes_forward(site: Site, monday: int) -> None:
    world = World(site, SEED, monday)
    last = 0
    events = set()
    for reading in world.until(monday + 20 * HOUR):
        twin = world.twins[reading.device]
        twin.model.check(reading)
        assert reading.at >= last
        last = reading.at
        if reading.event:
            events.add(reading.event)
            kind = twin.model.event(reading.event)
            assert kind is not None
            known = {field.name: field for field in kind.data}
            for name, value in reading.data.items():
                assert known[name].check(value) is None, (reading.event, name, value)
    assert events >= {"opened", "closed", "access_granted", "exit_request", "plate_read"}
    assert not events & {"alarm", "pressed", "fall", "tamper", "duress", "barrier_forced"}


def test_every_device_is_heard_soon_and_then_at_its_own_interval(site: Site, monday: int) -> None:
    world = World(site, SEED, monday)
    heard: dict[str, list[int]] = defaultdict(list)
    for reading in world.until(monday + 3 * HOUR):
        heard[reading.device].append(reading.at)
    assert set(heard) == set(site.devices)
    assert max(times[0] for times in heard.values()) < monday + HELLO_MS
    for device, times in heard.items():
        longest = max(b - a for a, b in zip(times, [*times[1:], monday + 3 * HOUR], strict=True))
        assert longest <= world.twins[device].interval_ms * 1.01, device


def test_heartbeats_are_spread_over_time(site: Site, monday: int) -> None:
    seconds: dict[int, int] = defaultdict(int)
    world = World(site, SEED, monday)
    for reading in world.until(monday + 2 * HOUR):
        seconds[reading.at // 1000] += 1
    after = [n for second, n in seconds.items() if second > monday // 1000 + 30]
    assert max(after) <= 25
    assert sum(after) / (2 * 3600) < 3


def test_somebody_at_home_and_awake_moves_and_at_night_sleeps(
    site: Site, week: dict[str, list[Reading]], monday: int
) -> None:
    for home in alone(site):
        seen = [r.at for r in week[home.devices["pir"]] if r.values.get("motion") is True]
        hours = [(at - monday) % DAY / HOUR for at in seen]
        by_day = sum(7 <= hour < 21 for hour in hours)
        by_night = sum(hour < 5 for hour in hours)
        assert by_day >= 4 * 10, home.slug
        assert 3 <= by_night <= 40, home.slug
        awake = [at for at, hour in zip(seen, hours, strict=True) if 6.7 <= hour < 20.7]
        gaps = [
            b - a
            for a, b in itertools.pairwise(awake)
            if (a - monday) // DAY == (b - monday) // DAY
        ]
        assert max(gaps) < 4 * HOUR, home.slug


def test_water_is_used_every_day_and_never_all_the_time(
    site: Site, week: dict[str, list[Reading]]
) -> None:
    for home in site.homes:
        totals = [(r.at, float(r.values["total"])) for r in week[home.devices["water_meter"]]]
        assert all(a[1] <= b[1] for a, b in itertools.pairwise(totals))
        per_day = (totals[-1][1] - totals[0][1]) / 4
        assert 0.05 <= per_day <= 1.2, (home.slug, per_day)
        start = 0
        for at, total in totals:
            while at - totals[start + 1][0] >= 12 * HOUR:
                start += 1
            if at - totals[start][0] >= 12 * HOUR:
                assert total - totals[start][1] >= 0.01, (home.slug, at)
        used = [b[1] > a[1] for a, b in itertools.pairwise(totals)]
        longest = max(len(run) for run in "".join("x" if u else "." for u in used).split("."))
        assert longest < 40, home.slug


def test_no_door_opens_without_a_reason_nor_stays_open(
    site: Site, week: dict[str, list[Reading]]
) -> None:
    doors = site.of_model("door")
    openings = 0
    for door in doors:
        reason_at = opened_at = 0
        state = "closed"
        for reading in week[door]:
            if reading.event in {"access_granted", "exit_request"}:
                reason_at = reading.at
            if reading.event == "opened":
                assert state == "closed"
                assert reading.values == {"door_state": "open"}
                assert reading.at - reason_at <= 8000, door
                opened_at, state, openings = reading.at, "open", openings + 1
            elif reading.event == "closed":
                assert state == "open"
                assert reading.at - opened_at < 100_000, door
                state = "closed"
    assert openings > 600


def test_nobody_is_refused_three_times_in_five_minutes(
    site: Site, week: dict[str, list[Reading]]
) -> None:
    refused = 0
    for door in site.of_model("door"):
        times = [r.at for r in week[door] if r.event == "access_denied"]
        refused += len(times)
        assert all(b - a > 5 * MINUTE for a, b in zip(times, times[2:], strict=False))
    assert refused > 0


def test_nobody_walks_faster_than_a_person_can(
    site: Site, week: dict[str, list[Reading]], document: dict[str, Any]
) -> None:
    spots = {p["slug"]: (p["x"], p["y"]) for p in document["places"]}
    seen: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for door in site.of_model("door"):
        for reading in week[door]:
            if reading.event == "access_granted":
                spot = site.devices[door].place
                seen[str(reading.data["credential"])].append((reading.at, spot))
    for walk in seen.values():
        walk.sort()
        for (at, here), (then, there) in itertools.pairwise(walk):
            (x, y), (u, v) = spots[here], spots[there]
            metres = ((x - u) ** 2 + (y - v) ** 2) ** 0.5
            assert metres <= 1.6 * (then - at) / 1000 + 1, (here, there)


def test_whoever_leaves_the_flat_comes_out_of_the_house_and_through_the_gate(
    site: Site, week: dict[str, list[Reading]]
) -> None:
    home = next(h for h in alone(site) if len(week[h.devices["door_contact"]]) > 4)
    credential = home.people[0].credential
    left = [r.at for r in week[home.devices["door_contact"]] if r.event == "opened"]
    assert left
    granted = [
        (r.at, r.data["direction"])
        for door in (home.entrance, *(gate for gate, _ in home.gates))
        if door
        for r in week[door]
        if r.event == "access_granted" and r.data["credential"] == credential
    ]
    assert {direction for _, direction in granted} == {"in", "out"}
    for at, _ in granted:
        assert min(abs(at - opened) for opened in left) < 15 * MINUTE


def test_a_device_answers_a_command_it_knows_and_says_what_it_did(site: Site, monday: int) -> None:
    world = World(site, SEED, monday)
    list(world.until(monday + HOUR * 3))
    expires = world.now_ms + MINUTE
    command = Command("c1", "unlock", expires, "gate-east", {"hold_s": 5})
    result = world.command(command)
    assert (result.id, result.ok) == ("c1", True)
    said = [r for r in world.until(world.now_ms + 20_000) if r.device == "gate-east" and r.event]
    assert [r.event for r in said[:3]] == ["access_granted", "opened", "closed"]
    assert said[0].data["credential_type"] == "remote"


@pytest.mark.parametrize(
    ("name", "device", "detail"),
    [
        ("self_test", "b1-1-f1-smoke", "done"),
        ("siren", "b1-1-f1-smoke", "done"),
        ("raise_barrier", "lane-south-in-barrier", "done"),
        ("unlock", "b1-1-f1-smoke", "no command 'unlock'"),
        ("unlock", "nowhere", "no such device"),
        ("explode", "gate-east", "no command 'explode'"),
    ],
)
def test_commands_succeed_or_fail_with_a_reason(
    site: Site, monday: int, name: str, device: str, detail: str
) -> None:
    world = World(site, SEED, monday)
    result = world.command(Command("c", name, monday + MINUTE, device))
    assert result.ok == (detail == "done")
    assert detail in result.detail


@pytest.mark.parametrize("hold_s", [None, "long", 0, 1e9, [5]])
def test_a_command_with_a_senseless_argument_is_refused(
    site: Site, monday: int, hold_s: object
) -> None:
    world = World(site, SEED, monday)
    result = world.command(Command("c", "unlock", monday + MINUTE, "gate-east", {"hold_s": hold_s}))
    assert not result.ok
    assert result.detail.startswith("hold_s: ")


def test_every_command_of_the_catalogue_has_an_answer(site: Site, monday: int) -> None:
    world = World(site, SEED, monday)
    for twin in {t.model.name: t for t in world.twins.values()}.values():
        for kind in twin.model.commands:
            command = Command("c", kind.name, monday + MINUTE, twin.entry.slug)
            assert world.command(command).ok, (twin.model.name, kind.name)
    for reading in world.until(monday + 2 * MINUTE):
        world.twins[reading.device].model.check(reading)


def test_a_command_past_its_expiry_is_refused(site: Site, monday: int) -> None:
    world = World(site, SEED, monday)
    result = world.command(Command("c", "unlock", monday - 1, "gate-east"))
    assert not result.ok
    assert "expiry" in result.detail


def test_the_simulated_time_is_never_ahead_of_the_real_one() -> None:
    real = 1_000_000_000
    now = [real]
    clock = Clock(speed=1000, past_s=3600, real=lambda: now[0])
    assert clock.now_ms() == clock.start_ms == real - 3_600_000
    now[0] += 1800
    assert clock.now_ms() == clock.start_ms + 1_800_000
    assert clock.wait_s(clock.now_ms() + 1000) == pytest.approx(0.001)
    now[0] += 10_000
    assert clock.now_ms() == now[0]
    assert clock.wait_s(now[0] + 1000) == 1.0


def test_local_days_begin_in_the_zone_of_the_site(site: Site, monday: int) -> None:
    assert datetime.fromtimestamp(monday / 1000, site.zone).hour == 0


def test_people_have_lived_there_before(
    site: Site, monday: int, week: dict[str, list[Reading]]
) -> None:
    start = monday + 2 * DAY
    said = list(World(site, SEED, start).lately(24))
    sensors = {home.devices["pir"] for home in site.homes if "pir" in home.devices}
    assert {one.device for one in said} == sensors
    for sensor in sensors:
        moved = [one.at for one in said if one.device == sensor]
        assert moved == sorted(moved)
        assert start - 24 * HOUR <= moved[0] <= moved[-1] < start
    # the same lives as if the simulation had run all along
    sensor = min(sensors)
    lived = {one.at for one in week[sensor] if one.values.get("motion") and one.at >= start - DAY}
    told = {one.at for one in said if one.device == sensor and one.values.get("motion")}
    assert told
    assert told <= lived
