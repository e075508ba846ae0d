"""How fast a back-test lives through stored readings, and what memory that takes."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from anju_devices.messages import Reading
from anju_platform.backtest.report import Report
from anju_platform.backtest.source import Span
from anju_platform.backtest.stored import StoredReadings
from anju_platform.backtest.testing import backtest
from anju_platform.database import reading, transaction
from anju_platform.provision import import_community
from anju_platform.registry import snapshot
from anju_platform.telemetry.writing import Taken, record_events, record_points
from anju_rules import load_library

COMMUNITY, GATEWAY = "bench", "gw"
START = 1_772_323_200_000  # 2026-03-01 08:00 in Shanghai
MINUTE = 60_000
DAY = 86_400_000
MODELS = {
    "pir": 5,
    "climate": 5,
    "contact": 5,
    "bath": 10,
    "smoke": 60,
    "sos": 60,
}
"""Every home's devices, and the minutes between their words."""
_KINDS = {
    "bath": "bathroom_presence",
    "contact": "door_contact",
    "smoke": "smoke_alarm",
    "sos": "sos_button",
}


def community(homes: int) -> dict[str, Any]:
    """Describe homes with the same kit behind one gateway."""
    slugs = [f"home-{n:02d}" for n in range(homes)]
    place = {"kind": "unit", "label": "家", "label_en": "Home"}
    return {
        "community": {"slug": COMMUNITY, "name": "测试园", "name_en": "Bench Garden"},
        "places": [{"slug": slug, **place} for slug in slugs],
        "gateways": [{"slug": GATEWAY, "name": "网关", "name_en": "Gateway"}],
        "households": [
            {"slug": slug, "place": slug, "attributes": {"lives_alone": True}} for slug in slugs
        ],
        "devices": [
            {
                "slug": f"{slug}-{kind}",
                "model": _KINDS.get(kind, kind),
                "gateway": GATEWAY,
                "place": slug,
                "household": slug,
                "name": kind,
                "name_en": kind,
                "interval_s": minutes * 60,
            }
            for slug in slugs
            for kind, minutes in MODELS.items()
        ],
    }


def lives(homes: int, days: int, *, seed: int = 1) -> Iterator[Reading]:
    """Give what the homes' devices say, in order of time: mostly nothing new, as in life."""
    chance = random.Random(seed)
    steps = days * DAY // (5 * MINUTE)
    doors: dict[str, bool] = {}
    for step in range(steps):
        at = START + step * 5 * MINUTE
        for home in range(homes):
            for number, (kind, minutes) in enumerate(MODELS.items()):
                if step % (minutes // 5) == 0:
                    slug = f"home-{home:02d}-{kind}"
                    moment = at + (home * len(MODELS) + number) * 211
                    yield _said(slug, kind, moment, chance, doors)


def _said(slug: str, kind: str, at: int, chance: random.Random, doors: dict[str, bool]) -> Reading:
    night = (at // 3_600_000 + 8) % 24 < 6
    match kind:
        case "pir":
            values: dict[str, Any] = {"motion": not night and chance.random() < 0.4}
        case "climate":
            heat = 14 if chance.random() < 0.0002 else 0
            values = {"temperature": round(chance.gauss(22 + heat, 1), 1), "humidity": 45}
        case "contact":
            was_open = doors.get(slug, False)
            doors[slug] = is_open = chance.random() < (0.6 if was_open else 0.005)
            values = {"contact": "open" if is_open else "closed", "battery": 80}
        case "bath":
            values = {"presence": not night and chance.random() < 0.1, "dwell": 0}
        case "sos" if chance.random() < 0.002:
            return Reading(device=slug, at=at, event="pressed", id=f"{slug}-{at}")
        case _:
            values = {"battery": 80}
    return Reading(device=slug, at=at, values=values)


def fill(engine: Engine, homes: int, days: int) -> tuple[int, int]:
    """Store those lives as ingest would; gives how many readings and points that is."""
    document = community(homes)
    with transaction(engine) as session:
        import_community(session, document)
        session.execute(text("UPDATE devices SET created_at = '2026-01-01'"))
        for day in range(days + 1):
            since, until = (
                datetime.fromtimestamp((START + n * DAY) / 1000, UTC).date() for n in (day, day + 1)
            )
            session.execute(
                text(
                    f"CREATE TABLE telemetry_{since:%Y%m%d} PARTITION OF telemetry"
                    f" FOR VALUES FROM ('{since} 00:00+00') TO ('{until} 00:00+00')"
                )
            )
        known = snapshot.load(session).by_slug[COMMUNITY].devices
        readings = points = 0
        group: list[Taken] = []
        for one in lives(homes, days):
            group.append(Taken(known[one.device], one, one.at, one.at, 0))
            if len(group) == 20_000:
                points += record_points(session, group)
                record_events(session, group)
                readings += len(group)
                group = []
        points += record_points(session, group)
        record_events(session, group)
        readings += len(group)
    with engine.begin() as connection:
        connection.execute(text("ANALYZE telemetry"))
    return readings, points


def relive(engine: Engine, days: int) -> Report:
    """Back-test the whole library over what is stored."""
    end = START + days * DAY
    with reading(engine) as session:
        source = StoredReadings(session, COMMUNITY, Span(START, START, end))
        return backtest(source, load_library())


def run(engine: Engine, *, homes: int = 20, days: int = 28) -> dict[str, float]:
    """Fill a database and give how fast its readings are lived through again."""
    readings, points = fill(engine, homes, days)
    report = relive(engine, days)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert report.data.readings == readings
    return {
        "homes": homes,
        "days": days,
        "rules": len(report.tested.rules),
        "readings": readings,
        "points": points,
        "alerts": report.tested.figures.alerts,
        "seconds": round(report.seconds, 1),
        "readings_per_s": round(readings / report.seconds),
        "points_per_s": round(points / report.seconds),
        "process_at_most_mb": round(most / 1024),
    }
