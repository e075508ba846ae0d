"""Long charts read roll-ups, and tell what the readings themselves would."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outer_site import Site, add_people, community_file
from sqlalchemy import Engine, delete, select, text
from sqlalchemy.orm import Session
from stored_points import store, tables_read

from anju_platform.auth.model import Role
from anju_platform.database import connect, now, to_millis, transaction
from anju_platform.demo.postgres import create_database
from anju_platform.migrate import differences, migrate
from anju_platform.provision import import_community
from anju_platform.registry.model import Community, Device
from anju_platform.telemetry import series
from anju_platform.telemetry.model import DAILY, HOURLY, StaleHour
from anju_platform.telemetry.rollups.cover import DAY, HOUR, Piece, cover, floor
from anju_platform.telemetry.rollups.repository import HOUR_MS, mark_stale
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.schemas import Series
from anju_platform.telemetry.storage import Retention, keep_partitions

TIMESCALE = os.environ.get("ANJU_TEST_TIMESCALE_URL")
AT_ONCE = timedelta(0)


@pytest.fixture(params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def site(request: pytest.FixtureRequest, database: str) -> Iterator[Site]:
    """A small community, on both kinds of storage."""
    url = database
    if request.param == "timescale":
        if TIMESCALE is None:
            pytest.skip("ANJU_TEST_TIMESCALE_URL names no server")
        url = create_database(TIMESCALE, "anju_test_rollups")
        migrate(url)
    engine = connect(url)
    with transaction(engine) as session:
        secrets = import_community(session, community_file())
        community_id = session.scalars(select(Community.id)).one()
        add_people(session, community_id)
    yield Site(engine, url, community_id, secrets)
    engine.dispose()
    if request.param == "timescale" and TIMESCALE is not None:
        with psycopg.connect(TIMESCALE, autocommit=True) as connection:
            connection.execute("DROP DATABASE anju_test_rollups WITH (FORCE)")


def midnight(days_ago: int = 0) -> datetime:
    return floor(now(), DAY) - days_ago * DAY


def wave(start: datetime, end: datetime, step: timedelta) -> list[tuple[datetime, float]]:
    noise = random.Random(11)
    count = (end - start) // step
    return [(start + n * step, noise.uniform(0, 100)) for n in range(count)]


def chart(
    site: Site, slug: str, field: str, start: datetime, end: datetime, points: int = 2000
) -> Series:
    with Session(site.engine) as session:
        return series.series(
            session, site.actor(Role.ADMIN), slug, field, start=start, end=end, points=points
        )


def pairs(found: Series) -> list[tuple[int, float]]:
    return list(zip(found.times, found.values, strict=True))


def marks(engine: Engine) -> list[datetime]:
    with engine.connect() as connection:
        return list(connection.scalars(select(StaleHour.hour).order_by(StaleHour.hour)))


def extremes_by_bucket(
    points: list[tuple[int, float]], origin: datetime, width_s: float
) -> dict[int, tuple[float, float]]:
    found: dict[int, list[float]] = {}
    for at, value in points:
        found.setdefault(int((at - to_millis(origin)) // (width_s * 1000)), []).append(value)
    return {bucket: (min(values), max(values)) for bucket, values in found.items()}


def test_an_hour_is_summed_up_once_it_is_over(site: Site) -> None:
    pir = site.device("b1-501-pir")
    hour = floor(now(), HOUR) - 3 * HOUR
    minute = timedelta(minutes=1)
    store(site.engine, pir, "battery", [(hour, 50), (hour + minute, 20), (hour + 2 * minute, 90)])
    store(site.engine, pir, "battery", [(hour + 3 * minute, 40), (now(), 70)])
    assert bring_up_to_date(site.engine) == 0, "readings pour into it"
    assert bring_up_to_date(site.engine, settled=AT_ONCE) == 1
    with site.engine.connect() as connection:
        [row] = connection.execute(select(HOURLY)).all()
        daily = connection.execute(select(DAILY)).all()
    assert row == (
        site.community_id, pir.id, row.field_id, hour, 4,
        20, hour + minute, 90, hour + 2 * minute, 200, 40, hour + 3 * minute,
    )  # fmt: skip
    assert daily == [(*row[:3], floor(hour, DAY), *row[4:])] or hour.date() == now().date()
    assert marks(site.engine) == [floor(now(), HOUR)], "the hour that lasts is not summed up"


def test_what_comes_late_is_seen_at_once_and_summed_up_again(site: Site) -> None:
    start, end = midnight(100), midnight(40)
    pir = site.device("b1-501-pir")
    stored = store(site.engine, pir, "battery", wave(start, end, 20 * timedelta(minutes=1)))
    assert bring_up_to_date(site.engine, settled=AT_ONCE) == 60 * 24
    late = start + 20 * DAY + timedelta(minutes=12345)
    [point] = store(site.engine, pir, "battery", [(late, 1000)])
    assert point in pairs(chart(site, "b1-501-pir", "battery", start, end))
    assert marks(site.engine) == [floor(late, HOUR)]
    assert bring_up_to_date(site.engine, settled=AT_ONCE) == 1
    assert marks(site.engine) == []
    found = chart(site, "b1-501-pir", "battery", start, end)
    assert point in pairs(found)
    kept = dict([*stored, point])
    assert all(kept[at] == value for at, value in pairs(found)), "points are true points"


@pytest.mark.parametrize("points", [2000, 500, 60, 3])
@pytest.mark.parametrize("field", ["battery", "motion"])
def test_a_long_chart_agrees_with_the_readings(site: Site, points: int, field: str) -> None:
    start, end = midnight(60) + timedelta(minutes=17), now() - timedelta(minutes=3)
    pir = site.device("b1-501-pir")
    readings = wave(start - DAY, end + HOUR, timedelta(minutes=13))
    if field == "motion":
        readings = [(at, float(value > 97)) for at, value in readings]
    stored = store(site.engine, pir, field, readings)
    bring_up_to_date(site.engine, settled=AT_ONCE)
    store(site.engine, pir, field, [(start + 9 * DAY, 777), (start + 33.3 * DAY, -5)])
    kept = dict(stored) | {to_millis(start + 9 * DAY): 777, to_millis(start + 33.3 * DAY): -5}
    inside = [(at, v) for at, v in kept.items() if to_millis(start) <= at < to_millis(end)]
    found = chart(site, "b1-501-pir", field, start, end, points)
    assert len(found.times) <= points
    assert found.bucket_s is not None
    held = len([at for at in found.times if at < to_millis(start)])
    assert held <= (field == "motion")
    shown = pairs(found)[held:]
    assert all(kept[at] == value for at, value in shown), "points are true points"
    assert [at for at, _ in shown] == sorted(at for at, _ in shown)
    grain = DAY if found.bucket_s % 86400 == 0 else HOUR
    origin = floor(start, grain)
    assert extremes_by_bucket(shown, origin, found.bucket_s) == extremes_by_bucket(
        inside, origin, found.bucket_s
    )
    if field == "motion":
        assert shown[-1] == max(inside)


def test_a_years_chart_reads_no_reading_but_the_newest(site: Site) -> None:
    start = midnight(365)
    pir = site.device("b1-501-pir")
    keep_partitions(site.engine, Retention(behind_days=365))
    store(site.engine, pir, "battery", wave(start, now(), timedelta(minutes=90)))
    bring_up_to_date(site.engine, settled=AT_ONCE)
    for points, rollup in ((2000, "telemetry_hourly"), (300, "telemetry_daily")):
        found = tables_read(
            site.engine,
            lambda points=points: chart(site, "b1-501-pir", "battery", start, now(), points),
        )
        readings = {name for name in found if name.startswith(("telemetry_2", "_hyper_1_"))}
        assert len(readings) <= 1, "the hour that lasts"
        assert rollup in found or site.url != "plain"
    day = tables_read(
        site.engine, lambda: chart(site, "b1-501-pir", "battery", start, start + DAY)
    )
    assert len([name for name in day if name.startswith("telemetry_2")]) <= 1


def test_few_readings_come_whole_however_long_the_span(site: Site) -> None:
    start = midnight(200)
    stored = store(
        site.engine, site.device("b1-501-pir"), "battery", wave(start, midnight(), 12 * HOUR)
    )
    bring_up_to_date(site.engine, settled=AT_ONCE)
    found = chart(site, "b1-501-pir", "battery", start, midnight())
    assert pairs(found) == stored
    assert found.bucket_s is None


def test_a_reading_stored_while_its_hour_is_summed_up_is_not_forgotten(site: Site) -> None:
    pir = site.device("b1-501-pir")
    hour = floor(now(), HOUR) - 5 * HOUR
    store(site.engine, pir, "battery", [(hour, 50)])
    with ThreadPoolExecutor() as pool, transaction(site.engine) as writer:
        mark_stale(writer, {(site.community_id, to_millis(hour) // HOUR_MS)})
        assert pool.submit(bring_up_to_date, site.engine, settled=AT_ONCE).result(20) == 0
    assert marks(site.engine) == [hour], "it was touched again"
    assert bring_up_to_date(site.engine, settled=AT_ONCE) == 1
    assert marks(site.engine) == []


def test_roll_ups_come_to_a_database_that_has_readings(site: Site) -> None:
    start = midnight(60)
    stored = store(site.engine, site.device("b1-501-pir"), "battery", wave(start, now(), HOUR / 4))
    with site.engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    before = chart(site, "b1-501-pir", "battery", start, now())
    bring_up_to_date(site.engine, settled=AT_ONCE)
    with transaction(site.engine) as session:
        session.execute(delete(StaleHour))
    after = chart(site, "b1-501-pir", "battery", start, midnight())
    assert pairs(after) == [p for p in pairs(before) if p[0] < to_millis(midnight())]
    assert len(stored) > 2000
    assert list(differences(site.engine)) == []


times = st.integers(0, 20 * 24 * 60).map(
    lambda minutes: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(times, times, st.sets(times.map(lambda at: floor(at, HOUR)), max_size=30))
def test_pieces_cover_a_span_exactly_once_and_never_a_stale_hour_by_roll_up(
    one: datetime, other: datetime, stale: set[datetime]
) -> None:
    start, end = sorted((one, other))
    pieces = cover(start, end, (DAY, HOUR), stale)
    at = start
    for piece in pieces:
        assert piece.start == at < piece.end
        at = piece.end
    assert at == end or not pieces
    for piece in pieces:
        if piece.grain is None:
            continue
        assert floor(piece.start, piece.grain) == piece.start
        assert floor(piece.end, piece.grain) == piece.end
        assert not [hour for hour in stale if piece.start <= hour < piece.end]
    read = sum((p.end - p.start for p in pieces if p.grain is None), timedelta(0))
    assert read <= (len(stale) + 2) * HOUR
    assert pieces != [] or start == end
    assert all(isinstance(piece, Piece) for piece in pieces)


def test_the_device_of_another_community_is_not_summed_up_with_this_one(site: Site) -> None:
    with transaction(site.engine) as session:
        import_community(session, community_file("park"))
        park = session.scalars(select(Community.id).where(Community.slug == "park")).one()
        other = session.scalars(
            select(Device).where(Device.community_id == park, Device.slug == "b1-501-pir")
        ).one()
    hour = floor(now(), HOUR) - 3 * HOUR
    store(site.engine, site.device("b1-501-pir"), "battery", [(hour, 1)])
    store(site.engine, other, "battery", [(hour, 2)])
    assert bring_up_to_date(site.engine, settled=AT_ONCE) == 2
    with site.engine.connect() as connection:
        found = connection.execute(select(HOURLY.c.community_id, HOURLY.c.total)).all()
    assert sorted(found) == [(site.community_id, 1), (park, 2)]
