"""Long charts read roll-ups, and tell what the readings themselves would."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outer_site import Site, community_file
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from stored_points import store, tables_read

from anju_platform.auth.model import Role
from anju_platform.database import now, to_millis, transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import Community, Device
from anju_platform.telemetry import series
from anju_platform.telemetry.model import DAILY, HOURLY, StaleHour
from anju_platform.telemetry.rollups.cover import DAY, HOUR, Piece, cover, floor
from anju_platform.telemetry.rollups.repository import HOUR_MS, mark_stale
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.schemas import Series
from anju_platform.telemetry.storage import Retention, keep_partitions

AT_ONCE = timedelta(0)


def midnight(days_ago: int = 0) -> datetime:
    return floor(now(), DAY) - days_ago * DAY


def wave(start: datetime, end: datetime, step: timedelta) -> list[tuple[datetime, float]]:
    noise = random.Random(11)
    count = (end - start) // step
    return [(start + n * step, noise.uniform(0, 100)) for n in range(count)]


def chart(
    site: Site, slug: str, field: str, start: datetime, end: datetime, *, points: int = 2000
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


def test_an_hour_is_summed_up_once_it_is_over(either_site: Site) -> None:
    pir = either_site.device("b1-501-pir")
    hour = floor(now(), HOUR) - 3 * HOUR
    minute = timedelta(minutes=1)
    store(
        either_site.engine,
        pir,
        "battery",
        [(hour, 50), (hour + minute, 20), (hour + 2 * minute, 90)],
    )
    store(either_site.engine, pir, "battery", [(hour + 3 * minute, 40), (now(), 70)])
    assert bring_up_to_date(either_site.engine) == 0, "readings pour into it"
    assert bring_up_to_date(either_site.engine, settled=AT_ONCE) == 1
    with either_site.engine.connect() as connection:
        [row] = connection.execute(select(HOURLY)).all()
        daily = connection.execute(select(DAILY)).all()
    assert row == (
        either_site.community_id, pir.id, row.field_id, hour, 4,
        20, hour + minute, 90, hour + 2 * minute, 200, 40, hour + 3 * minute,
    )  # fmt: skip
    assert daily == [(*row[:3], floor(hour, DAY), *row[4:])] or hour.date() == now().date()
    assert marks(either_site.engine) == [floor(now(), HOUR)], "the hour that lasts is not summed up"


def test_what_comes_late_is_seen_at_once_and_summed_up_again(either_site: Site) -> None:
    start, end = midnight(100), midnight(40)
    pir = either_site.device("b1-501-pir")
    stored = store(either_site.engine, pir, "battery", wave(start, end, 20 * timedelta(minutes=1)))
    assert bring_up_to_date(either_site.engine, settled=AT_ONCE) == 60 * 24
    late = start + 20 * DAY + timedelta(minutes=12345)
    [point] = store(either_site.engine, pir, "battery", [(late, 1000)])
    assert point in pairs(chart(either_site, "b1-501-pir", "battery", start, end))
    assert marks(either_site.engine) == [floor(late, HOUR)]
    assert bring_up_to_date(either_site.engine, settled=AT_ONCE) == 1
    assert marks(either_site.engine) == []
    found = chart(either_site, "b1-501-pir", "battery", start, end)
    assert point in pairs(found)
    kept = dict([*stored, point])
    assert all(kept[at] == value for at, value in pairs(found)), "points are true points"


@pytest.mark.parametrize("points", [2000, 500, 60, 3])
@pytest.mark.parametrize("field", ["battery", "motion"])
def test_a_long_chart_agrees_with_the_readings(either_site: Site, points: int, field: str) -> None:
    start, end = midnight(60) + timedelta(minutes=17), now() - timedelta(minutes=3)
    pir = either_site.device("b1-501-pir")
    readings = wave(start - DAY, end + HOUR, timedelta(minutes=13))
    if field == "motion":
        readings = [(at, float(value > 97)) for at, value in readings]
    stored = store(either_site.engine, pir, field, readings)
    bring_up_to_date(either_site.engine, settled=AT_ONCE)
    store(either_site.engine, pir, field, [(start + 9 * DAY, 777), (start + 33.3 * DAY, -5)])
    kept = dict(stored) | {to_millis(start + 9 * DAY): 777, to_millis(start + 33.3 * DAY): -5}
    inside = [(at, v) for at, v in kept.items() if to_millis(start) <= at < to_millis(end)]
    found = chart(either_site, "b1-501-pir", field, start, end, points=points)
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


def readings_read(found: set[str]) -> list[str]:
    rollups = {"telemetry_hourly", "telemetry_daily"}
    return [
        name
        for name in found - rollups
        if name.startswith(("telemetry", "_hyper_1_", "compress_hyper_"))
    ]


@pytest.mark.parametrize(
    ("points", "plain"), [(2000, "telemetry_hourly"), (300, "telemetry_daily")]
)
def test_a_years_chart_reads_no_reading_but_the_newest(
    either_site: Site, points: int, plain: str
) -> None:
    site, start = either_site, midnight(365)
    pir = site.device("b1-501-pir")
    keep_partitions(site.engine, Retention(behind_days=20))
    readings = wave(start, midnight(30), 5 * HOUR) + wave(midnight(30), now(), HOUR / 4)
    store(site.engine, pir, "battery", readings)
    bring_up_to_date(site.engine, settled=AT_ONCE)
    found = tables_read(
        site.engine, lambda: chart(site, "b1-501-pir", "battery", start, now(), points=points)
    )
    assert len(readings_read(found)) <= 1, "the hour that lasts"
    assert plain in found or any(name.startswith("_hyper_") for name in found)


def test_a_days_chart_reads_that_days_readings_alone(either_site: Site) -> None:
    site, start = either_site, midnight(5)
    keep_partitions(site.engine, Retention(behind_days=10))
    readings = wave(midnight(10), now(), timedelta(seconds=30))
    store(site.engine, site.device("b1-501-pir"), "battery", readings)
    bring_up_to_date(site.engine, settled=AT_ONCE)
    found = tables_read(
        site.engine, lambda: chart(site, "b1-501-pir", "battery", start, start + DAY)
    )
    assert len(readings_read(found)) == 1


def test_few_readings_come_whole_however_long_the_span(either_site: Site) -> None:
    start = midnight(200)
    stored = store(
        either_site.engine,
        either_site.device("b1-501-pir"),
        "battery",
        wave(start, midnight(), 12 * HOUR),
    )
    bring_up_to_date(either_site.engine, settled=AT_ONCE)
    found = chart(either_site, "b1-501-pir", "battery", start, midnight())
    assert pairs(found) == stored
    assert found.bucket_s is None


def test_a_reading_stored_while_its_hour_is_summed_up_is_not_forgotten(either_site: Site) -> None:
    pir = either_site.device("b1-501-pir")
    hour = floor(now(), HOUR) - 5 * HOUR
    store(either_site.engine, pir, "battery", [(hour, 50)])
    with ThreadPoolExecutor() as pool, transaction(either_site.engine) as writer:
        mark_stale(writer, {(either_site.community_id, to_millis(hour) // HOUR_MS)})
        assert pool.submit(bring_up_to_date, either_site.engine, settled=AT_ONCE).result(20) == 0
    assert marks(either_site.engine) == [hour], "it was touched again"
    assert bring_up_to_date(either_site.engine, settled=AT_ONCE) == 1
    assert marks(either_site.engine) == []


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


def test_the_device_of_another_community_is_not_summed_up_with_this_one(either_site: Site) -> None:
    with transaction(either_site.engine) as session:
        import_community(session, community_file("park"))
        park = session.scalars(select(Community.id).where(Community.slug == "park")).one()
        other = session.scalars(
            select(Device).where(Device.community_id == park, Device.slug == "b1-501-pir")
        ).one()
    hour = floor(now(), HOUR) - 3 * HOUR
    store(either_site.engine, either_site.device("b1-501-pir"), "battery", [(hour, 1)])
    store(either_site.engine, other, "battery", [(hour, 2)])
    assert bring_up_to_date(either_site.engine, settled=AT_ONCE) == 2
    with either_site.engine.connect() as connection:
        found = connection.execute(select(HOURLY.c.community_id, HOURLY.c.total)).all()
    assert sorted(found) == [(either_site.community_id, 1), (park, 2)]
