"""How long a month's report takes that says of 1,000 devices when they reported."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, select, text

from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.database import connect, reading, transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import Community
from anju_platform.reports import repository
from anju_platform.reports.periods import Span
from anju_platform.reports.report import report

DEVICES = 1_000
DAYS = 62
"""So much is stored, of which a report reads a month."""
ALERTS = 5_000
ROUNDS = 5
MONTH = datetime(2026, 8, 15, tzinfo=UTC)
_FIRST = datetime(2026, 7, 5, tzinfo=UTC)

_FILL = (
    """
    INSERT INTO device_fields (model, name) VALUES ('pir', 'motion'), ('pir', 'battery'),
        ('sos_button', 'battery'), ('sos_button', 'rssi')
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO telemetry_hourly (community_id, device_id, field_id, bucket, count, low, low_at,
        high, high_at, total, last, last_at)
    SELECT d.community_id, d.id, f.id, hour, 12, 0, hour, 1, hour, 5, 1,
        hour + interval '55 minutes'
    FROM generate_series(CAST(:first AS timestamptz),
        CAST(:first AS timestamptz) + :days * interval '1 day', interval '1 hour') AS hour
    CROSS JOIN devices d JOIN device_fields f ON f.model = d.model
        AND f.name IN ('motion', 'battery', 'rssi')
    WHERE (d.id + CAST(extract(epoch FROM hour) AS bigint) / 3600) % 50 > 0
    """,
    """
    INSERT INTO blind_periods (community_id, gateway_id, started_at, ended_at)
    SELECT community_id, id, CAST(:first AS timestamptz) + n * interval '1 day',
        CAST(:first AS timestamptz) + n * interval '1 day' + interval '7 minutes'
    FROM gateways CROSS JOIN generate_series(1, 60) AS n
    """,
    """
    INSERT INTO alerts (id, community_id, dedupe_key, rule_id, rule_version, entity, discriminator,
        title, title_en, icon, severity, condition, handling, overlays, mode, latched,
        observed_at, detected_at, activated_at, occurrences, evidence, version, closed_at)
    SELECT gen_random_uuid(), :community, 'k' || n, 'door-forced', 1, '', '', '求助', 'Help',
        'sos', 1 + n % 4, 'clear', 'closed', '[]', 'actual', false, at, at, at, 1, '{}', 1,
        at + interval '5 minutes'
    FROM generate_series(1, :alerts) AS n, LATERAL (SELECT CAST(:first AS timestamptz)
        + n * interval '25 minutes' AS at) AS moment
    """,
    """
    INSERT INTO alert_timeline (alert_id, community_id, at, kind, data)
    SELECT id, community_id, detected_at + turn * interval '10 seconds',
        CASE turn WHEN 0 THEN 'raised' WHEN 5 THEN 'closed' ELSE 'told' END,
        CASE WHEN turn = 0 AND severity = 3 THEN '{"muted": ["maintenance"]}' ELSE '{}' END::jsonb
    FROM alerts CROSS JOIN generate_series(0, 5) AS turn
    """,
)


def run(url: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure on a database of its own; times in s."""
    engine = connect(url)
    community = _fill(engine)
    say("  filled")
    actor = _keeper(community)
    whole, heard, happened = [], [], []
    month = (MONTH.replace(day=1), MONTH.replace(month=9, day=1))
    for _ in range(ROUNDS):
        with reading(engine) as session:
            whole.append(_timed(partial(report, session, actor, Span.MONTH, MONTH)))
            heard.append(_timed(partial(repository.heard_s, session, community, *month)))
            happened.append(_timed(partial(repository.happened, session, community, *month)))
    with reading(engine) as session:
        stored = session.scalar(text("SELECT count(*) FROM telemetry_hourly"))
        size = session.scalar(text("SELECT pg_total_relation_size('telemetry_hourly')"))
    engine.dispose()
    return {
        "devices": DEVICES,
        "hours_stored": stored,
        "hours_mb": round(size / 1e6),
        "alerts": ALERTS,
        "report_of_a_month_s_median": round(statistics.median(whole), 2),
        "report_of_a_month_s_first": round(whole[0], 2),
        "devices_heard_s_median": round(statistics.median(heard), 2),
        "alerts_answered_s_median": round(statistics.median(happened), 2),
    }


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _fill(engine: Engine) -> int:
    with transaction(engine) as session:
        import_community(session, _community())
        community = session.scalars(select(Community.id)).one()
        session.execute(
            text("UPDATE devices SET created_at = :at"), {"at": _FIRST - timedelta(days=30)}
        )
        said = {"community": community, "first": _FIRST, "days": DAYS, "alerts": ALERTS}
        for statement in _FILL:
            session.execute(
                text(statement), {name: v for name, v in said.items() if f":{name}" in statement}
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return community


def _community() -> dict[str, Any]:
    place = {"kind": "unit", "label": "家", "label_en": "Home"}
    return {
        "community": {"slug": "bench", "name": "测试园", "name_en": "Bench Garden"},
        "places": [{"slug": "all", **place}],
        "gateways": [{"slug": f"gw-{n}", "name": "网关", "name_en": "Gateway"} for n in range(10)],
        "devices": [
            {
                "slug": f"d-{n}",
                "model": "pir" if n % 4 else "sos_button",
                "gateway": f"gw-{n % 10}",
                "place": "all",
                "name": "设备",
                "name_en": "Device",
            }
            for n in range(DEVICES)
        ],
    }


def _keeper(community: int) -> Actor:
    return Actor(
        user_id=0,
        username="bench",
        name="bench",
        role=Role.ADMIN,
        community_id=community,
        locale="zh",
        session_csrf="",
        token_hash="",
        address=None,
    )
