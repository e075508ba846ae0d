"""SQL of the registry: what stands where, and who speaks for it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import case, column, delete, func, or_, select, table, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from anju_platform.database import Json, Table, within
from anju_platform.registry.model import (
    BlindPeriod,
    Community,
    Device,
    DeviceField,
    Gateway,
    Place,
)
from anju_platform.registry.privacy import sensor_of
from anju_platform.sharing.repository import Sensor, learnable, stopped

CHANGED_CHANNEL = "anju_registry"
"""NOTIFY channel; triggers in the database send on it whenever the registry changes."""

_households = table("households", column("id"), column("slug"), column("attributes", JSONB))
"""Homes belong to the people above; the registry only reads what rules may know of them."""


def communities(session: Session, only: Collection[int] | None = None) -> Sequence[Community]:
    """Give every community, or some."""
    query = select(Community).where(within(Community.id, only))
    return session.scalars(query.order_by(Community.id)).all()


def community_ids(session: Session) -> Sequence[int]:
    """Give the number of every community."""
    return session.scalars(select(Community.id)).all()


def community(session: Session, slug: str) -> Community | None:
    """Find a community by its slug."""
    return session.scalars(select(Community).where(Community.slug == slug)).one_or_none()


def places(session: Session, only: Collection[int] | None = None) -> Sequence[Place]:
    """Give every place, or those of some communities."""
    return session.scalars(select(Place).where(within(Place.community_id, only))).all()


def gateways(
    session: Session, only: Collection[int] | None = None
) -> list[tuple[Gateway, str | None]]:
    """Give (Gateway, slug of its place or nothing) of every gateway, or of some communities."""
    rows = session.execute(
        select(Gateway, Place.slug)
        .outerjoin(Place, Place.id == Gateway.place_id)
        .where(within(Gateway.community_id, only))
    )
    return [(gateway, place) for gateway, place in rows]


def devices(
    session: Session, only: Collection[int] | None = None
) -> list[tuple[Device, Place, str | None, Json | None]]:
    """Give (Device, Place, household's slug, household's attributes) of every device, or some.

    ``only`` names communities.
    """
    rows = session.execute(
        select(Device, Place, _households.c.slug, _households.c.attributes)
        .join(Place, Place.id == Device.place_id)
        .outerjoin(_households, _households.c.id == Device.household_id)
        .where(within(Device.community_id, only))
    )
    return [(device, place, home, person) for device, place, home, person in rows]


def place_id(session: Session, community_id: int, slug: str) -> int | None:
    """Find a place."""
    query = select(Place.id).where(Place.community_id == community_id, Place.slug == slug)
    return session.scalar(query)


def field_ids(session: Session) -> dict[tuple[str, str], int]:
    """Give the short number of each (model, field)."""
    rows = session.execute(select(DeviceField.model, DeviceField.name, DeviceField.id))
    return {(model, name): number for model, name, number in rows}


def upsert(
    session: Session, entity: type[Table], rows: Sequence[Json], *, keep: Sequence[str] = ()
) -> dict[str, int]:
    """Insert rows of a table keyed by (community_id, slug), or bring them up to date.

    Columns in ``keep`` stay as they are in rows that exist. Gives ids by slug.
    """
    if not rows:
        return {}
    statement = insert(entity)
    fixed = {"community_id", "slug", *keep}
    changed = {name: statement.excluded[name] for name in rows[0] if name not in fixed}
    returned = session.execute(
        statement.on_conflict_do_update(
            index_elements=["community_id", "slug"], set_=changed
        ).returning(entity.__table__.c.slug, entity.__table__.c.id),
        rows,
    )
    return {row.slug: row.id for row in returned}


def known_gateways(session: Session, community_id: int) -> set[str]:
    """Give the slugs of the gateways a community has."""
    query = select(Gateway.slug).where(Gateway.community_id == community_id)
    return set(session.scalars(query))


def gateway_secrets(session: Session) -> list[tuple[str, Gateway]]:
    """Give (slug of its community, Gateway) of every gateway that has a secret."""
    query = (
        select(Community.slug, Gateway)
        .join(Gateway, Gateway.community_id == Community.id)
        .where(Gateway.secret_hash != "")
        .order_by(Gateway.id)
    )
    return [(community, gateway) for community, gateway in session.execute(query)]


def lock_gateway(session: Session, community_id: int, slug: str) -> Gateway | None:
    """Find a gateway of a community and keep everybody else from changing it."""
    query = select(Gateway).where(Gateway.community_id == community_id, Gateway.slug == slug)
    return session.scalars(query.with_for_update()).one_or_none()


def set_parents(session: Session, parents: Sequence[Json]) -> None:
    """Hang places into the tree; rows are ``{"id", "parent_id"}``."""
    if parents:
        session.execute(update(Place), parents)


def gateway_states(session: Session, only: Collection[int] | None = None) -> dict[int, bool]:
    """Give whether each gateway (of some communities) is online, as last written."""
    query = select(Gateway.id, Gateway.online).where(within(Gateway.community_id, only))
    rows = session.execute(query)
    return {row.id: row.online for row in rows}


def set_online(
    session: Session, gateway_id: int, *, online: bool, at: datetime, version: str | None
) -> None:
    """Note a gateway's state, and since when; its version only when it said one."""
    since = case((Gateway.online.is_distinct_from(online), at), else_=Gateway.status_at)
    values: Json = {"online": online, "status_at": func.coalesce(since, at)}
    if version is not None:
        values["version"] = version
    session.execute(update(Gateway).where(Gateway.id == gateway_id).values(values))


def blind_periods(
    session: Session, since: datetime, only: Collection[int] | None = None
) -> list[BlindPeriod]:
    """Give the blind periods that reach beyond ``since``, of some communities or of all."""
    query = select(BlindPeriod).where(
        within(BlindPeriod.community_id, only),
        or_(BlindPeriod.ended_at.is_(None), BlindPeriod.ended_at >= since),
    )
    return list(session.scalars(query))


def add_blind(session: Session, periods: Sequence[Json]) -> None:
    """Add blind periods: rows of ``community_id, gateway_id, started_at, ended_at``."""
    session.execute(insert(BlindPeriod), periods)


def end_blind(session: Session, gateway_id: int, at: datetime) -> None:
    """End a gateway's blind period, if one runs."""
    session.execute(
        update(BlindPeriod)
        .where(BlindPeriod.gateway_id == gateway_id, BlindPeriod.ended_at.is_(None))
        .values(ended_at=at)
    )


def prune_blind(session: Session, before: datetime) -> None:
    """Delete blind periods that ended before that time."""
    session.execute(delete(BlindPeriod).where(BlindPeriod.ended_at < before))


def is_stopped(session: Session, device: Device) -> bool:
    """Tell whether whoever lives where a device stands wants it to pass nothing on."""
    if device.household_id is None:
        return False
    sensor = Sensor.of(device.household_id, device.slug, device.model)
    return bool(session.scalar(select(stopped(sensor))))


def learnable_devices(session: Session, community_id: int) -> set[int]:
    """Give the devices from which what is usual may be learned: in homes where that is agreed."""
    query = select(Device.id).where(Device.community_id == community_id, learnable(sensor_of()))
    return set(session.scalars(query))
