"""Looking again at alerts that are due: the next step, or an acknowledgement that ran out.

Which alerts are due is a column of theirs, so nothing is in memory that a crash could lose, and
any number of processes may look at the same time: a row is locked by one of them.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.alerts import muting
from anju_platform.alerts import repository as alerts
from anju_platform.alerts.life import (
    QUIET,
    UNDER_WORK,
    hand_back,
    is_over,
    is_shelved,
    people_are_called,
    settle,
    shelved_until,
    wait,
)
from anju_platform.alerts.listing import SILENT
from anju_platform.alerts.model import Alert, Condition, Handling, Mode, Overlay
from anju_platform.alerts.policy import DEFAULTS, FIRST, GOOD_FOR, Begun, begin, begun
from anju_platform.alerts.shelving import come_back
from anju_platform.alerts.telling import tell
from anju_platform.alerts.windows import repository as windows
from anju_platform.alerts.windows.known import Windows
from anju_platform.database import (
    UNAVAILABLE,
    Json,
    from_millis,
    is_too_large,
    now,
    transaction,
)
from anju_platform.escalation import repository
from anju_platform.escalation.callees import About, Called, Callees
from anju_platform.notifications import repository as notifications
from anju_platform.notifications.repository import Planned
from anju_platform.screens.service import is_watched

log = logging.getLogger(__name__)

AT_ONCE = 20
"""So many alerts are looked at in one transaction: as long it keeps others from them."""
_URGENT = 2


@dataclass(slots=True)
class _Said:
    """What one look at due alerts amounts to."""

    entries: list[alerts.Entry] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    changed: dict[int, list[tuple[str, str]]] = field(default_factory=dict)


def escalate_due(engine: Engine, at: datetime | None = None) -> int:
    """Look at what is due now, or at a moment; gives how many alerts were dealt with.

    An alert that cannot be dealt with keeps the others from nothing; it stays due, and whoever
    looks after us says so (oversight).
    """
    with transaction(engine) as session:
        look = _Look(session, at or now())
        said = _Said()
        done = 0
        while due := look.due():
            done += sum(look.take(alert, said) for alert in due)
            if done or len(due) < AT_ONCE:
                break
        alerts.add_entries(session, said.entries)
        notifications.add(session, said.planned)
        for community_id, changes in sorted(said.changed.items()):
            alerts.announce_all(session, community_id, changes)
    return done


class _Look:
    """One look at what is due, in one transaction; what it learns of a community it keeps."""

    def __init__(self, session: Session, at: datetime) -> None:
        self._session = session
        self._at = at
        self._callees: dict[int, Callees] = {}
        self._watched: dict[tuple[int, int], bool] = {}
        self._windows: dict[int, Windows] = {}
        self._failed: list[UUID] = []
        self._entries: list[alerts.Entry] = []
        self._planned: list[Planned] = []

    def due(self) -> list[Alert]:
        """Lock what is due, the worst first, but for what has just failed."""
        return repository.lock_due(self._session, self._at, but=self._failed, limit=AT_ONCE)

    def take(self, alert: Alert, said: _Said) -> bool:
        """Look at one alert; gives False when that failed, and then nothing of it is written."""
        self._entries, self._planned = [], []
        alert_id = alert.id
        try:
            with self._session.begin_nested():
                self._again(alert)
        except Exception as error:
            if isinstance(error, UNAVAILABLE) and not is_too_large(error):
                raise
            log.exception("alert %s cannot be escalated", alert_id)
            self._failed.append(alert_id)
            return False
        said.entries += self._entries
        said.planned += self._planned
        if self._entries:
            said.changed.setdefault(alert.community_id, []).append(("alert", str(alert.id)))
        return True

    def _again(self, alert: Alert) -> None:
        for kind in settle(alert, self._at):
            self._note(alert, kind, {"severity": alert.severity})
        if self._entries:
            self._session.flush()
            muting.ended(self._session, alert, self._at)
        if alert.handling == Handling.CLOSED:
            return
        muted = self._mute_as_now(alert)
        if is_shelved(alert):
            self._end_shelf(alert, shelved_until(alert) or self._at)
        elif Overlay.INHIBITED in muted:
            alert.due_at = self._at + QUIET
        elif muted:
            until = from_millis(muted[Overlay.MAINTENANCE]["until"])
            alert.due_at = min(until, self._at + UNDER_WORK)
        elif alert.handling == Handling.ACKED:
            self._end_acknowledgement(alert)
        else:
            self._go_on(alert)
        wait(alert)

    def _mute_as_now(self, alert: Alert) -> dict[str, Json]:
        """Mute an alert as work and other alerts now do, and let it speak that they no longer do.

        Gives what mutes it. What goes on after its drill was no exercise.
        """
        found = self._windows_of(alert.community_id)
        muted = muting.muted_by(self._session, found, alert, self._at)
        own = [one for one in alert.overlays if one == Overlay.SHELVED]
        lifted = [one for one in alert.overlays if one not in muted and one not in own]
        alert.overlays = [one for one in alert.overlays if one not in lifted]
        for overlay, said in muted.items():
            if overlay not in alert.overlays:
                self._entries.append(muting.mute(alert, Overlay(overlay), said, self._at))
        for overlay in lifted:
            alert.version += 1
            self._note(alert, "unmuted", {"overlay": overlay})
        is_real = alert.mode == Mode.DRILL and not is_over(alert)
        if is_real and found.drill(alert, self._at) is None:
            alert.mode = Mode.ACTUAL
            self._speak(alert, "drill_over")
        elif lifted and not is_over(alert):
            if Overlay.MAINTENANCE in lifted and alert.handling == Handling.ACKED:
                hand_back(alert, self._at)  # they took on something under work
            self._lift(alert)
        return muted

    def _lift(self, alert: Alert) -> None:
        """Let an alert speak, if nothing mutes it any more."""
        if alert.overlays:
            return
        if alert.handling == Handling.ACKED:
            come_back(alert, self._at)  # they knew what explained it, and have it still
        else:
            self._speak(alert, "speaks")

    def _speak(self, alert: Alert, kind: str) -> None:
        """Make an alert new to people: what they knew of it was of other circumstances."""
        recipients = self._called(alert, (FIRST,)).to
        hand_back(alert, self._at)
        self._new_again(alert, kind, recipients)

    def _windows_of(self, community_id: int) -> Windows:
        if community_id not in self._windows:
            self._windows[community_id] = windows.load(self._session, {community_id})
        return self._windows[community_id]

    def _go_on(self, alert: Alert) -> None:
        """Take the next step of what nobody has, if it is due."""
        course = begun(alert.policy)
        if course is None or course.severity != alert.severity:
            if course is None and alert.policy is not None:
                alert.version += 1  # nobody can read how far it came: its steps are told anew
            course = self._begin(alert)
        if alert.due_at > self._at:
            return
        if people_are_called(alert):
            self._tell_next(alert, course)
        else:
            alert.due_at = self._at + QUIET

    def _begin(self, alert: Alert) -> Begun:
        """Let an alert go by the plan there is for it now, from when it became due."""
        community, since = alert.community_id, alert.due_at
        found = repository.policy_for(self._session, community, alert.severity, alert.place_id)
        course = begin(found or DEFAULTS[alert.severity], alert.severity, since)
        alert.policy, alert.step = msgspec.to_builtins(course), 0
        if alert.severity > _URGENT or self._is_watched(alert):
            alert.due_at = course.is_due(0, since)
        return course  # nobody can see it: nobody is waited for

    def _tell_next(self, alert: Alert, course: Begun) -> None:
        """Call those of all steps that are due: what was missed is told once."""
        is_first = alert.step == 0
        named = list(course.step(alert.step).to)
        alert.step += 1
        while alert.step < len(course.steps) and course.is_due(alert.step, self._at) <= self._at:
            named += course.step(alert.step).to
            alert.step += 1
        called = self._called(alert, named)
        alert.due_at = course.is_due(alert.step, self._at)
        data: Json = {"step": alert.step, "to": called.to, **called.said()}
        if is_first and alert.severity <= _URGENT and not self._is_watched(alert):
            data["unwatched"] = True
        self._note(alert, "escalated", data)
        self._planned += tell(alert, "escalated", called.to, step=alert.step)

    def _end_acknowledgement(self, alert: Alert) -> None:
        """Make an alert new to people whose acknowledgement ran out while it lasts."""
        good_for = GOOD_FOR[alert.severity]
        good_until = (alert.acked_at or self._at) + good_for
        if alert.condition == Condition.CLEAR or good_until > self._at:
            # it is over, somebody only has to say why; or a process of the release before,
            # which knows no end, acknowledged it
            alert.due_at = max(good_until, self._at + QUIET)
            return
        recipients = self._called(alert, (FIRST, f"user:{alert.owner_id or alert.acked_by}")).to
        hand_back(alert, self._at)
        self._new_again(alert, "expired", recipients)

    def _end_shelf(self, alert: Alert, until: datetime) -> None:
        """Take an alert up again whose time on the shelf is over."""
        if until > self._at:
            alert.due_at = until
            return
        recipients = self._called(alert, (FIRST,)).to
        come_back(alert, self._at)
        if alert.handling == Handling.UNACKED:
            self._new_again(alert, "unshelved", recipients)
        else:
            alert.version += 1
            self._note(alert, "unshelved", {})

    def _new_again(self, alert: Alert, kind: str, recipients: Sequence[str]) -> None:
        """Tell of an alert that is new to people once more."""
        alert.version += 1
        self._begin(alert)
        is_called = people_are_called(alert)
        self._note(alert, kind, {"to": recipients if is_called else []})
        if is_called:
            self._planned += tell(alert, kind, recipients)

    def _note(self, alert: Alert, kind: str, data: Json) -> None:
        self._entries.append(alerts.Entry(alert.id, alert.community_id, self._at, kind, data))

    def _called(self, alert: Alert, targets: Iterable[str]) -> Called:
        """Give whom a step reaches."""
        community = alert.community_id
        if community not in self._callees:
            self._callees[community] = Callees(self._session, community, self._at)
        about = About(
            household_id=alert.household_id,
            severity=alert.severity,
            home_is_told=alert.rule_id not in SILENT,
            first=lambda: self._first(alert),
        )
        return self._callees[community].call(targets, about)

    def _first(self, alert: Alert) -> list[str]:
        """Give who was told first, and who would have been, had it not been muted then."""
        told = notifications.told_first(self._session, alert.id)
        return told + [f"role:{role}" for role in alert.evidence.get("notify", ())]

    def _is_watched(self, alert: Alert) -> bool:
        """Tell whether a wall shows it; what a life hangs on needs one that can sound."""
        key = alert.community_id, min(alert.severity, _URGENT)
        if key not in self._watched:
            self._watched[key] = is_watched(
                self._session, alert.community_id, self._at, aloud=alert.severity == 1
            )
        return self._watched[key]
