"""SQL of the lanes and of quarantine."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, literal_column, or_, select, update
from sqlalchemy.orm import Session, aliased

from anju_platform.database import driver, now, within
from anju_platform.lanes.model import LaneState, Quarantined
from anju_platform.paging import By, Order
from anju_platform.registry.model import Device, Gateway

_SAVE_LANES = """
    INSERT INTO lanes (gateway_id, epoch, lane, committed, updated_at)
    SELECT gateway_id, epoch, lane, committed, now()
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
         AS new (gateway_id, epoch, lane, committed)
    ON CONFLICT (gateway_id, epoch, lane)
    DO UPDATE SET committed = excluded.committed, updated_at = excluded.updated_at
"""

_BEAT = """
    INSERT INTO heartbeats (process, at) VALUES (%s, now())
    ON CONFLICT (process) DO UPDATE SET at = excluded.at
"""


def load_lanes(
    session: Session, gateways: Collection[int] | None = None
) -> dict[tuple[int, str, str], int]:
    """Give ``committed`` of every (gateway, epoch, lane), or those of some gateways."""
    columns = LaneState.gateway_id, LaneState.epoch, LaneState.lane, LaneState.committed
    rows = session.execute(select(*columns).where(within(LaneState.gateway_id, gateways)))
    return {(gateway, epoch, lane): committed for gateway, epoch, lane, committed in rows}


def save_lanes(session: Session, rows: Sequence[tuple[int, str, str, int]]) -> None:
    """Write (gateway, epoch, lane, committed) rows."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    driver(session).execute(_SAVE_LANES, columns)


def quarantine(session: Session, rows: Sequence[Quarantined]) -> None:
    """Put rows into quarantine."""
    session.add_all(rows)
    session.flush()


def waiting_devices(session: Session, reason: str) -> set[tuple[int, str]]:
    """Give (gateway id, device) of rows of a reason that were not replayed yet."""
    query = (
        select(Quarantined.gateway_id, Quarantined.device)
        .where(Quarantined.reason == reason, Quarantined.released_at.is_(None))
        .distinct()
    )
    return {(g, d) for g, d in session.execute(query) if g is not None and d is not None}


@dataclass(frozen=True, slots=True)
class Stranger:
    """A device that speaks and is not at work here; ``payload`` is the last it said.

    ``is_retired``: it was known once.
    """

    gateway: str
    gateway_name: str
    gateway_name_en: str
    slug: str
    batches: int
    first_at: datetime
    newest_at: datetime
    payload: bytes
    is_retired: bool


def strangers(
    session: Session, community_id: int, *, after: str | None = None, limit: int
) -> tuple[list[Stranger], str | None]:
    """Give devices of a community whose readings wait, who was heard first last, and the ``next``.

    When somebody spoke last is no order to read by: they go on speaking.
    """
    waits = (
        Quarantined.community_id == community_id,
        # written out, not bound: the planner must see that its own index serves
        Quarantined.reason == literal_column("'unknown_device'"),
        Quarantined.released_at.is_(None),
        Quarantined.device.is_not(None),
    )
    group = (
        select(
            Quarantined.gateway_id,
            Quarantined.device,
            func.count().label("batches"),
            func.min(Quarantined.received_at).label("first_at"),
            func.max(Quarantined.received_at).label("newest_at"),
            func.min(Quarantined.id).label("first"),
            func.max(Quarantined.id).label("last"),
        )
        .where(*waits)
        .group_by(Quarantined.gateway_id, Quarantined.device)
        .subquery()
    )
    known = (Device.community_id == community_id) & (Device.slug == group.c.device)
    query = (
        select(
            Gateway.slug,
            Gateway.name,
            Gateway.name_en,
            group.c.device,
            group.c.batches,
            group.c.first_at,
            group.c.newest_at,
            Quarantined.payload,
            Device.id.is_not(None),
        )
        .join_from(group, Gateway, Gateway.id == group.c.gateway_id)
        .join(Quarantined, Quarantined.id == group.c.last)
        .outerjoin(Device, known)
        # what was just approved waits for ingest to take it in
        .where(or_(Device.id.is_(None), Device.state == "retired"))
    )
    order = Order("first", By(group.c.first, descending=True))
    found = order.part(session, query, after=after, limit=limit)
    return [Stranger(*row) for row in found.rows], found.next


def of_device(
    session: Session, gateway_id: int, device: str, reason: str, *, limit: int
) -> list[Quarantined]:
    """Give and lock a device's oldest rows that were not replayed yet."""
    query = (
        select(Quarantined)
        .where(
            Quarantined.gateway_id == gateway_id,
            Quarantined.device == device,
            Quarantined.reason == reason,
            Quarantined.released_at.is_(None),
        )
        .order_by(Quarantined.id)
        .limit(limit)
        .with_for_update()
    )
    return list(session.scalars(query))


def mark_released(session: Session, ids: Sequence[int]) -> None:
    """Note that rows have been replayed."""
    session.execute(update(Quarantined).where(Quarantined.id.in_(ids)).values(released_at=now()))


def beat(session: Session, process: str) -> None:
    """Say that a process is alive."""
    driver(session).execute(_BEAT, [process])


def prune_quarantine(session: Session, before: datetime) -> None:
    """Delete what came into quarantine before that time."""
    session.execute(delete(Quarantined).where(Quarantined.received_at < before))


def prune_lanes(session: Session, before: datetime) -> None:
    """Delete lanes of epochs that ended: not moved since then, and their gateway has newer ones.

    A gateway that is away for long keeps the lanes of its latest epoch.
    """
    newer = aliased(LaneState)
    replaced = (
        select(newer.gateway_id)
        .where(
            newer.gateway_id == LaneState.gateway_id,
            newer.epoch != LaneState.epoch,
            newer.updated_at > LaneState.updated_at,
        )
        .exists()
    )
    session.execute(delete(LaneState).where(LaneState.updated_at < before, replaced))
