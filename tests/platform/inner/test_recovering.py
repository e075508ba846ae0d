"""What comes and goes: over only when it stays so, for longer each time; counted meanwhile."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from finding_desk import HEAT, SMOKE, START, Desk

from anju_platform.alerts.life import settle
from anju_platform.alerts.model import Condition, Handling
from anju_platform.database import from_millis
from anju_rules import FindingKind, Rule
from anju_rules.durations import Duration


def flaps(desk: Desk, times: int, rule: Rule = HEAT) -> None:
    for n in range(times):
        desk.find(FindingKind.active, n * 20, rule=rule)
        desk.find(FindingKind.cleared, n * 20 + 10, rule=rule)


@pytest.mark.parametrize(("times", "steady_s"), [(4, 60), (5, 120), (6, 240), (12, 600)])
def test_what_flaps_is_over_only_when_it_has_been_so_for_longer_each_time(
    desk: Desk, times: int, steady_s: int
) -> None:
    flaps(desk, times)
    alert = desk.alert
    assert (alert.condition, alert.occurrences) == (Condition.RECOVERING, times)
    cleared = from_millis(START) + timedelta(seconds=(times - 1) * 20 + 10)
    over = cleared + timedelta(seconds=steady_s)
    assert settle(alert, over - timedelta(milliseconds=1)) == ()
    assert settle(alert, over) == ("cleared",)
    assert (alert.condition, alert.cleared_at) == (Condition.CLEAR, over)


def test_the_rules_own_time_is_what_is_doubled(desk: Desk) -> None:
    slow = msgspec.structs.replace(HEAT, clear_for=Duration(120_000))
    flaps(desk, 4, slow)
    over = from_millis(START) + timedelta(seconds=70 + 240)
    assert settle(desk.alert, over - timedelta(seconds=1)) == ()
    assert settle(desk.alert, over) == ("cleared",)


def test_what_flaps_is_folded_into_a_counter(desk: Desk) -> None:
    flaps(desk, 4)
    before, version = desk.kinds, desk.alert.version
    flaps(desk, 40)
    assert desk.kinds == before
    assert desk.alert.occurrences == 44
    assert desk.alert.version > version  # screens show the counter


def test_what_flapped_and_somebody_had_is_closed_when_it_is_over(desk: Desk) -> None:
    flaps(desk, 4)
    desk.acknowledge()
    alert = desk.alert
    assert settle(alert, from_millis(START) + timedelta(seconds=130)) == ("cleared", "closed")
    assert alert.handling == Handling.CLOSED


def test_what_is_due_of_what_flaps_is_as_it_was_when_it_goes_on(desk: Desk) -> None:
    flaps(desk, 3)
    due = from_millis(START) + timedelta(minutes=15)
    desk.alert.due_at = due
    desk.session.flush()
    desk.find(FindingKind.active, 60)
    desk.find(FindingKind.cleared, 70)
    assert desk.alert.due_at == from_millis(START) + timedelta(seconds=130)
    desk.find(FindingKind.active, 80)
    assert (desk.alert.condition, desk.alert.due_at) == (Condition.ACTIVE, due)


def test_a_rise_of_what_flaps_begins_at_once(desk: Desk) -> None:
    flaps(desk, 4)
    rise = desk.find(FindingKind.active, 90, severity=2)
    assert rise is not None
    assert rise.tell
    assert desk.alert.due_at == from_millis(START + 90_000)


def test_life_safety_that_flaps_and_somebody_has_does_not_ring_each_time(desk: Desk) -> None:
    flaps(desk, 4, SMOKE)
    desk.acknowledge(80)
    again = desk.find(FindingKind.active, 90, rule=SMOKE)
    assert again is not None
    assert not again.tell
    later = desk.find(FindingKind.active, 380, rule=SMOKE)
    assert later is not None
    assert later.tell  # after five minutes, as of anything that lasts
