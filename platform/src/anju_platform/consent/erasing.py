"""What a sensor of a home has said is deleted for good, when whoever lives there wants it so."""

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.consent import repository
from anju_platform.consent.schemas import Erased
from anju_platform.errors import ConflictError, NotFoundError


def erase(session: Session, actor: Actor, slug: str, device_slug: str) -> Erased:
    """Delete readings, sums, events, snapshots, what was learned, values in alerts, of a sensor.

    That there was an alert, and what people did, stays. Only what passes nothing on any more is
    erased: what comes in a second later would make it untrue.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: no such home or sensor in the actor's community.
        ConflictError: it is still listened to.
    """
    actor.demand(Right.ERASE_CARE)
    found = repository.lock_home(session, actor.community_id, slug)
    device = repository.device_of(session, found[0].id, device_slug) if found else None
    if found is None or device is None:
        raise NotFoundError(
            "there is no household {slug!r} with a sensor {device_slug!r}",
            slug=slug,
            device_slug=device_slug,
        )
    if device.state == "approved":
        raise ConflictError("it is still listened to: let it be stopped, or retire it, before")
    repository.erase_pictures(session, device)
    erased = Erased(
        readings=repository.erase_readings(session, device),
        events=repository.erase_events(session, device),
    )
    repository.erase_traces(session, device, found[0])
    said = {"device": device_slug, **erased.model_dump()}
    record(session, actor, "care.erased", f"household:{slug}", said)
    return erased
