"""Looking again at alerts that are due: the next step, or an acknowledgement that ran out.

Which alerts are due is a column of theirs, so nothing is in memory that a crash could lose, and
any number of processes may look at the same time: a row is locked by one of them.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts import repository as alerts
from anju_platform.alerts.model import Alert, Condition, Handling
from anju_platform.alerts.policy import DEFAULTS, FIRST, Begun, begin, begun
from anju_platform.alerts.raising import hand_back, people_are_called
from anju_platform.auth.model import Role
from anju_platform.auth.repository import users
from anju_platform.database import UNAVAILABLE, Json, now, transaction
from anju_platform.escalation import repository
from anju_platform.notifications import repository as notifications
from anju_platform.notifications.planning import plan
from anju_platform.notifications.repository import Planned
from anju_platform.screens.service import is_watched

log = logging.getLogger(__name__)

AT_ONCE = 100
"""So many alerts are looked at in one transaction."""
_URGENT = 2
_INSTEAD = (Role.PROPERTY, Role.ADMIN, Role.GUARD)
"""Who is told when there is nobody of those a step names."""


@dataclass(slots=True)
class _Said:
    """What one look at due alerts amounts to."""

    at: datetime
    entries: list[alerts.Entry] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    changed: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def note(self, alert: Alert, kind: str, data: Json) -> None:
        self.entries.append(alerts.Entry(alert.id, alert.community_id, self.at, kind, data))
        self.changed.setdefault(alert.community_id, []).append(("alert", str(alert.id)))

    def tell(self, alert: Alert, kind: str, recipients: Sequence[str], *, step: int) -> None:
        self.planned += plan(
            community_id=alert.community_id,
            alert_id=alert.id,
            transition=alert.version,
            severity=alert.severity,
            recipients=recipients,
            payload={
                "kind": kind,
                "severity": alert.severity,
                "title": alert.title,
                "title_en": alert.title_en,
            },
            step=step,
        )


def escalate_due(engine: Engine, at: datetime | None = None) -> int:
    """Look at what is due now, or at a moment; gives how many alerts were looked at."""
    with transaction(engine) as session:
        return escalate(session, at or now())


def escalate(session: Session, at: datetime) -> int:
    """Look at what is due; what is told and written goes with the caller's transaction.

    An alert that cannot be dealt with keeps the others from nothing; it stays due, and whoever
    looks after us says so (oversight).
    """
    due = repository.lock_due(session, at, limit=AT_ONCE)
    said = _Said(at)
    for alert in due:
        try:
            with session.begin_nested():
                _look_again(session, alert, said)
        except UNAVAILABLE:
            raise
        except Exception:
            log.exception("alert %s cannot be escalated", alert.id)
    alerts.add_entries(session, said.entries)
    notifications.add(session, said.planned)
    for community_id, changes in sorted(said.changed.items()):
        alerts.announce_all(session, community_id, changes)
    return len(due)


def _look_again(session: Session, alert: Alert, said: _Said) -> None:
    if alert.handling == Handling.ACKED:
        _end_acknowledgement(session, alert, said)
        return
    course = begun(alert.policy) or _begin(session, alert, said.at)
    if alert.due_at is not None and alert.due_at > said.at:
        return
    if people_are_called(alert):
        _tell_next(session, alert, course, said)
    else:
        alert.due_at = said.at + timedelta(seconds=course.repeat_s)


def _begin(session: Session, alert: Alert, at: datetime) -> Begun:
    """Let an alert go by the plan there is for it now, from when it became due."""
    found = repository.policy_for(session, alert.community_id, alert.severity, alert.place_id)
    course = begin(found or DEFAULTS[alert.severity], alert.severity, alert.due_at or at)
    alert.policy, alert.step = msgspec.to_builtins(course), 0
    alert.due_at = course.is_due(0, at)
    if alert.severity <= _URGENT and not is_watched(session, alert.community_id, at):
        alert.due_at = at  # nobody can see it: nobody is waited for
    return course


def _tell_next(session: Session, alert: Alert, course: Begun, said: _Said) -> None:
    named = course.step(alert.step).to
    recipients = _people(session, alert, named)
    alert.step += 1
    alert.due_at = course.is_due(alert.step, said.at)
    note: Json = {"step": alert.step, "to": recipients}
    if not is_watched(session, alert.community_id, said.at):
        note["unwatched"] = True
    said.note(alert, "escalated", note)
    said.tell(alert, "escalated", recipients, step=alert.step)


def _end_acknowledgement(session: Session, alert: Alert, said: _Said) -> None:
    """Make an alert new to people whose acknowledgement ran out while it lasts."""
    if alert.condition == Condition.CLEAR:
        alert.due_at = None  # it is over: somebody only has to say why
        return
    recipients = _people(session, alert, (FIRST, f"user:{alert.owner_id or alert.acked_by}"))
    hand_back(alert, said.at)
    alert.version += 1
    _begin(session, alert, said.at)
    said.note(alert, "expired", {"to": recipients})
    if people_are_called(alert):
        said.tell(alert, "expired", recipients, step=0)


def _people(session: Session, alert: Alert, targets: Iterable[str]) -> list[str]:
    """Give whom a step reaches; where there is none of them, somebody else of the community."""
    there = users(session, alert.community_id)
    known = {f"role:{user.role}" for user in there} | {f"user:{user.id}" for user in there}
    named: list[str] = []
    for target in targets:
        named += notifications.told_first(session, alert.id) if target == FIRST else [target]
    found = [one for one in dict.fromkeys(named) if one in known]
    return found or [f"role:{role}" for role in _INSTEAD if f"role:{role}" in known][:1]
