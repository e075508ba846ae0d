"""What every action of a person on an alert begins and ends with.

It locks the alert's row, checks the version that was seen, adds a timeline entry and tells the
screens, all in the caller's transaction.
"""

from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts import repository
from anju_platform.alerts.life import renew
from anju_platform.alerts.listing import is_in_reach, one_alert
from anju_platform.alerts.model import Alert, Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.errors import ConflictError, NotFoundError


class AlertChangedError(ConflictError):
    """Somebody or something was faster; ``alert`` is the present state."""

    title = "The alert has changed meanwhile"

    def __init__(self, message: str, alert: AlertView) -> None:
        super().__init__(message)
        self.alert = alert

    def members(self) -> Json:
        """Give the alert as it is now."""
        return {"alert": self.alert.model_dump(mode="json")}


def found(session: Session, actor: Actor, alert_id: UUID, *, for_update: bool = False) -> Alert:
    """Find an alert in the actor's reach.

    Raises:
        NotFoundError: there is none.
    """
    alert = repository.get(session, actor.community_id, alert_id, for_update=for_update)
    if alert is None or not is_in_reach(session, actor, alert_id):
        raise NotFoundError("there is no such alert")
    return alert


def locked(session: Session, actor: Actor, alert_id: UUID) -> Alert:
    """Lock an alert in the actor's reach.

    Raises:
        NotFoundError: there is none.
    """
    return found(session, actor, alert_id, for_update=True)


def present(session: Session, alert: Alert) -> AlertView:
    """Give an alert as people read it."""
    view = one_alert(session, alert.community_id, alert.id)
    if view is None:
        raise NotFoundError("there is no such alert")
    return view


def demand(session: Session, alert: Alert, right: bool, message: str) -> None:
    """Check that what was asked for fits the alert as it is.

    Raises:
        AlertChangedError: it does not; ``message`` says why.
    """
    if not right:
        raise AlertChangedError(message, present(session, alert))


def demand_version(session: Session, alert: Alert, version: int) -> None:
    """Check that the person saw the alert as it is.

    Raises:
        AlertChangedError: it has changed since ``version``.
    """
    demand(session, alert, alert.version == version, "it has changed since you looked; look again")


def note_step(
    session: Session, actor: Actor, alert: Alert, kind: str, *, screen: str, data: Json
) -> None:
    """Write what a person did into the timeline and the audit."""
    repository.add_entry(
        session, alert, kind, now(), user_id=actor.user_id, screen=screen, data=data
    )
    record(session, actor, f"alert.{kind}", f"alert:{alert.id}", {"screen": screen})


def take_on(session: Session, actor: Actor, alert: Alert, screen: str) -> None:
    """Let the person have the alert."""
    alert.handling = Handling.ACKED
    alert.acked_at, alert.acked_by = now(), actor.user_id
    renew(alert, alert.acked_at)
    note_step(session, actor, alert, "acked", screen=screen, data={})


def changed(session: Session, alert: Alert) -> AlertView:
    """Count the change, tell the screens, and give the alert as it then stands."""
    alert.version += 1
    session.flush()
    repository.announce(session, alert.community_id, "alert", str(alert.id))
    return present(session, alert)
