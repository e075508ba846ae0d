"""Somebody of the family goes there: the others know, and the desk sees it.

What a life hangs on stays with the desk until somebody there takes it on: a daughter an hour
away who says that she goes must not silence the wall (ADR 26).
"""

from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts.acting import changed, demand, locked, note_step, present, take_on
from anju_platform.alerts.life import hand_back
from anju_platform.alerts.model import Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now

LIFE = 1


def go(session: Session, actor: Actor, alert_id: UUID, *, screen: str) -> AlertView:
    """Say that one goes there. Doing so twice is the same as once.

    Anything but what a life hangs on is thereby taken on, if nobody has it.

    Raises:
        NotFoundError: no such alert of the actor's homes.
        ForbiddenError: the actor has no home here.
        AlertChangedError: it is closed, or somebody else goes already.
    """
    actor.demand(Right.OWN_HOMES)
    alert = locked(session, actor, alert_id)
    demand(session, alert, alert.handling != Handling.CLOSED, "it is closed already")
    if alert.going_by == actor.user_id:
        return present(session, alert)
    demand(session, alert, alert.going_by is None, "somebody else goes already")
    alert.going_by, alert.going_at = actor.user_id, now()
    note_step(session, actor, alert, "going", screen=screen, data={})
    if alert.severity > LIFE and alert.handling == Handling.UNACKED:
        take_on(session, actor, alert, screen)
    return changed(session, alert)


def stay(session: Session, actor: Actor, alert_id: UUID, *, screen: str) -> AlertView:
    """Say that one does not go after all: what one had is new to people again.

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
    if alert.handling == Handling.ACKED and alert.acked_by == actor.user_id:
        hand_back(alert, now())
    return changed(session, alert)
