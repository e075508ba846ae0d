"""Somebody of the family goes there: the others know, and the desk sees it.

What a life hangs on stays with the desk until somebody there takes it on: a daughter an hour
away who says that she goes must not silence the wall (ADR 26).
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts.acting import changed, demand, locked, note_step, present, take_on
from anju_platform.alerts.life import hand_back, is_for_life
from anju_platform.alerts.model import Alert, Condition, Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.alerts.telling import tell
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.notifications import repository as notifications

GOES_FOR = timedelta(minutes=30)
"""After so long somebody else may go: whoever said it may have been held up, or forgotten it."""


def go(session: Session, actor: Actor, alert_id: UUID, *, screen: str) -> AlertView:
    """Say that one goes there. Doing so twice is the same as once.

    Anything but what a life may hang on is thereby taken on, if nobody has it.

    Raises:
        NotFoundError: no such alert of the actor's homes.
        ForbiddenError: the actor has no home here.
        AlertChangedError: it is closed or over, or somebody else goes already.
    """
    actor.demand(Right.OWN_HOMES)
    alert = locked(session, actor, alert_id)
    is_over = alert.condition == Condition.CLEAR and not alert.latched
    is_closed = alert.handling == Handling.CLOSED
    demand(session, alert, not (is_closed or is_over), "it is over already")
    if alert.going_by == actor.user_id:
        return present(session, alert)
    at = now()
    may_go = alert.going_by is None or alert.going_at is None or at - alert.going_at > GOES_FOR
    demand(session, alert, may_go, "somebody else goes already")
    before = alert.going_by
    alert.going_by, alert.going_at = actor.user_id, at
    note_step(session, actor, alert, "going", screen=screen, data={})
    is_free = alert.handling == Handling.UNACKED or _has_it(alert, before)
    if not is_for_life(alert) and is_free:
        take_on(session, actor, alert, screen)
    return changed(session, alert)


def stay(session: Session, actor: Actor, alert_id: UUID, *, screen: str) -> AlertView:
    """Say that one does not go after all: what one had is new to people again, who are told.

    Raises:
        NotFoundError: no such alert of the actor's homes.
        ForbiddenError: the actor has no home here.
    """
    actor.demand(Right.OWN_HOMES)
    alert = locked(session, actor, alert_id)
    if alert.going_by != actor.user_id:
        return present(session, alert)
    alert.going_by = alert.going_at = None
    note_step(session, actor, alert, "not_going", screen=screen, data={})
    if not _has_it(alert, actor.user_id):
        return changed(session, alert)
    hand_back(alert, now())
    view = changed(session, alert)
    first = notifications.told_first(session, alert.id)
    notifications.add(session, tell(alert, "expired", first))
    return view


def _has_it(alert: Alert, user_id: int | None) -> bool:
    """Tell whether it is theirs: they took it on, and nobody else was sent."""
    is_theirs = user_id is not None and alert.acked_by == user_id
    return alert.handling == Handling.ACKED and is_theirs and alert.owner_id in (None, user_id)
