"""SQL of the roll-ups: hours are marked as stale, summed up, and their marks taken away."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.orm import Session

from anju_platform.database import driver, is_among
from anju_platform.telemetry.model import StaleHour

HOUR_MS = 3_600_000
_LOCK = 0x616E6A75_00000003

Mark = tuple[int, datetime, datetime]
"""(community id, hour, touched_at): the last tells whether it was touched again."""

# Of several writers none waits for another: a community has one.
_MARK = """
    INSERT INTO stale_hours (community_id, hour, touched_at)
    SELECT community_id, to_timestamp(hour * 3600.0), clock_timestamp()
    FROM unnest(%s::bigint[], %s::bigint[]) AS new (community_id, hour)
    ON CONFLICT (community_id, hour) DO UPDATE SET touched_at = excluded.touched_at
"""

# What was summed up when more was known stays: readings may be past their time by now.
# From one index range to the next: an hour's readings lie among those of the whole day.
# Pairs (value, microseconds) are compared as arrays, so that an extreme keeps the time it had.
_SUM_HOURS = """
    INSERT INTO telemetry_hourly
    SELECT :community, d.id, s.field_id, :hour, s.count,
        s.low[1], to_timestamp(s.low[2] / 1e6), s.high[1], to_timestamp(s.high[2] / 1e6),
        s.total, s.last[2], to_timestamp(s.last[1] / 1e6)
    FROM devices d CROSS JOIN LATERAL (
        SELECT field_id, count(*) AS count, min(ARRAY[value, at]) AS low,
            max(ARRAY[value, at]) AS high, sum(value) AS total, max(ARRAY[at, value]) AS last
        FROM (
            SELECT field_id, value, date_part('epoch', observed_at) * 1e6 AS at
            FROM telemetry
            WHERE device_id = d.id AND observed_at >= :hour AND observed_at < :end
            ORDER BY observed_at
        ) p
        GROUP BY field_id
    ) s
    WHERE d.community_id = :community
    ON CONFLICT (device_id, field_id, bucket) DO UPDATE SET
        count = excluded.count, low = excluded.low, low_at = excluded.low_at,
        high = excluded.high, high_at = excluded.high_at, total = excluded.total,
        last = excluded.last, last_at = excluded.last_at
    WHERE telemetry_hourly.count <= excluded.count
"""

_SUM_DAY = """
    INSERT INTO telemetry_daily
    SELECT :community, d.id, s.field_id, :day, s.count,
        s.low[1], to_timestamp(s.low[2] / 1e6), s.high[1], to_timestamp(s.high[2] / 1e6),
        s.total, s.last[2], to_timestamp(s.last[1] / 1e6)
    FROM devices d CROSS JOIN LATERAL (
        SELECT field_id, sum(count) AS count,
            min(ARRAY[low, date_part('epoch', low_at) * 1e6]) AS low,
            max(ARRAY[high, date_part('epoch', high_at) * 1e6]) AS high,
            sum(total) AS total,
            max(ARRAY[date_part('epoch', last_at) * 1e6, last]) AS last
        FROM telemetry_hourly
        WHERE device_id = d.id AND bucket >= :day AND bucket < :end
        GROUP BY field_id
    ) s
    WHERE d.community_id = :community
    ON CONFLICT (device_id, field_id, bucket) DO UPDATE SET
        count = excluded.count, low = excluded.low, low_at = excluded.low_at,
        high = excluded.high, high_at = excluded.high_at, total = excluded.total,
        last = excluded.last, last_at = excluded.last_at
    WHERE telemetry_daily.count <= excluded.count
"""

_KNOWN = """
    SELECT community, hour FROM unnest(CAST(:communities AS bigint[]),
        CAST(:hours AS timestamptz[])) AS asked (community, hour)
    WHERE EXISTS (
        SELECT FROM devices d JOIN telemetry_hourly h ON h.device_id = d.id
        WHERE d.community_id = asked.community AND h.bucket = asked.hour
    )
"""


def mark_stale(session: Session, hours: Collection[tuple[int, int]]) -> None:
    """Note that readings came into hours; each is (community id, epoch ms // ``HOUR_MS``).

    Called in the transaction that stores them: no roll-up can then miss any.
    """
    if not hours:
        return
    ordered = sorted(hours)  # always in one order: two who mark the same never deadlock
    parameters = [[community for community, _ in ordered], [hour for _, hour in ordered]]
    driver(session).execute(_MARK, parameters)


def stale_hours(
    session: Session, community_id: int, start: datetime, end: datetime
) -> list[datetime]:
    """Give the hours from ``start`` to before ``end`` that roll-ups do not know yet, in order."""
    query = (
        select(StaleHour.hour)
        .where(
            StaleHour.community_id == community_id, StaleHour.hour >= start, StaleHour.hour < end
        )
        .order_by(StaleHour.hour)
    )
    return list(session.scalars(query))


def settled(session: Session, *, began_before: datetime, touched_before: datetime) -> list[Mark]:
    """Give marks of hours that began and were touched before those times, newest hour first."""
    query = (
        select(StaleHour.community_id, StaleHour.hour, StaleHour.touched_at)
        .where(StaleHour.hour < began_before, StaleHour.touched_at < touched_before)
        .order_by(StaleHour.hour.desc(), StaleHour.community_id)
    )
    return [(community, hour, touched) for community, hour, touched in session.execute(query)]


def known(session: Session, marks: Sequence[Mark]) -> set[tuple[int, datetime]]:
    """Give those (community id, hour) that were summed up before."""
    asked = {"communities": [c for c, _, _ in marks], "hours": [hour for _, hour, _ in marks]}
    return {(row.community, row.hour) for row in session.execute(text(_KNOWN), asked)}


def oldest_stale_hour(session: Session, since: datetime) -> datetime | None:
    """Give the first hour from that time on that waits to be summed up."""
    return session.scalar(select(func.min(StaleHour.hour)).where(StaleHour.hour >= since))


def is_alone(session: Session) -> bool:
    """Keep others from summing up until the transaction ends; False when one does already."""
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


def sum_hour(session: Session, community_id: int, hour: datetime, end: datetime) -> None:
    """Sum up one hour of a community from its readings (plain PostgreSQL)."""
    session.execute(text(_SUM_HOURS), {"community": community_id, "hour": hour, "end": end})


def sum_day(session: Session, community_id: int, day: datetime, end: datetime) -> None:
    """Sum up one day of a community from its hours (plain PostgreSQL)."""
    session.execute(text(_SUM_DAY), {"community": community_id, "day": day, "end": end})


def refresh(connection: Connection, name: str, start: datetime, end: datetime) -> None:
    """Let TimescaleDB refresh what has changed of an aggregate; outside any transaction."""
    call = text(
        f"CALL refresh_continuous_aggregate('{name}', CAST(:start AS timestamptz),"
        " CAST(:end AS timestamptz))"
    )
    connection.execute(call, {"start": start, "end": end})


def take_marks_away(session: Session, marks: Sequence[Mark]) -> int:
    """Forget marks, except those touched again; one that ingest holds is left for next time.

    Gives how many are gone.
    """
    columns = (StaleHour.community_id, StaleHour.hour, StaleHour.touched_at)
    free = (
        select(StaleHour.community_id, StaleHour.hour)
        .where(is_among(columns, marks))
        .with_for_update(skip_locked=True)
    )
    keys = session.execute(free).all()
    if keys:
        same = is_among((StaleHour.community_id, StaleHour.hour), [tuple(key) for key in keys])
        session.execute(delete(StaleHour).where(same))
    return len(keys)
