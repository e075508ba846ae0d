"""SQL of where devices stand, and of the plan's picture."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from anju_devices.catalog import MODELS
from anju_platform.database import Json
from anju_platform.registry.listing import below, positions
from anju_platform.registry.model import Device, Place, PlanPicture
from anju_platform.registry.plan.schemas import Standing


def standings(
    session: Session, community_id: int, within: str | None, *, page: int, size: int
) -> tuple[list[Standing], int]:
    """Give one page of the devices in a place (none: everywhere), and how many there are."""
    conditions: list[ColumnElement[bool]] = [
        Device.community_id == community_id,
        Device.state == "approved",
    ]
    if within is not None:
        top = select(Place.id).where(Place.community_id == community_id, Place.slug == within)
        conditions.append(Device.place_id.in_(below(top)))
    total = session.scalar(select(func.count()).select_from(Device).where(*conditions)) or 0
    query = _standings().where(*conditions).order_by(Device.id)
    rows = session.execute(query.limit(size).offset((page - 1) * size)).all()
    return _shown(session, rows), total


def standings_of(session: Session, ids: Sequence[int]) -> list[Standing]:
    """Give where some devices stand."""
    return _shown(session, session.execute(_standings().where(Device.id.in_(ids))).all())


def _standings() -> Select[Device, Place]:
    return select(Device, Place).join(Place, Place.id == Device.place_id)


def _shown(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Standing]:
    where = positions(session, {place.id for _, place in rows})
    found = []
    for device, place in rows:
        place_x, place_y = where.get(place.id, (None, None))
        model = MODELS.get(device.model)
        found.append(
            Standing(
                slug=device.slug,
                name=device.name,
                name_en=device.name_en,
                place=place.label,
                place_en=place.label_en,
                icon=model.icon if model else "device",
                x=device.x,
                y=device.y,
                place_x=place_x,
                place_y=place_y,
            )
        )
    return found


def locked(session: Session, community_id: int, slugs: Sequence[str]) -> dict[str, Device]:
    """Give devices by their ids, which nobody else moves meanwhile."""
    query = (
        select(Device)
        .where(Device.community_id == community_id, Device.slug.in_(slugs))
        .order_by(Device.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {device.slug: device for device in session.scalars(query)}


def move(session: Session, rows: Sequence[Json]) -> None:
    """Put devices elsewhere; rows are ``{"id", "x", "y"}``."""
    if rows:
        session.execute(update(Device), rows)


def picture(session: Session, community_id: int, *, content: bool = False) -> PlanPicture | None:
    """Find the picture of a community's plan; its bytes only when asked for."""
    query = select(PlanPicture).where(PlanPicture.community_id == community_id)
    if content:
        query = query.options(undefer(PlanPicture.content))
    return session.scalars(query).one_or_none()


def put_picture(session: Session, row: Json, seen: int) -> bool:
    """Put a picture in place of the one of version ``seen`` (0: none); False: there is another."""
    values = row | {"version": seen + 1}
    if seen == 0:
        added = insert(PlanPicture).values(values).on_conflict_do_nothing()
        return session.scalar(added.returning(PlanPicture.community_id)) is not None
    replaced = (
        update(PlanPicture)
        .where(
            PlanPicture.community_id == row["community_id"],
            PlanPicture.version == seen,
        )
        .values(values)
    )
    return session.scalar(replaced.returning(PlanPicture.community_id)) is not None


def remove_picture(session: Session, community_id: int, seen: int) -> bool:
    """Delete the picture of that version; False: there is another, or none."""
    gone = delete(PlanPicture).where(
        PlanPicture.community_id == community_id, PlanPicture.version == seen
    )
    return session.scalar(gone.returning(PlanPicture.community_id)) is not None
