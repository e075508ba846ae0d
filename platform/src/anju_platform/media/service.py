"""Snapshots taken from gateways, photos from people; shown to people, deleted in time."""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import uuid_utils
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
)
from anju_platform.media import repository
from anju_platform.media.model import Media
from anju_platform.pictures import redrawn
from anju_platform.registry import listing
from anju_platform.registry.credentials import secret_matches
from anju_platform.registry.model import Gateway
from anju_platform.sharing.repository import grounds_of

MAX_BYTES = 2 * 1024 * 1024
_PHOTO_PX = 1920
CONTENT_TYPE = "image/jpeg"
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_ID = re.compile(r"[a-z0-9-]{1,64}")


def authenticate(session: Session, name: str, secret: str) -> Gateway:
    """Find the gateway ``<community>/<gateway>`` and check its secret.

    Raises:
        NotFoundError: no such gateway.
        NotAuthenticatedError: the secret is not its own.
    """
    community_slug, _, slug = name.partition("/")
    gateway = listing.find_gateway(session, community_slug, slug)
    if gateway is None:
        raise NotFoundError("there is no gateway {name!r}", name=name[:129])
    if not secret or not secret_matches(secret, gateway.secret_hash):
        raise NotAuthenticatedError("this is not the gateway's secret")
    return gateway


def store(
    session: Session, gateway: Gateway, media_id: str, content: bytes, *, keep_days: int
) -> bool:
    """Keep a JPEG; gives whether it is new (False: the same one is here already).

    Raises:
        InvalidRequestError: a bad id, or not a whole JPEG.
        ConflictError: another picture has this id.
    """
    if not _ID.fullmatch(media_id):
        raise InvalidRequestError("a snapshot's id is 1 to 64 of a-z, 0-9 and '-'")
    if not content.startswith(_START) or not content.rstrip(b"\0").endswith(_END):
        raise InvalidRequestError("this is not a whole JPEG picture")
    row = {"id": media_id, "community_id": gateway.community_id, "gateway_id": gateway.id}
    row |= _kept(content, keep_days)
    if repository.add(session, row):
        return True
    known = repository.get(session, media_id)
    if known is None or (known.gateway_id, known.sha256) != (gateway.id, row["sha256"]):
        raise ConflictError("another picture has this id")
    return False


def add_photo(
    session: Session, actor: Actor, content: bytes, *, alert_id: UUID, keep_days: int
) -> str:
    """Keep a photo of an alert, drawn anew; gives its id.

    Raises:
        InvalidRequestError: it is no picture, not whole, or too large.
    """
    media_id = str(uuid_utils.uuid7())
    row = {"id": media_id, "community_id": actor.community_id, "user_id": actor.user_id}
    row |= {"alert_id": alert_id} | _kept(redrawn(content, longest_px=_PHOTO_PX), keep_days)
    repository.add(session, row)
    return media_id


def _kept(content: bytes, keep_days: int) -> Json:
    moment = now()
    return {
        "content_type": CONTENT_TYPE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "stored_at": moment,
        "expires_at": moment + timedelta(days=keep_days),
        "content": content,
    }


def view(
    session: Session, actor: Actor, media_id: str, *, may_look: Callable[[Media], bool]
) -> Media:
    """Give a snapshot with its picture; the look is audited, so call it in a transaction.

    Raises:
        NotFoundError: no such picture in the actor's community, it has expired, no alert shows
            it (any more), it is not for the actor, or whoever lives where it was taken does not
            share it.
    """
    media = repository.get(session, media_id, content=True)
    if (
        media is None
        or media.community_id != actor.community_id
        or media.expires_at <= now()
        or not may_look(media)
        or not (media.alert_id or repository.is_of_alert(session, actor.community_id, media_id))
    ):
        raise NotFoundError("there is no such snapshot, or it is past its time")
    for home in repository.of_home(session, actor.community_id, media_id):
        _look_into(session, actor, media_id, home)
    if media.alert_id is not None:
        _look_at_photo(session, actor, media_id, media.alert_id)
    record(session, actor, "media.viewed", f"media:{media_id}")
    return media


def _look_at_photo(session: Session, actor: Actor, media_id: str, alert_id: UUID) -> None:
    """Put a look at a photo on its home's record; once the alert is closed it must be shared.

    While it is open it is for whoever has the alert in reach: a no blinds nobody who helps.
    """
    home = repository.home_of_photo(session, alert_id)
    if home is None:
        return
    household, slug, is_open = home
    grounds = grounds_of(session, actor, household, "", "")
    if not is_open and grounds.values is None:
        raise NotFoundError("there is no such photo, or it is not shared")
    said = {"media": media_id, "alert": str(alert_id)} | grounds.reason
    record(session, actor, "care.read", f"household:{slug}", said)


def _look_into(session: Session, actor: Actor, media_id: str, home: tuple[int, str, str]) -> None:
    """Check that a picture of a home is shared, and put the look on the home's record."""
    household, slug, model = home
    grounds = grounds_of(session, actor, household, slug, model)
    if grounds.values is None:
        raise NotFoundError("there is no such snapshot, or it is not shared")
    said = {"household": household, "media": media_id, **grounds.reason}
    record(session, actor, "care.read", f"device:{slug}", said)


def delete_expired(session: Session) -> int:
    """Delete snapshots past their time; gives how many."""
    return repository.delete_expired(session, now())
