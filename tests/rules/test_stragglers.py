"""What arrives out of order, late, or never: it takes back nothing that is newer."""

from __future__ import annotations

import pytest
from one_rule import START, Town


@pytest.mark.parametrize("delay", [0, 6, 10])
def test_a_straggler_takes_nothing_back_that_time_decided_meanwhile(delay: float) -> None:
    """A slow line delivers two readings in the wrong order just after the minute was over."""
    town = Town("models: [lift]\nwhen: m.people > 0\nfor: 60s\nlateness: 2s\nlatch: true\n")
    for at, arrives in ((0, 0), (57, 57), (56.5, 58), (56.4, 58.5)):
        town.hear(at, people=1, arrives=arrives + delay)
    assert town.wait(200).said() == [(60, "active", 3)]


def test_a_straggler_does_not_raise_again_what_time_has_cleared() -> None:
    town = Town("models: [door]\nwhen: m.door_state == 'open'\nclear_for: 10s\n")
    town.hear(0, door_state="open", arrives=10)
    for at, arrives in ((20, 30), (29.5, 39.5), (29, 41)):
        town.hear(at, door_state="closed", arrives=arrives)
    assert town.wait(200).said() == [(0, "active", 3), (30, "cleared", 3)]


def test_a_straggler_that_undoes_what_time_decided_still_does() -> None:
    town = Town("models: [door]\nwhen: m.door_state == 'open'\nfor: 60s\n")
    town.hear(0, door_state="open", arrives=10).hear(59, door_state="open", arrives=69)
    town.hear(58.5, door_state="closed", arrives=71).wait(110)
    assert town.said() == [(60, "active", 3), (58.5, "cleared", 3)]
    assert town.wait(200).said()[2:] == [(119, "active", 3)]


FALL = (
    "models: [fall_radar]\nwhen: m.event == 'fall'\nat_once: m.still_s >= 60\nfor: 30s\n"
    "clear: m.event == 'fall_cancelled'\nquiet_for: 10m\nlateness: 1s\nlatch: true\n"
)


def test_a_fall_that_is_overtaken_by_the_stillness_after_it_still_rings() -> None:
    """After an outage what is measured now arrives before the event that was kept."""
    town = Town(FALL).hear(90, still_s=80).hear(10, "fall", arrives=95).wait(300)
    assert town.said() == [(40, "active", 3)]
    assert town.findings[0].detected_at <= START + 106_000
    town = Town(FALL).hear(90, still_s=80).hear(10, "fall", arrives=95).hear(100, still_s=90)
    assert [kind for _, kind, _ in town.said()] == ["active"]


def test_a_fall_of_the_day_before_yesterday_is_history() -> None:
    for late, rings in ((86_000, True), (2 * 86_400, False)):
        town = Town(FALL + "late: 24h\n").hear(10, "fall", arrives=late).wait(late + 300)
        assert bool(town.said()) is rings


def test_a_fall_that_is_older_than_its_cancelling_stays_cancelled() -> None:
    town = Town(FALL).hear(90, "fall_cancelled").hear(95, still_s=80).hear(10, "fall", arrives=98)
    assert town.wait(300).said() == []


# -- what waits for its excuse -------------------------------------------------------------------

FORCED = (
    "models: [door]\nwhen: m.event == 'opened'\nclear: m.door_state == 'closed'\n"
    "unless: {when: m.event == 'access_granted', within: 8s}\nlateness: 1s\n"
)


def test_an_opening_that_waits_is_not_lost_to_a_straggler() -> None:
    """The batch of the straggler is handled before the tick that would have judged it."""
    town = Town(FORCED).hear(5, door_state="closed").hear(7, door_state="closed")
    town.hear(10, "opened")
    town.due.clear()  # the tick is late
    town.hear(3, door_state="closed", arrives=12).wait(60)
    assert town.said() == [(10, "active", 3)]


def test_a_grant_told_late_still_excuses_what_is_not_judged_yet() -> None:
    town = Town(FORCED).hear(5, door_state="closed").hear(9.5, door_state="closed")
    town.hear(9.8, door_state="closed", arrives=11)
    town.hear(9.2, "access_granted", arrives=11.1).hear(11, "opened", arrives=11.2).wait(60)
    assert town.said() == []


def test_an_opening_told_after_what_came_later_still_rings() -> None:
    town = Town(FORCED)
    for at in range(0, 60, 5):
        town.hear(at, door_state="closed")
    town.hear(31, "opened", arrives=58).wait(100)
    assert town.said() == [(31, "active", 3), (55, "cleared", 3)]
    assert town.findings[0].late_s == 27
    # what was opened just after a grant, or before the newest one, may have been excused
    town = Town(FORCED).hear(30, "access_granted").hear(40, door_state="closed")
    town.hear(50, door_state="closed").hear(33, "opened", arrives=52)
    assert town.hear(29, "opened", arrives=53).wait(100).said() == []


def test_what_waits_is_bounded_and_none_of_it_is_lost() -> None:
    town = Town(FORCED.replace("lateness: 1s", "lateness: 60s") + "repeat_after: 1ms\n")
    for number in range(500):
        town.hear(number / 100, "opened")
    assert len(town.states["device"].recent) == 64
    assert len(town.said()) == 500 - 64
    assert len(town.wait(200).said()) == 500


def test_who_passed_by_is_forgotten_though_nothing_is_heard_any_more() -> None:
    zone = (
        "models: [camera]\ndiscriminator: zone\nwhen: m.event == 'zone_entered'\n"
        "clear: m.event == 'zone_left'\nlateness: 1s\n"
    )
    town = Town(zone)
    for number in range(20):
        event = "zone_entered" if number % 2 else "zone_left"
        town.hear(number, event, data={"zone": f"z{number}"})
    assert town.wait(300).said() == [(float(n), "active", 3) for n in range(1, 20, 2)]
    for number in range(20):
        town.hear(300 + number, "zone_left", data={"zone": f"z{number}"})
    assert len(town.states) == 20
    assert not town.wait(1000).states


def test_who_passed_by_is_not_forgotten_while_their_excuse_is_good() -> None:
    zone = (
        "models: [camera]\ndiscriminator: zone\nwhen: m.event == 'zone_entered'\n"
        "clear: m.event == 'zone_left'\nunless: {when: m.event == 'crowd', within: 30m}\n"
    )
    town = Town(zone).hear(0, "crowd", data={"zone": "a"}).wait(1790)
    assert town.hear(1790, "zone_entered", data={"zone": "a"}).wait(1801).said() == []
    assert not town.wait(4000).states


def test_what_is_told_of_the_hours_in_which_a_rule_sleeps_does_not_ring() -> None:
    asleep = "models: [lift]\nwhen: m.people > 5\nschedule: {hours: '08:05-08:10'}\n"
    town = Town(asleep).hear(200, people=0).hear(310, people=0).hear(320, people=0)
    assert town.hear(250, people=9, arrives=321).wait(330).said() == []
    assert town.hear(305, people=9, arrives=331).said()[0] == (305, "active", 3)
