"""What comes and goes: over only when it stays so, for longer each time; counted meanwhile."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from finding_desk import HEAT, SMOKE, START, Desk

from anju_platform.alerts.life import hand_back, renew, settle, wait
from anju_platform.alerts.model import Condition, Handling
from anju_platform.alerts.unwatched import lose_sight
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


@pytest.mark.parametrize("latch", [True, False])
def test_life_safety_that_flaps_calls_again_whoever_had_it(desk: Desk, latch: bool) -> None:
    rule = msgspec.structs.replace(SMOKE, latch=latch)
    flaps(desk, 4, rule)
    desk.acknowledge(80)
    again = desk.find(FindingKind.active, 90, rule=rule)
    assert again is not None
    assert again.tell
    assert (desk.alert.handling, desk.alert.acked_at) == (Handling.UNACKED, None)


def test_anything_else_that_flaps_and_somebody_has_does_not_ring_each_time(desk: Desk) -> None:
    flaps(desk, 4)
    desk.acknowledge(80)
    again = desk.find(FindingKind.active, 90)
    assert again is not None
    assert not again.tell


def test_what_flaps_and_nobody_judges_any_more_is_not_looked_at_for_that(desk: Desk) -> None:
    flaps(desk, 3)
    due = from_millis(START) + timedelta(minutes=15)
    desk.alert.due_at = due
    desk.session.flush()
    flaps_on = (desk.find(FindingKind.active, 60), desk.find(FindingKind.cleared, 70))
    assert all(flaps_on)
    assert desk.alert.due_at < due
    entity = (desk.device.community_id, HEAT.id, desk.device.slug)
    (alert,) = lose_sight(desk.session, [], [entity], START + 75_000)
    assert (alert.condition, alert.due_at) == (Condition.UNKNOWN, due)
    assert "clears" not in alert.evidence
    wait(alert)
    assert alert.due_at == due


def test_what_a_release_before_left_of_it_keeps_nobody_busy(desk: Desk) -> None:
    flaps(desk, 4)
    due = from_millis(START) + timedelta(minutes=15)
    desk.alert.condition, desk.alert.due_at = Condition.UNKNOWN, due
    wait(desk.alert)
    assert desk.alert.due_at == due
    assert "clears" not in desk.alert.evidence


def test_what_was_made_due_anew_while_it_recovered_is_due_then(desk: Desk) -> None:
    flaps(desk, 4)
    desk.acknowledge(75)
    renew(desk.alert, from_millis(START + 75_000))  # for as long as that is good
    at = from_millis(START + 80_000)
    hand_back(desk.alert, at)
    desk.session.flush()
    desk.find(FindingKind.active, 90)
    assert desk.alert.due_at == at
