"""Alerts pass from those who leave to whoever comes on: nobody's at the change of shift."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts import repository
from anju_platform.alerts.acting import note_step
from anju_platform.alerts.life import renew
from anju_platform.alerts.listing import open_alerts
from anju_platform.alerts.model import Alert, Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.auth.actor import Actor
from anju_platform.database import now


def held(session: Session, actor: Actor, people: Collection[int]) -> tuple[AlertView, ...]:
    """Give the open alerts that these people have, the worst first."""
    return tuple(
        one
        for one in open_alerts(session, actor)
        if one.handling == Handling.ACKED and one.owner_id in people
    )


def pass_on(session: Session, actor: Actor, people: Collection[int], *, screen: str) -> list[UUID]:
    """Let the actor have what these people have; gives which alerts those are.

    As a note does, it says that somebody is there: the acknowledgement begins anew.
    """
    wanted = sorted(one.id for one in held(session, actor, people))
    found = (repository.get(session, actor.community_id, one, for_update=True) for one in wanted)
    passed = [one for one in found if one is not None and _has(one, people)]
    for alert in passed:
        said = {"from": alert.owner_id or alert.acked_by}
        alert.acked_by, alert.owner_id, alert.acked_at = actor.user_id, None, now()
        renew(alert, alert.acked_at)
        alert.version += 1
        note_step(session, actor, alert, "handed_over", screen=screen, data=said)
    session.flush()
    changes = [("alert", str(one.id)) for one in passed]
    if changes:
        repository.announce_all(session, actor.community_id, changes)
    return [one.id for one in passed]


def _has(alert: Alert, people: Collection[int]) -> bool:
    return alert.handling == Handling.ACKED and (alert.owner_id or alert.acked_by) in people
