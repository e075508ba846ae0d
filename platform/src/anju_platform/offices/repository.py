"""SQL of the offices: advisory locks, which end with the session that holds them."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from anju_platform.database import driver, try_lock
from anju_platform.lanes.model import Heartbeat
from anju_platform.offices.model import Partition

_SEATS = 0x616E6A76
_PARTITIONS = 0x616E6A77
"""Upper halves of advisory lock keys; the lower half is the number of a seat or partition."""

_TAKEN = text(
    "SELECT objid::bigint AS seat, pid FROM pg_locks"
    " WHERE locktype = 'advisory' AND classid = :seats AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_TAKE = text(
    "SELECT one FROM unnest(CAST(:wanted AS bigint[])) AS one"
    " WHERE pg_try_advisory_lock((CAST(:partitions AS bigint) << 32) + one)"
)
_LEAVE = text(
    "SELECT pg_advisory_unlock((CAST(:partitions AS bigint) << 32) + one)"
    " FROM unnest(CAST(:left AS bigint[])) AS one"
)
_HEARD = """
    INSERT INTO partitions (number, heard_at)
    SELECT one, now() FROM unnest(%s::bigint[]) AS one
    ON CONFLICT (number) DO UPDATE SET heard_at = excluded.heard_at
"""


def process(seat: int) -> str:
    """Give the name under which the holder of a seat says that it lives."""
    return f"ingest-{seat}"


def take_seat(session: Session, seat: int) -> bool:
    """Take a seat for as long as the connection lasts; False when another has it."""
    return try_lock(session, (_SEATS << 32) + seat)


def seats_taken(session: Session) -> dict[int, int]:
    """Give the process id of the database session that holds each taken seat."""
    rows = session.execute(_TAKEN, {"seats": _SEATS})
    return {seat: pid for seat, pid in rows}  # noqa: C416 - rows are no pairs for mypy


def take(session: Session, partitions: Collection[int]) -> frozenset[int]:
    """Take those of these partitions that are free, for as long as the connection lasts."""
    wanted = {"partitions": _PARTITIONS, "wanted": sorted(partitions)}
    return frozenset(session.scalars(_TAKE, wanted))


def leave(session: Session, partitions: Collection[int]) -> None:
    """Let go of partitions."""
    session.execute(_LEAVE, {"partitions": _PARTITIONS, "left": sorted(partitions)})


def end_session(session: Session, pid: int) -> None:
    """End another session, and with it its locks and what it has not committed."""
    session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def words(session: Session, seats: Collection[int]) -> Mapping[int, datetime]:
    """Give the last word of the holders of seats, as they wrote it; say nothing of how old."""
    names = {process(seat): seat for seat in seats}
    query = select(Heartbeat.process, Heartbeat.at).where(Heartbeat.process.in_(names))
    return {names[row.process]: row.at for row in session.execute(query)}


def heard(session: Session, partitions: Collection[int]) -> None:
    """Note that somebody listens to these partitions now."""
    driver(session).execute(_HEARD, [sorted(partitions)])


def last_heard(session: Session, partitions: Collection[int]) -> dict[int, datetime]:
    """Give when somebody last listened, by partition."""
    query = select(Partition.number, Partition.heard_at).where(
        Partition.number.in_(sorted(partitions))
    )
    return {row.number: row.heard_at for row in session.execute(query)}
