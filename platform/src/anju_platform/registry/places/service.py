"""What installers do about places: add, rename, move, retire and bring back; never delete."""

from functools import reduce

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import Json, now
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError, Phrase
from anju_platform.registry.model import Place
from anju_platform.registry.places import repository
from anju_platform.registry.places.schemas import (
    NewPlace,
    PlaceChange,
    PlaceLevel,
    PlaceNode,
)
from anju_platform.registry.repository import place_id

_LONGEST_ID = 64


class PlaceChangedError(ConflictError):
    """Somebody has changed the place since it was looked at; ``place`` is how it is now."""

    title = "The place has changed meanwhile"

    def __init__(self, place: PlaceNode) -> None:
        super().__init__(
            "somebody has changed {place!r} since you looked; look again", place=place.label
        )
        self.place = place

    def members(self) -> Json:
        """Give the place as it is now."""
        return {"place": self.place.model_dump(mode="json")}


def level(session: Session, actor: Actor, at: str | None, *, retired: bool = False) -> PlaceLevel:
    """Give one level of the tree.

    Raises:
        NotFoundError: there is no such place.
    """
    place = _demand(session, actor, at) if at is not None else None
    above = repository.path(session, place) if place else []
    shown = repository.level(session, actor.community_id, place, retired=retired)
    return PlaceLevel(
        place=_node(session, place) if place else None,
        path=tuple(repository.nodes(session, above)),
        below=tuple(repository.nodes(session, shown)),
    )


def add(session: Session, actor: Actor, wanted: NewPlace) -> PlaceNode:
    """Add a place.

    Raises:
        NotFoundError: the parent is not there.
        ConflictError: there is a place of that id.
    """
    parent = _parent(session, actor, wanted.parent)
    slug = wanted.slug or _new_slug(session, actor, parent)
    place = Place(
        community_id=actor.community_id,
        parent_id=parent.id if parent else None,
        slug=slug,
        kind=wanted.kind,
        label=wanted.label.strip(),
        label_en=wanted.label_en.strip(),
        x=wanted.x,
        y=wanted.y,
    )
    _check(place)
    try:
        with session.begin_nested():
            session.add(place)
    except IntegrityError as error:
        raise ConflictError(
            "there is a place {slug!r} already; choose another id", slug=slug
        ) from error
    record(session, actor, "place.added", f"place:{slug}", _said(place))
    return _node(session, place)


def change(session: Session, actor: Actor, slug: str, wanted: PlaceChange) -> PlaceNode:
    """Rename a place, hang it elsewhere, or put it elsewhere on the plan.

    Raises:
        NotFoundError: it or its new parent is not there.
        InvalidRequestError: it would lie in itself.
        PlaceChangedError: somebody was faster.
    """
    repository.lock_tree(session, actor.community_id)
    place = _seen(session, actor, slug, wanted.stamp)
    parent = _parent(session, actor, wanted.parent)
    if parent is not None and repository.is_within(session, parent.id, place.id):
        raise InvalidRequestError(
            "{place!r} cannot lie in itself: choose another place", place=place.label
        )
    before, old = _said(place), (place.label, place.label_en)
    place.label, place.label_en = wanted.label.strip(), wanted.label_en.strip()
    place.kind, place.x, place.y = wanted.kind, wanted.x, wanted.y
    place.parent_id = parent.id if parent else None
    _check(place)
    session.flush()
    after = _said(place)
    renamed = repository.rename_below(session, place, old) if wanted.rename_below else 0
    if after != before:
        data = {"before": before, "after": after, "renamed_below": renamed}
        record(session, actor, "place.changed", f"place:{slug}", data)
    return _node(session, place)


def set_retired(session: Session, actor: Actor, slug: str, *, retired: bool, stamp: str) -> None:
    """Retire a place that nothing stands in any more, or bring it back.

    Raises:
        NotFoundError: it is not there.
        InvalidRequestError: something is there still, or what it lies in is retired.
        PlaceChangedError: somebody was faster.
    """
    repository.lock_tree(session, actor.community_id)
    place = _seen(session, actor, slug, stamp)
    if (place.retired_at is not None) is retired:
        return
    if retired:
        _demand_empty(session, place)
    elif place.parent_id is not None:
        above = session.get_one(Place, place.parent_id)
        if above.retired_at is not None:
            raise InvalidRequestError(
                "bring {place!r} back first: it lies in there", place=above.label
            )
    repository.retire(place, now() if retired else None)
    session.flush()
    record(session, actor, "place.retired" if retired else "place.restored", f"place:{slug}")


def find_place(session: Session, actor: Actor, slug: str | None) -> int | None:
    """Give the key of a place, retired or not; none of nowhere in particular.

    Raises:
        NotFoundError: there is no such place.
    """
    if slug is None:
        return None
    found = place_id(session, actor.community_id, slug)
    if found is None:
        raise NotFoundError("there is no place {slug!r}", slug=slug)
    return found


def _demand_empty(session: Session, place: Place) -> None:
    places, devices, homes = repository.in_use(session, place)
    left = [
        said
        for count, said in (
            (places, Phrase("{n} places", n=places)),
            (devices, Phrase("{n} devices", n=devices)),
            (homes, Phrase("{n} homes", n=homes)),
        )
        if count
    ]
    if left:
        raise InvalidRequestError(
            "{place!r} still holds {left}: move or retire them first",
            place=place.label,
            left=reduce(lambda one, other: Phrase("{one}, {other}", one=one, other=other), left),
        )


def _demand(session: Session, actor: Actor, slug: str) -> Place:
    place = repository.find(session, actor.community_id, slug)
    if place is None:
        raise NotFoundError("there is no place {slug!r}", slug=slug)
    return place


def _parent(session: Session, actor: Actor, slug: str | None) -> Place | None:
    """Give what a place is to hang below; nobody retires it meanwhile."""
    if slug is None:
        return None
    place = repository.find(session, actor.community_id, slug, lock=True)
    if place is None:
        raise NotFoundError("there is no place {slug!r}", slug=slug)
    if place.retired_at is not None:
        raise InvalidRequestError(
            "{place!r} is retired: bring it back, or choose another", place=place.label
        )
    return place


def _seen(session: Session, actor: Actor, slug: str, stamp: str) -> Place:
    place = repository.find(session, actor.community_id, slug, lock=True)
    if place is None:
        raise NotFoundError("there is no place {slug!r}", slug=slug)
    if repository.stamp(place) != stamp:
        raise PlaceChangedError(_node(session, place))
    return place


def _check(place: Place) -> None:
    if not place.label or not place.label_en:
        raise InvalidRequestError("a place needs a name in both languages")
    if (place.x is None) is not (place.y is None):
        raise InvalidRequestError("give both x and y, or neither")


def _new_slug(session: Session, actor: Actor, parent: Place | None) -> str:
    taken = set(repository.every_slug(session, actor.community_id))
    stem = (parent.slug if parent else "place")[: _LONGEST_ID - 8]
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def _node(session: Session, place: Place) -> PlaceNode:
    (node,) = repository.nodes(session, [place])
    return node


def _said(place: Place) -> Json:
    names = ("label", "label_en", "kind", "parent_id", "x", "y")
    return {name: getattr(place, name) for name in names}
