"""SQL of retention: the rules, and deletes in pieces that no writer waits for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.registry.model import Community, Device, DeviceField
from anju_platform.registry.privacy import HEALTH_FIELDS
from anju_platform.telemetry.model import DeviceEvent, ForgottenDays, KeepRule

_MOST_UNPACKED = "timescaledb.max_tuples_decompressed_per_dml_transaction"

_TABLE_OF_ROLLUP = """
    SELECT quote_ident(materialization_hypertable_schema) || '.'
        || quote_ident(materialization_hypertable_name)
    FROM timescaledb_information.continuous_aggregates WHERE view_name = :name
"""


def communities(session: Session) -> list[int]:
    """Give the numbers of all communities."""
    return list(session.scalars(select(Community.id).order_by(Community.id)))


def rules(session: Session) -> dict[tuple[int, str], int]:
    """Give the days that differ from the settings, by (community id, kind)."""
    return {
        (rule.community_id, rule.kind): rule.keep_days for rule in session.scalars(select(KeepRule))
    }


def set_rule(session: Session, community_id: int, kind: str, keep_days: int | None) -> None:
    """Let a community keep something for so long; None: as the settings say."""
    same = (KeepRule.community_id == community_id, KeepRule.kind == kind)
    session.execute(delete(KeepRule).where(*same))
    if keep_days is not None:
        session.add(KeepRule(community_id=community_id, kind=kind, keep_days=keep_days))
        session.flush()


def fields(session: Session, *, health: bool) -> list[int]:
    """Give the numbers of fields that are health values, or of all others."""
    named = DeviceField.name.in_(HEALTH_FIELDS)
    return list(session.scalars(select(DeviceField.id).where(named if health else ~named)))


def devices(session: Session, community_id: int) -> list[int]:
    """Give the numbers of a community's devices."""
    return list(session.scalars(select(Device.id).where(Device.community_id == community_id)))


def forgotten_until(session: Session, community_id: int, kind: str) -> datetime | None:
    """Give up to which time readings are deleted already."""
    return session.scalar(
        select(ForgottenDays.until).where(
            ForgottenDays.community_id == community_id, ForgottenDays.kind == kind
        )
    )


def note_forgotten(session: Session, community_id: int, kind: str, until: datetime) -> None:
    """Note up to which time readings are deleted."""
    row = {"community_id": community_id, "kind": kind, "until": until}
    statement = insert(ForgottenDays).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["community_id", "kind"], set_={"until": until}
        )
    )


def delete_readings(
    session: Session,
    device_ids: Sequence[int],
    field_ids: Sequence[int],
    start: datetime,
    end: datetime,
) -> int:
    """Delete readings of some devices and fields in ``[start, end)``; gives how many."""
    # a compressed day may hold more than TimescaleDB is willing to unpack by default
    session.execute(text(f"SET LOCAL {_MOST_UNPACKED} = 0"))
    result: Any = session.execute(
        text(
            "DELETE FROM telemetry WHERE device_id = ANY(:devices) AND field_id = ANY(:fields)"
            " AND observed_at >= :start AND observed_at < :end"
        ),
        {"devices": list(device_ids), "fields": list(field_ids), "start": start, "end": end},
    )
    return int(result.rowcount)


def table_of_rollup(session: Session, name: str, *, is_hypertable: bool) -> str:
    """Give the table below a roll-up: of a continuous aggregate, what TimescaleDB keeps it in."""
    if not is_hypertable:
        return name
    return str(session.scalar(text(_TABLE_OF_ROLLUP), {"name": name}))


def delete_rollups(
    session: Session,
    table: str,
    device_ids: Sequence[int],
    field_ids: Sequence[int],
    before: datetime,
) -> int:
    """Delete buckets of some devices and fields that began before that time; gives how many."""
    result: Any = session.execute(
        text(
            f"DELETE FROM {table} WHERE device_id = ANY(:devices)"  # noqa: S608 - a name of our own
            " AND field_id = ANY(:fields) AND bucket < :before"
        ),
        {"devices": list(device_ids), "fields": list(field_ids), "before": before},
    )
    return int(result.rowcount)


def delete_events(session: Session, community_id: int, before: datetime, *, limit: int) -> int:
    """Delete events of a community from before that time, ``limit`` at most; gives how many.

    What came later than its device's clock says is as old as its coming.
    """
    oldest = (
        select(DeviceEvent.id)
        .where(
            DeviceEvent.community_id == community_id,
            DeviceEvent.observed_at < before,
            DeviceEvent.received_at < before,
        )
        .order_by(DeviceEvent.observed_at)
        .limit(limit)
    )
    result: Any = session.execute(delete(DeviceEvent).where(DeviceEvent.id.in_(oldest)))
    return int(result.rowcount)
