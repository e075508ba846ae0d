"""Photos of an alert: what somebody saw there, and who may look."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.alerts import listing
from anju_platform.alerts.acting import changed, locked, note_step
from anju_platform.alerts.life import renew
from anju_platform.alerts.model import Handling
from anju_platform.alerts.schemas import AlertView
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import now
from anju_platform.errors import InvalidRequestError
from anju_platform.media import service as media
from anju_platform.media.model import Media


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it was sent, and for how long to keep it."""

    content: bytes
    keep_days: int


def comment(
    session: Session,
    actor: Actor,
    alert_id: UUID,
    *,
    screen: str,
    text: str = "",
    photo: Photo | None = None,
) -> AlertView:
    """Add words, a photo, or both to an alert's timeline, open or closed.

    Raises:
        NotFoundError: no such alert in the actor's reach.
        InvalidRequestError: there are neither words nor a photo, or it is no picture.
    """
    if not text.strip() and photo is None:
        raise InvalidRequestError("a comment needs words or a photo")
    alert = locked(session, actor, alert_id)
    said = {"text": text.strip()}
    if photo is not None:
        said["photo"] = media.add_photo(
            session, actor, photo.content, alert_id=alert_id, keep_days=photo.keep_days
        )
    if alert.handling == Handling.ACKED:  # whoever says something has not left it
        renew(alert, now())
    note_step(session, actor, alert, "commented", screen=screen, data=said)
    return changed(session, alert)


def shows(session: Session, actor: Actor, picture: Media) -> bool:
    """Tell whether a picture is for somebody: whoever watches, or has its open alert in reach."""
    return actor.may(Right.WATCH) or listing.is_open_in_reach(
        session, actor, media_id=picture.id, of=picture.alert_id
    )
