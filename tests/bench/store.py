"""What a stored point costs on disk, and how soon a chart of a day, month or year is there.

The day on disk: five kinds of series every 10 s, clocks a few milliseconds off, as PostgreSQL
keeps it and as TimescaleDB compresses it. The charts: a year of one-minute readings, stored in
the order they come in; the last seven days uncompressed, the newest hour not summed up yet.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.database import connect, now, reading, to_millis, transaction
from anju_platform.demo.postgres import EmbeddedPostgres, create_database
from anju_platform.migrate import migrate
from anju_platform.provision import import_community
from anju_platform.telemetry import series
from anju_platform.telemetry.repository import Points, copy_points
from anju_platform.telemetry.rollups.cover import DAY, HOUR, floor
from anju_platform.telemetry.rollups.repository import HOUR_MS, mark_stale
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.storage import Retention, is_hypertable, keep_partitions

COMMUNITY = "bench"
STEP_MS = 10_000
OFF_MS = 30
YEAR_DAYS = 365
COMPRESSED_AFTER_DAYS = 7
ASKED = 5
GROUP = 10_000
SPANS = {"day": 1, "month": 30, "year": YEAR_DAYS}

Figures = dict[str, Any]


def run(directory: Path, *, points: int, say: Callable[[str], None]) -> Figures:
    """Measure on plain PostgreSQL, and on TimescaleDB where ANJU_TEST_TIMESCALE_URL names it.

    ``say`` is told each part's figures when it is done: filling a year takes its time.
    """
    figures: Figures = {}
    server = EmbeddedPostgres(directory / "postgres")
    try:
        figures["plain"] = _measure(server.start(), points, say)
    finally:
        server.stop()
    timescale = os.environ.get("ANJU_TEST_TIMESCALE_URL")
    if timescale:
        figures["timescale"] = _measure(timescale, points, say)
    return figures


def _measure(server: str, points: int, say: Callable[[str], None]) -> Figures:
    figures: Figures = {}

    def add(part: Figures) -> None:
        figures.update(part)
        say(str(part))

    with _database(server, "anju_bench_day") as engine:
        add(_day_on_disk(engine))
        add(_copy(engine))
    with _database(server, "anju_bench_year") as engine:
        add(_fill_year(engine, max(ASKED, points // (YEAR_DAYS * 1440))))
        add(_charts(engine))
    return figures


@contextmanager
def _database(server: str, name: str) -> Iterator[Engine]:
    url = create_database(server, name)
    migrate(url)
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _provide(engine: Engine, count: int, model: str = "climate") -> list[tuple[int, int]]:
    """Import a community with so many devices; gives (community id, device id) of each."""
    names = {"name": "x", "name_en": "x"}
    document = {
        "community": {"slug": COMMUNITY, **names},
        "places": [{"slug": "b", "kind": "building", "label": "b", "label_en": "b"}],
        "gateways": [{"slug": "gw", **names}],
        "households": [],
        "devices": [
            {"slug": f"d{n}", "model": model, "gateway": "gw", "place": "b", **names}
            for n in range(count)
        ],
    }
    with transaction(engine) as session:
        import_community(session, document)
        rows = session.execute(text("SELECT community_id, id FROM devices ORDER BY id"))
        return [(row.community_id, row.id) for row in rows]


# -- the day on disk ---------------------------------------------------------------------


def _walk(dice: random.Random, kind: int, before: float) -> float:
    """Give the next value: temperature, humidity, motion, a meter's total, a heart rate."""
    if kind == 2:
        return float(dice.random() < (0.97 if before else 0.02))
    if kind == 3:
        return round(before + (dice.random() < 0.05) * 0.001, 3)
    step = (0.1, 1.0, 0.0, 0.0, 2.0)[kind]
    return round(before + dice.choice((-step, 0.0, 0.0, 0.0, step)), 1)


Row = tuple[int, int, int, int, float, int]
"""A point: community, device, field, epoch ms, value, flags."""


def _columns(rows: Sequence[Row]) -> Points:
    return Points(*(list(column) for column in zip(*rows, strict=True)))  # type: ignore[arg-type]


def _day(device_ids: Sequence[tuple[int, int]], start: datetime) -> Iterator[list[Row]]:
    """Give a day's points, one list for each tick."""
    dice = random.Random(5)
    last = {device: [21.0, 55.0, 0.0, 812.4, 64.0] for _, device in device_ids}
    begin = to_millis(start)
    for tick in range(24 * HOUR_MS // STEP_MS):
        points = []
        for community, device in device_ids:
            at = begin + tick * STEP_MS + dice.randrange(OFF_MS)
            for kind, value in enumerate(last[device]):
                last[device][kind] = _walk(dice, kind, value)
                points.append((community, device, kind + 1, at, last[device][kind], 0))
        yield points


def _day_on_disk(engine: Engine) -> Figures:
    devices = _provide(engine, 30)
    start = floor(now(), DAY) - 3 * DAY
    keep_partitions(engine, Retention(behind_days=5))
    count = 0
    batch: list[Row] = []
    for tick in _day(devices, start):
        batch += tick
        if len(batch) >= GROUP:
            with transaction(engine) as session:
                copy_points(session, _columns(batch))
            count += len(batch)
            batch = []
    with transaction(engine) as session:
        copy_points(session, _columns(batch))
    count += len(batch)
    figures: Figures = {"day_points": count, "day_bytes_per_point_raw": _bytes(engine) / count}
    if is_hypertable(engine):
        _compress(engine, before=now())
        figures["day_bytes_per_point_compressed"] = _bytes(engine) / count
    return {name: round(value, 2) for name, value in figures.items()}


def _bytes(engine: Engine) -> int:
    query = (
        "SELECT hypertable_size('telemetry')"
        if is_hypertable(engine)
        else "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits"
        " WHERE inhparent = 'telemetry'::regclass"
    )
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def _compress(engine: Engine, *, before: datetime) -> None:
    query = text("SELECT compress_chunk(c) FROM show_chunks('telemetry', older_than => :before) c")
    with engine.begin() as connection:
        connection.execute(query, {"before": before})


def _copy(engine: Engine) -> Figures:
    """Measure what marking hours costs a transaction that stores a group of readings."""
    begin = to_millis(floor(now(), HOUR) - 2 * HOUR)
    points = _columns([(1, n % 500, 1, begin + n * 100, 20.5, 0) for n in range(GROUP)])
    hours = {(1, begin // HOUR_MS)}
    stored, marked = [], []
    for _ in range(30):
        began = time.perf_counter()
        with transaction(engine) as session:
            copy_points(session, points)
        stored.append(time.perf_counter() - began)
        with transaction(engine) as session:
            session.execute(text("SELECT 1"))
            began = time.perf_counter()
            mark_stale(session, hours)
            marked.append(time.perf_counter() - began)
    whole, mark = statistics.median(stored), statistics.median(marked)
    return {
        "copy_points_per_s": round(GROUP / whole),
        "mark_ms": round(mark * 1000, 2),
        "mark_share_percent": round(100 * mark / whole, 2),
    }


# -- the charts --------------------------------------------------------------------------


def _fill_year(engine: Engine, count: int) -> Figures:
    devices = _provide(engine, count)
    today = floor(now(), DAY)
    keep_partitions(engine, Retention(behind_days=YEAR_DAYS))
    insert = text(
        "INSERT INTO telemetry SELECT d.community_id, d.id, f.id, t,"
        " 20 + 5 * sin(extract(epoch FROM t) / 13750) + round((random() * 2)::numeric, 1), 0"
        " FROM generate_series(CAST(:start AS timestamptz), :end, '1 minute') t, devices d"
        " JOIN device_fields f ON f.model = d.model AND f.name = 'temperature' ORDER BY t"
    )
    began = time.perf_counter()
    for n in range(YEAR_DAYS, -1, -1):
        start = today - n * DAY
        end = min(start + DAY, now()) - timedelta(seconds=1)
        hours = range(to_millis(start) // HOUR_MS, to_millis(end) // HOUR_MS + 1)
        with transaction(engine) as session:
            session.execute(insert, {"start": start, "end": end})
            mark_stale(session, {(devices[0][0], hour) for hour in hours})
    figures: Figures = {"year_fill_s": round(time.perf_counter() - began)}
    began = time.perf_counter()
    bring_up_to_date(engine, settled=timedelta(0))
    figures["year_roll_up_s"] = round(time.perf_counter() - began)
    if is_hypertable(engine):
        _compress(engine, before=today - COMPRESSED_AFTER_DAYS * DAY)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        total = connection.execute(text("SELECT sum(count) FROM telemetry_hourly")).scalar_one()
    return figures | {
        "year_points": int(total),
        "year_series": count,
        "year_gigabytes": round(_bytes(engine) / 1e9, 2),
    }


def _charts(engine: Engine) -> Figures:
    with reading(engine) as session:
        community = session.execute(text("SELECT id FROM communities")).scalar_one()
    actor = Actor(
        user_id=1,
        username="bench",
        name="Bench",
        role=Role.ADMIN,
        community_id=community,
        locale="zh",
        session_csrf="",
        token_hash="",
    )
    end = now()
    figures: Figures = {}
    for name, days in SPANS.items():
        took = []
        for n in range(ASKED):
            slug = f"d{n}"

            def ask(session: Session, slug: str = slug, days: int = days) -> int:
                found = series.series(
                    session, actor, slug, "temperature", start=end - days * DAY, end=end
                )
                return len(found.times)

            took.append(_timed(engine, ask))
        figures[f"{name}_chart_ms_first"] = round(statistics.median(t[0] for t in took), 1)
        figures[f"{name}_chart_ms_again"] = round(statistics.median(t[1] for t in took), 1)
        figures[f"{name}_chart_points"] = took[0][2]
    return figures


def _timed(engine: Engine, ask: Callable[[Session], int]) -> tuple[float, float, int]:
    """Ask twice of another series each time; gives both times in ms, and how many points."""
    times, count = [], 0
    for _ in range(2):
        with reading(engine) as session:
            session.execute(text("SELECT 1"))
            began = time.perf_counter()
            count = ask(session)
            times.append((time.perf_counter() - began) * 1000)
    return times[0], times[1], count
