"""SQL of the back-test: stored readings in the order they reached us, and what people judged.

Of an event its receive time is stored; of values alone only the device's time, and whether
they came over a quarter of an hour late. So a reading of values counts as received when it
was observed or, where nothing could be heard of its gateway then, when that ended; one that
is flagged late at the earliest a quarter of an hour after. Values at the moment of an event
are that event's. What has no true time of its own (a clock that was wrong) is known by its
event only. A delay of minutes while the gateway was there is thus not seen.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, Mode
from anju_platform.backtest.source import Known, Period
from anju_platform.database import driver, from_millis, to_millis
from anju_platform.registry.model import BlindPeriod, Device
from anju_platform.telemetry.model import Flag

AT_ONCE = 5_000
"""Rows fetched at once."""
_UNTIMED = int(Flag.FUTURE | Flag.BEHIND)
_ODD = int(Flag.FUTURE | Flag.BEHIND | Flag.LATE)

# The rows of a window, points and events alike; ``{said}`` are those with a receive time.
_ROWS = """
    WITH blind AS MATERIALIZED (
        SELECT gateway_id, started_at, ended_at FROM blind_periods
        WHERE community_id = %(community)s AND ended_at > %(oldest)s
            AND started_at < %(newest)s
    ), happened AS MATERIALIZED (
        SELECT * FROM device_events
        WHERE community_id = %(community)s AND device_id = ANY(%(devices)s::bigint[])
            AND received_at >= %(since)s AND received_at < %(until)s AND {happened}
    ), dated AS MATERIALIZED (
        SELECT device_id, observed_at, min(received_at) AS received_at
        FROM happened GROUP BY 1, 2
    ), said AS ({said})
    SELECT device_id, round(date_part('epoch', observed_at) * 1000)::bigint,
        round(date_part('epoch', received_at) * 1000)::bigint, flags, is_known,
        field_id, value, event, event_id, data
    FROM said
    WHERE received_at >= %(since)s AND received_at < %(until)s
    ORDER BY received_at, observed_at, device_id, event_row NULLS FIRST
"""
_EVENTS = """
    SELECT device_id, observed_at, received_at, flags, true AS is_known, NULL::smallint AS field_id,
        NULL::float AS value, event, event_id, data, id AS event_row
    FROM happened
"""
_POINTS = """
    UNION ALL
    SELECT p.device_id, p.observed_at, COALESCE(e.received_at, GREATEST({least},
            (SELECT max(b.ended_at) FROM blind b WHERE b.started_at <= p.observed_at
                AND b.ended_at > p.observed_at
                AND (b.gateway_id IS NULL OR b.gateway_id = d.gateway_id)))),
        p.flags, e.received_at IS NOT NULL, p.field_id, p.value, NULL, NULL, NULL, NULL
    FROM telemetry p JOIN devices d ON d.id = p.device_id
    LEFT JOIN dated e ON e.device_id = p.device_id AND e.observed_at = p.observed_at
    WHERE p.community_id = %(community)s AND p.device_id = ANY(%(devices)s::bigint[])
        AND p.observed_at >= %(oldest)s AND p.observed_at < %(newest)s AND {points}
"""
_DATED_POINTS = """
    UNION ALL
    SELECT p.device_id, p.observed_at, e.received_at, p.flags, true, p.field_id, p.value,
        NULL, NULL, NULL, NULL
    FROM dated e
    JOIN telemetry p ON p.device_id = e.device_id AND p.observed_at = e.observed_at
    WHERE p.flags & {untimed} <> 0
"""
_PROMPT = _ROWS.format(
    happened=f"flags & {_ODD} = 0 AND observed_at >= %(oldest)s AND observed_at < %(newest)s",
    said=_EVENTS + _POINTS.format(least="p.observed_at", points=f"p.flags & {_ODD} = 0"),
)
_ODDITIES = _ROWS.format(
    happened=f"flags & {_ODD} <> 0",
    said=_EVENTS
    + _POINTS.format(
        least="p.observed_at + interval '15 minutes'",
        points=f"p.flags & {_ODD} = {int(Flag.LATE)}",
    )
    + _DATED_POINTS.format(untimed=_UNTIMED),
)
_UNDATED = text(
    "SELECT count(*) FROM (SELECT DISTINCT device_id, observed_at FROM telemetry p"
    " WHERE community_id = :community AND device_id = ANY(:devices)"
    " AND observed_at >= :since AND observed_at < :until AND flags & :untimed <> 0"
    " AND NOT EXISTS (SELECT 1 FROM device_events e WHERE e.community_id = p.community_id"
    " AND e.device_id = p.device_id AND e.observed_at = p.observed_at)) AS unknown"
)

Row = tuple[
    int, int, int, int, bool, int | None, float | None, str | None, str | None, dict[str, Any]
]
"""Device id, observed and received (ms), flags, whether received is stored; field and value,
or event, its id and data."""


def prompt_rows(
    session: Session,
    community_id: int,
    devices: Sequence[int],
    received: tuple[int, int],
    observed: tuple[int, int],
) -> Iterator[Row]:
    """Give the rows of readings that came without delay, received in a window."""
    yield from _stream(session, _PROMPT, _within(community_id, devices, received, observed))


def odd_rows(
    session: Session,
    community_id: int,
    devices: Sequence[int],
    received: tuple[int, int],
    observed: tuple[int, int],
) -> Iterator[Row]:
    """Give the rows of readings that came late or whose clock was wrong, received in a span."""
    yield from _stream(session, _ODDITIES, _within(community_id, devices, received, observed))


def _within(
    community_id: int,
    devices: Sequence[int],
    received: tuple[int, int],
    observed: tuple[int, int],
) -> dict[str, Any]:
    return {
        "community": community_id,
        "devices": list(devices),
        "since": from_millis(received[0]),
        "until": from_millis(received[1]),
        "oldest": from_millis(observed[0]),
        "newest": from_millis(observed[1]),
    }


def _stream(session: Session, query: str, parameters: dict[str, Any]) -> Iterator[Row]:
    """Let the server keep what is not asked for yet: it sorts on its disk, we hold a few rows."""
    name = "odd_readings" if query is _ODDITIES else "prompt_readings"
    with driver(session).cursor(name=name, binary=True) as cursor:
        cursor.itersize = AT_ONCE
        cursor.execute(query.encode(), parameters)
        yield from cursor


def undated(session: Session, community_id: int, devices: Sequence[int], span: Period) -> int:
    """Count readings of values of which nothing tells when they came."""
    parameters = {
        "community": community_id,
        "devices": list(devices),
        "since": from_millis(span[0]),
        "until": from_millis(span[1] or 0),
        "untimed": _UNTIMED,
    }
    return int(session.scalar(_UNDATED, parameters) or 0)


def created(session: Session, community_id: int) -> dict[int, int]:
    """Give when each device became known, epoch milliseconds."""
    rows = session.execute(
        select(Device.id, Device.created_at).where(Device.community_id == community_id)
    )
    return {device: to_millis(at) for device, at in rows}


def blind_periods(
    session: Session, community_id: int, since: datetime
) -> dict[int | None, list[Period]]:
    """Give blind periods that reach beyond ``since``, by gateway (None: ingest itself)."""
    query = select(BlindPeriod.gateway_id, BlindPeriod.started_at, BlindPeriod.ended_at).where(
        BlindPeriod.community_id == community_id,
        (BlindPeriod.ended_at >= since) | BlindPeriod.ended_at.is_(None),
    )
    found: dict[int | None, list[Period]] = {}
    for gateway, began, ended in session.execute(query):
        period = (to_millis(began), to_millis(ended) if ended else None)
        found.setdefault(gateway, []).append(period)
    return found


def causes(
    session: Session, community_id: int, rule_ids: Sequence[str], since: datetime, until: datetime
) -> list[Known]:
    """Give the alerts of these rules that people closed with a cause, tests and drills aside."""
    query = select(
        Alert.rule_id,
        Alert.entity,
        Alert.discriminator,
        Alert.detected_at,
        Alert.closed_at,
        Alert.cause,
    ).where(
        Alert.community_id == community_id,
        Alert.rule_id.in_(rule_ids),
        Alert.detected_at >= since,
        Alert.detected_at < until,
        Alert.cause.is_not(None),
        Alert.mode == Mode.ACTUAL,
    )
    return [
        Known(
            rule_id=rule,
            entity=entity,
            discriminator=discriminator,
            detected_at=to_millis(detected),
            closed_at=to_millis(closed),
            cause=cause,
        )
        for rule, entity, discriminator, detected, closed, cause in session.execute(query)
        if closed is not None and cause is not None
    ]
