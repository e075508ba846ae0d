"""From finding to alert: each promise of the semantics about an alert's life."""

from __future__ import annotations

import pytest
from finding_desk import SMOKE, START, Desk
from sqlalchemy import select

from anju_platform.alerts.model import Condition, Handling, TimelineEntry
from anju_platform.auth.model import Role, User
from anju_platform.database import from_millis
from anju_rules import FindingKind


def test_the_first_finding_raises_and_is_told(desk: Desk) -> None:
    transition = desk.find(FindingKind.active, event_ids=("e-1",), values={"temperature": 40})
    assert transition is not None
    assert transition.tell
    alert = desk.alert
    assert (alert.condition, alert.handling, alert.severity) == ("active", "unacked", 3)
    assert (alert.device_id, alert.place_id) == (desk.device.id, desk.device.place_id)
    assert alert.evidence["event_ids"] == ["e-1"]
    assert alert.id.version == 7
    assert desk.kinds == ["raised"]


def test_clearing_what_nobody_saw_leaves_it_on_the_wall(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.find(FindingKind.cleared, 60)
    assert (desk.alert.condition, desk.alert.handling) == (Condition.CLEAR, Handling.UNACKED)


def test_clearing_what_was_acknowledged_closes_it(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.acknowledge()
    desk.find(FindingKind.cleared, 60)
    assert desk.alert.handling == Handling.CLOSED
    assert desk.alert.closed_by is None
    assert desk.kinds == ["raised", "cleared", "closed"]


def test_a_life_safety_alert_is_never_closed_by_clearing(desk: Desk) -> None:
    desk.find(FindingKind.active, rule=SMOKE)
    desk.acknowledge()
    desk.find(FindingKind.cleared, 60, rule=SMOKE)
    assert (desk.alert.condition, desk.alert.handling) == (Condition.CLEAR, Handling.ACKED)


def test_what_came_back_is_told_again_and_counted(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.find(FindingKind.cleared, 60)
    transition = desk.find(FindingKind.active, 120)
    assert transition is not None
    assert transition.tell
    assert (desk.alert.condition, desk.alert.occurrences) == (Condition.ACTIVE, 2)


def test_a_repeat_while_active_is_counted_and_not_told(desk: Desk) -> None:
    desk.find(FindingKind.active, event_ids=("e-1",))
    transition = desk.find(FindingKind.active, 5, event_ids=("e-2",))
    assert transition is not None
    assert not transition.tell
    assert desk.alert.occurrences == 2
    assert desk.alert.evidence["event_ids"] == ["e-1", "e-2"]


def test_a_rise_takes_the_acknowledgement_back_and_is_told(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.acknowledge()
    transition = desk.find(FindingKind.severity, 60, severity=2)
    assert transition is not None
    assert transition.tell
    assert (desk.alert.severity, desk.alert.handling) == (2, Handling.UNACKED)
    assert desk.alert.occurrences == 1


def test_a_fall_only_updates(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.acknowledge()
    transition = desk.find(FindingKind.severity, 60, severity=4)
    assert transition is not None
    assert not transition.tell
    assert (desk.alert.severity, desk.alert.handling) == (4, Handling.ACKED)


def test_unknown_never_closes(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.acknowledge()
    desk.find(FindingKind.unknown, 60)
    assert (desk.alert.condition, desk.alert.handling) == (Condition.UNKNOWN, Handling.ACKED)


def test_back_within_five_minutes_reopens_the_same_alert(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.close(60)
    transition = desk.find(FindingKind.active, 60 + 299)
    assert transition is not None
    assert transition.tell
    assert len(desk.alerts) == 1
    assert (desk.alert.handling, desk.alert.occurrences) == (Handling.UNACKED, 2)
    assert desk.alert.closed_at is None
    assert desk.alert.cause is None
    assert desk.kinds == ["raised", "reopened"]


def test_back_later_is_a_new_alert_linked_to_the_former(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.close(60)
    desk.find(FindingKind.active, 60 + 301)
    former, alert = desk.alerts
    assert alert.previous_id == former.id
    assert (alert.occurrences, former.handling) == (1, Handling.CLOSED)


@pytest.mark.parametrize("kind", [FindingKind.cleared, FindingKind.unknown, FindingKind.severity])
def test_only_active_raises(desk: Desk, kind: FindingKind) -> None:
    assert desk.find(kind) is None
    assert desk.alerts == []


def test_flapping_is_counted_but_no_longer_told_and_a_rise_always_is(desk: Desk) -> None:
    told = []
    for n in range(6):
        transition = desk.find(FindingKind.active, n * 60)
        assert transition is not None
        told.append(transition.tell)
        desk.find(FindingKind.cleared, n * 60 + 30)
    assert told == [True, True, True, False, False, False]
    assert desk.alert.occurrences == 6
    assert desk.alert.evidence["flapping"] is True
    rise = desk.find(FindingKind.active, 400, severity=2)
    assert rise is not None
    assert rise.tell


def test_an_overlay_mutes_messages_and_nothing_else(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.find(FindingKind.cleared, 30)
    desk.alert.overlays = ["maintenance"]
    transition = desk.find(FindingKind.active, 60)
    assert transition is not None
    assert not transition.tell
    assert desk.alert.condition == "active"


def test_every_change_has_a_version_of_its_own(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.find(FindingKind.active, 1)
    desk.find(FindingKind.cleared, 2)
    desk.find(FindingKind.cleared, 3)
    assert desk.alert.version == 3
    assert len(desk.kinds) == 3


def test_a_late_finding_says_so(desk: Desk) -> None:
    desk.find(FindingKind.active, late_s=240.0)
    entry = desk.session.scalars(select(TimelineEntry)).one()
    assert entry.data["late_s"] == 240.0
    assert desk.alert.evidence["late_s"] == 240.0


def test_a_rise_within_five_minutes_of_closing_reopens_and_is_told(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.close(60)
    transition = desk.find(FindingKind.severity, 120, severity=2)
    assert transition is not None
    assert transition.tell
    assert (desk.alert.severity, desk.alert.handling) == (2, Handling.UNACKED)
    assert desk.alert.condition == Condition.ACTIVE
    assert desk.kinds == ["raised", "reopened"]


def test_a_rise_later_is_a_new_alert_and_is_told(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.close(60)
    transition = desk.find(FindingKind.severity, 4 * 3600, severity=2)
    assert transition is not None
    assert transition.tell
    former, alert = desk.alerts
    assert (alert.previous_id, alert.severity) == (former.id, 2)
    assert (former.severity, former.handling) == (3, Handling.CLOSED)


@pytest.mark.parametrize("severity", [3, 4])
def test_what_was_closed_does_not_return_by_a_fall(desk: Desk, severity: int) -> None:
    desk.find(FindingKind.active)
    desk.close(60)
    assert desk.find(FindingKind.severity, 120, severity=severity) is None
    assert desk.alert.handling == Handling.CLOSED


def test_a_rise_that_reopens_is_told_even_when_it_flaps(desk: Desk) -> None:
    for n in range(5):
        desk.find(FindingKind.active, n)
        desk.find(FindingKind.cleared, n + 0.5)
    desk.close(10)
    transition = desk.find(FindingKind.severity, 20, severity=2)
    assert transition is not None
    assert transition.tell


def test_who_presses_again_after_each_closing_is_told_of_each_time(desk: Desk) -> None:
    for n in range(6):
        transition = desk.find(FindingKind.active, 20 * n, rule=SMOKE)
        assert transition is not None
        assert transition.tell
        desk.close(20 * n + 5)
    assert len(desk.alerts) == 1


@pytest.mark.parametrize("after_s", [300, 4 * 3600])
def test_another_life_safety_event_long_after_the_acknowledgement_is_told(
    desk: Desk, after_s: int
) -> None:
    desk.find(FindingKind.active, rule=SMOKE)
    desk.acknowledge(10)
    before = desk.alert.version
    transition = desk.find(FindingKind.active, 10 + after_s, rule=SMOKE)
    assert transition is not None
    assert transition.tell
    alert = desk.alert
    assert (alert.handling, alert.acked_at, alert.acked_by) == (Handling.UNACKED, None, None)
    assert (alert.version, alert.occurrences) == (before + 1, 2)
    assert transition.entries[0].data["handed_back"] is True


def test_an_alert_is_as_late_as_what_raised_it(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.find(FindingKind.active, 60, late_s=40 * 60.0)
    assert (desk.alert.occurrences, desk.alert.evidence["late_s"]) == (2, 0)


def test_another_life_safety_event_soon_after_the_acknowledgement_is_counted(desk: Desk) -> None:
    desk.find(FindingKind.active, rule=SMOKE)
    desk.acknowledge(10)
    transition = desk.find(FindingKind.active, 309, rule=SMOKE)
    assert transition is not None
    assert not transition.tell
    assert desk.alert.handling == Handling.ACKED


@pytest.mark.parametrize(("after_s", "told"), [(1799, False), (1800, True)])
def test_what_is_said_again_long_after_the_acknowledgement_is_told(
    desk: Desk, after_s: int, told: bool
) -> None:
    """No word from an elder yesterday, acknowledged and forgotten; and none today."""
    desk.find(FindingKind.active)
    desk.acknowledge(10)
    transition = desk.find(FindingKind.active, 10 + after_s)
    assert transition is not None
    assert transition.tell is told
    assert desk.alert.handling == (Handling.UNACKED if told else Handling.ACKED)


def test_smoke_that_clears_and_returns_while_acknowledged_is_told(desk: Desk) -> None:
    desk.find(FindingKind.active, rule=SMOKE)
    desk.acknowledge(10)
    desk.find(FindingKind.cleared, 20, rule=SMOKE)
    transition = desk.find(FindingKind.active, 30, rule=SMOKE)
    assert transition is not None
    assert transition.tell
    assert (desk.alert.handling, desk.alert.condition) == (Handling.UNACKED, Condition.ACTIVE)


def test_an_acknowledgement_without_a_time_does_not_silence_life_safety(desk: Desk) -> None:
    desk.find(FindingKind.active, rule=SMOKE)
    desk.acknowledge()
    desk.alert.acked_at = None
    transition = desk.find(FindingKind.active, 1, rule=SMOKE)
    assert transition is not None
    assert transition.tell


def test_what_is_reopened_belongs_to_nobody(desk: Desk) -> None:
    desk.find(FindingKind.active)
    desk.alert.owner_id = _person(desk)
    desk.close(60)
    desk.find(FindingKind.active, 120)
    assert desk.alert.owner_id is None


def _person(desk: Desk) -> int:
    person = User(
        username="guard",
        name="王磊",
        role=Role.GUARD,
        community_id=desk.device.community_id,
        password_hash="x",
    )
    desk.session.add(person)
    desk.session.flush()
    return person.id


def test_the_timeline_keeps_no_health_values(desk: Desk) -> None:
    desk.find(FindingKind.active, values={"heart_rate": 120, "temperature": 40})
    entry = desk.session.scalars(select(TimelineEntry)).one()
    assert entry.data["values"] == {"temperature": 40}


# -- who hears of it next --------------------------------------------------------------------


def test_a_new_alert_is_looked_at_at_once(desk: Desk) -> None:
    desk.find(FindingKind.active)
    assert (desk.alert.due_at, desk.alert.policy, desk.alert.step) == (from_millis(START), None, 0)


@pytest.mark.parametrize(
    ("kind", "severity"),
    [(FindingKind.active, 2), (FindingKind.severity, 2)],
    ids=["again", "rose"],
)
def test_a_rise_begins_anew_and_takes_it_off_the_shelf(
    desk: Desk, kind: FindingKind, severity: int
) -> None:
    desk.find(FindingKind.active)
    _is_underway(desk)
    desk.alert.overlays, desk.alert.shelf = ["shelved"], {"until": START + 600_000}
    desk.session.flush()
    transition = desk.find(kind, 30, severity=severity)
    assert transition is not None
    assert transition.tell
    alert = desk.alert
    assert (alert.overlays, alert.shelf) == ([], None)
    assert (alert.due_at, alert.policy, alert.step) == (from_millis(START + 30_000), None, 0)


def test_a_fall_leaves_it_to_who_looks_next(desk: Desk) -> None:
    desk.find(FindingKind.active)
    _is_underway(desk)
    desk.find(FindingKind.severity, 30, severity=4)
    assert desk.alert.step == 2


@pytest.mark.parametrize(("rested_s", "step"), [(599, 2), (601, 0)])
def test_what_was_over_for_long_begins_anew_and_what_flaps_goes_on(
    desk: Desk, rested_s: int, step: int
) -> None:
    desk.find(FindingKind.active)
    _is_underway(desk)
    desk.find(FindingKind.cleared, 10)
    desk.find(FindingKind.active, 10 + rested_s)
    assert desk.alert.step == step


def test_reopening_begins_anew(desk: Desk) -> None:
    desk.find(FindingKind.active)
    _is_underway(desk)
    desk.close(60)
    desk.find(FindingKind.active, 120)
    assert (desk.alert.handling, desk.alert.step) == ("unacked", 0)
    assert desk.alert.due_at == from_millis(START + 120_000)


def _is_underway(desk: Desk) -> None:
    """Let two steps have been told."""
    desk.alert.step, desk.alert.policy = 2, {"steps": [], "repeat_s": 60}
    desk.alert.due_at = from_millis(START + 60_000)
    desk.session.flush()
