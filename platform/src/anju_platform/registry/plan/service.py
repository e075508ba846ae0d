"""What installers do about the plan: a picture under it, devices on it."""

import hashlib

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.registry.model import Community, Device, PlanPicture
from anju_platform.registry.plan import listing, repository
from anju_platform.registry.plan.pictures import Picture
from anju_platform.registry.plan.schemas import Move, Moved, PicturePlace, StandingPage

PAGE_SIZE = 50
_CHANGED = "somebody has changed the picture since you looked; look again"


def standings(
    session: Session, actor: Actor, within: str | None = None, *, page: int = 1
) -> StandingPage:
    """Give one page of devices with where they stand."""
    rows, total = repository.standings(
        session, actor.community_id, within, page=page, size=PAGE_SIZE
    )
    return StandingPage(rows=tuple(rows), total=total, page=page, size=PAGE_SIZE)


def move(session: Session, actor: Actor, moves: tuple[Move, ...]) -> Moved:
    """Let devices stand elsewhere; what somebody else moved meanwhile stays and is told.

    Raises:
        NotFoundError: one of them is not there.
        InvalidRequestError: half a position, or one that is not on the plan.
    """
    wanted = {move.slug: move for move in moves}
    community = session.get_one(Community, actor.community_id)
    width, height = listing.size(community, repository.picture(session, actor.community_id))
    for each in moves:
        _check(each, width, height)
    found = repository.locked(session, actor.community_id, sorted(wanted))
    if missing := sorted(set(wanted) - set(found)):
        raise NotFoundError("there is no device {devices}", devices=", ".join(missing))
    rows, kept = [], []
    for slug, device in found.items():
        to = wanted[slug]
        if _is_at(device, to.x, to.y):
            continue
        if not _is_at(device, to.was_x, to.was_y):
            kept.append(device.id)
            continue
        rows.append({"id": device.id, "x": to.x, "y": to.y})
        before = {"x": device.x, "y": device.y}
        data: Json = {"before": before, "after": {"x": to.x, "y": to.y}}
        record(session, actor, "device.moved", f"device:{slug}", data)
    repository.move(session, rows)
    return Moved(moved=len(rows), kept=tuple(repository.standings_of(session, kept)))


def _is_at(device: Device, x: float | None, y: float | None) -> bool:
    return (device.x, device.y) == (x, y)


def _check(move: Move, width: float, height: float) -> None:
    if (move.x is None) is not (move.y is None):
        raise InvalidRequestError("{device}: give both x and y, or neither", device=move.slug)
    for name, value, most in (("x", move.x, width), ("y", move.y, height)):
        if value is not None and most and not 0 <= value <= most:
            raise InvalidRequestError(
                "{device}: {name} is 0 to {most:g} m on this plan",
                device=move.slug,
                name=name,
                most=most,
            )


def put_picture(
    session: Session, actor: Actor, picture: Picture, place: PicturePlace, *, seen: int
) -> None:
    """Lay a picture under the plan; ``seen`` is the version of the one it replaces (0: none).

    Raises:
        ConflictError: somebody has put another one there.
    """
    row = {
        "community_id": actor.community_id,
        "content_type": picture.content_type,
        "content": picture.content,
        "sha256": hashlib.sha256(picture.content).hexdigest(),
        "bright": picture.bright,
        "x": place.x,
        "y": place.y,
        "width": place.width,
        "height": place.width * picture.ratio,
    }
    if not repository.put_picture(session, row, seen):
        raise ConflictError(_CHANGED)
    data = {"sha256": row["sha256"], **place.model_dump()}
    record(session, actor, "plan.picture_put", "plan", data)


def place_picture(session: Session, actor: Actor, place: PicturePlace, *, seen: int) -> None:
    """Put the picture that is there elsewhere, or let it be wider.

    Raises:
        ConflictError: somebody has put another one there, or taken it away.
    """
    found = repository.picture(session, actor.community_id)
    if found is None:
        raise ConflictError(_CHANGED)
    height = place.width * found.height / found.width
    row = {"community_id": actor.community_id, **place.model_dump(), "height": height}
    if not repository.put_picture(session, row, seen):
        raise ConflictError(_CHANGED)
    record(session, actor, "plan.picture_placed", "plan", place.model_dump())


def remove_picture(session: Session, actor: Actor, *, seen: int) -> None:
    """Take the picture away.

    Raises:
        ConflictError: somebody has put another one there, or taken it away.
    """
    if not repository.remove_picture(session, actor.community_id, seen):
        raise ConflictError(_CHANGED)
    record(session, actor, "plan.picture_removed", "plan")


def picture(session: Session, actor: Actor) -> PlanPicture:
    """Give the picture with its bytes.

    Raises:
        NotFoundError: there is none.
    """
    found = repository.picture(session, actor.community_id, content=True)
    if found is None:
        raise NotFoundError("there is no picture under this plan")
    session.expunge(found)  # it is sent when the session is over
    return found
