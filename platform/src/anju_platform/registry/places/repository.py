"""SQL of the place tree as installers keep it."""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, column, func, or_, select, table, update
from sqlalchemy.orm import Session

from anju_platform.registry.listing import below
from anju_platform.registry.model import Device, Place
from anju_platform.registry.places.schemas import PlaceNode

MOST_FOUND = 50
MOST_OFFERED = 1_000
_DEEPEST = 32
_households = table("households", column("id"), column("slug"), column("place_id"))
"""Homes belong to the people above; here they are only counted."""


def stamp(place: Place) -> str:
    """Name a place's present state, whoever brought it about: a screen, or a file."""
    retired = place.retired_at.isoformat() if place.retired_at else None
    said = (place.label, place.label_en, place.kind, place.parent_id, place.x, place.y, retired)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def find(session: Session, community_id: int, slug: str, *, lock: bool = False) -> Place | None:
    """Find a place of a community; locked, nobody else changes it meanwhile."""
    query = select(Place).where(Place.community_id == community_id, Place.slug == slug)
    if lock:  # whoever only refers to it is not kept waiting
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def lock_tree(session: Session, community_id: int) -> None:
    """Let nobody else hang places elsewhere meanwhile: two moves could make a ring."""
    query = select(Place.id).where(Place.community_id == community_id).order_by(Place.id)
    session.execute(query.with_for_update(key_share=True))


def is_within(session: Session, place_id: int, top_id: int) -> bool:
    """Tell whether a place is another one, or lies in it."""
    inside = below(select(Place.id).where(Place.id == top_id))
    return (
        session.scalar(select(Place.id).where(Place.id == place_id, Place.id.in_(inside)))
        is not None
    )


def level(
    session: Session, community_id: int, top: Place | None, *, retired: bool = False
) -> Sequence[Place]:
    """Give what hangs directly below a place, or at the top; retired ones only if wanted."""
    hangs = Place.parent_id.is_(None) if top is None else Place.parent_id == top.id
    query = select(Place).where(Place.community_id == community_id, hangs)
    if not retired:
        query = query.where(Place.retired_at.is_(None))
    length = func.length(Place.label)  # 9 before 10
    return session.scalars(query.order_by(Place.kind, length, Place.label)).all()


def path(session: Session, place: Place) -> list[Place]:
    """Give the places above one, the top first."""
    above: list[Place] = []
    here = place
    # a file may hang places in a ring
    while here.parent_id is not None and len(above) < _DEEPEST:
        here = session.get_one(Place, here.parent_id)
        above.insert(0, here)
    return above


def upper(session: Session, community_id: int) -> Sequence[Place]:
    """Give the two upper levels of the tree, for a choice: the community, its buildings."""
    top = select(Place.id).where(Place.community_id == community_id, Place.parent_id.is_(None))
    query = select(Place).where(
        Place.community_id == community_id,
        Place.retired_at.is_(None),
        or_(Place.parent_id.is_(None), Place.parent_id.in_(top)),
    )
    return session.scalars(query.order_by(func.length(Place.label), Place.label)).all()


def found(session: Session, community_id: int, text: str) -> Sequence[Place]:
    """Give the places whose name or id holds a text."""
    words = (Place.label, Place.label_en, Place.slug)
    holds = or_(*(each.icontains(text, autoescape=True) for each in words))
    query = select(Place).where(
        Place.community_id == community_id, holds, Place.retired_at.is_(None)
    )
    return session.scalars(query.order_by(func.length(Place.label)).limit(MOST_FOUND)).all()


def slugs(session: Session, community_id: int) -> Sequence[str]:
    """Give the ids of a community's places that are in use, to be offered; not of all there are."""
    query = select(Place.slug).where(Place.community_id == community_id)
    in_use = query.where(Place.retired_at.is_(None)).order_by(Place.id)
    return session.scalars(in_use.limit(MOST_OFFERED)).all()


def every_slug(session: Session, community_id: int) -> Sequence[str]:
    """Give the ids of all places a community has or had."""
    return session.scalars(select(Place.slug).where(Place.community_id == community_id)).all()


def nodes(session: Session, places: Sequence[Place]) -> list[PlaceNode]:
    """Show places, each with what lies in it."""
    ids = [place.id for place in places]
    direct = _counted(
        session,
        select(Place.parent_id, func.count())
        .where(Place.parent_id.in_(ids), Place.retired_at.is_(None))
        .group_by(Place.parent_id),
    )
    devices = _counted(session, _inside(ids, Device.place_id, Device.state == "approved"))
    homes = _counted(session, _inside(ids, _households.c.place_id))
    parents = {place.parent_id for place in places}
    named = dict(session.execute(select(Place.id, Place.slug).where(Place.id.in_(parents))).all())
    return [
        PlaceNode(
            slug=place.slug,
            parent=named.get(place.parent_id) if place.parent_id is not None else None,
            kind=place.kind,
            label=place.label,
            label_en=place.label_en,
            x=place.x,
            y=place.y,
            retired_at=place.retired_at,
            places=direct.get(place.id, 0),
            devices=devices.get(place.id, 0),
            homes=homes.get(place.id, 0),
            stamp=stamp(place),
        )
        for place in places
    ]


def _inside(ids: Collection[int], at: Any, *conditions: ColumnElement[bool]) -> Select[int, int]:
    """Count what stands anywhere in each of some places."""
    down = select(Place.id.label("top"), Place.id.label("id"))
    tree = down.where(Place.id.in_(ids)).cte("tree", recursive=True)
    tree = tree.union(select(tree.c.top, Place.id).join(tree, Place.parent_id == tree.c.id))
    query = select(tree.c.top, func.count()).join_from(tree, at.table, at == tree.c.id)
    return query.where(*conditions).group_by(tree.c.top)


def _counted(session: Session, query: Select[Any, int]) -> dict[int, int]:
    return {place: count for place, count in session.execute(query) if place is not None}


def home_at(session: Session, community_id: int, slug: str) -> str | None:
    """Give the home that a place is, or lies in; none where there are two."""
    place = find(session, community_id, slug)
    homes = homes_at(session, place) if place else []
    return homes[0] if len(homes) == 1 else None


def homes_at(session: Session, place: Place) -> Sequence[str]:
    """Give the homes that a place is, or lies in: those of the nearest place that has any."""
    for here in (place, *reversed(path(session, place))):
        query = select(_households.c.slug).where(_households.c.place_id == here.id)
        if homes := session.scalars(query.order_by(_households.c.slug)).all():
            return homes
    return []


def rename_below(session: Session, place: Place, old: tuple[str, str]) -> int:
    """Let names in a place that begin with its ``old`` ones begin with its new; gives how many."""
    inside = below(select(Place.id).where(Place.id == place.id))
    changed = 0
    pairs = ((Place.label, old[0], place.label), (Place.label_en, old[1], place.label_en))
    for name, before, after in pairs:
        if before == after:
            continue
        begins = name.startswith(before, autoescape=True)
        renamed = func.concat(after, func.substr(name, len(before) + 1))
        result = session.execute(
            update(Place)
            .where(Place.id.in_(inside), Place.id != place.id, begins)
            .values({name: renamed})
            .returning(Place.id)
        )
        changed = max(changed, len(result.all()))
    return changed


def in_use(session: Session, place: Place) -> tuple[int, int, int]:
    """Count what keeps a place from being retired: (places below, devices, homes)."""
    counts = (
        select(func.count()).where(Place.parent_id == place.id, Place.retired_at.is_(None)),
        select(func.count()).where(Device.place_id == place.id, Device.state == "approved"),
        select(func.count()).where(_households.c.place_id == place.id),
    )
    below_it, devices, homes = (session.scalar(query) or 0 for query in counts)
    return below_it, devices, homes


def retire(place: Place, at: datetime | None) -> None:
    """Note since when a place is no more; none: it is there again."""
    place.retired_at = at
