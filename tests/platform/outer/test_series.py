"""The time series as charts read it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from outer_site import Site, ago
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.errors import ForbiddenError, InvalidRequestError, NotFoundError
from anju_platform.registry.model import DeviceField
from anju_platform.telemetry import series
from anju_platform.telemetry.model import DeviceEvent, Flag, TelemetryPoint
from anju_platform.telemetry.schemas import Series

LogIn = Callable[..., httpx.Client]
START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=1)


def store(
    site: Site, slug: str, field: str, points: Sequence[tuple[datetime, float]]
) -> list[tuple[int, float]]:
    device = site.device(slug)
    with transaction(site.engine) as session:
        number = session.scalars(
            select(DeviceField.id).where(
                DeviceField.model == device.model, DeviceField.name == field
            )
        ).one()
        session.execute(
            insert(TelemetryPoint),
            [
                {
                    "community_id": site.community_id,
                    "device_id": device.id,
                    "field_id": number,
                    "observed_at": at,
                    "value": value,
                    "flags": 0,
                }
                for at, value in points
            ],
        )
    return [(round(at.timestamp() * 1000), value) for at, value in points]


def read(
    site: Site,
    slug: str,
    field: str,
    role: Role = Role.ADMIN,
    *,
    points: int = 2000,
    start: datetime = START,
    end: datetime = END,
) -> Series:
    with Session(site.engine) as session:
        return series.series(
            session, site.actor(role), slug, field, start=start, end=end, points=points
        )


def pairs(found: Series) -> list[tuple[int, float]]:
    return list(zip(found.times, found.values, strict=True))


def wave(count: int) -> list[tuple[datetime, float]]:
    step = (END - START) / count
    noise = random.Random(7)
    return [
        (START + n * step, 50 + 40 * math.sin(n / 300) + noise.uniform(-1, 1)) for n in range(count)
    ]


def test_few_points_come_whole_and_in_order(site: Site) -> None:
    stored = store(site, "b1-501-pir", "battery", wave(200)[::-1])
    found = read(site, "b1-501-pir", "battery")
    assert pairs(found) == sorted(stored)
    assert found.bucket_s is None
    assert (found.unit, found.kind) == ("%", "number")


def test_the_span_is_half_open(site: Site) -> None:
    store(site, "b1-501-pir", "battery", [(START, 1), (END, 2), (START - timedelta(seconds=1), 3)])
    assert read(site, "b1-501-pir", "battery").values == (1,)


@pytest.mark.parametrize("points", [10, 333, 2000])
def test_many_points_are_thinned_and_no_extreme_is_lost(site: Site, points: int) -> None:
    stored = wave(6000)
    stored[1234] = (stored[1234][0], 99.5)
    stored[4321] = (stored[4321][0], 0.5)
    kept = dict(store(site, "b1-501-pir", "battery", stored))
    found = read(site, "b1-501-pir", "battery", points=points)
    assert points // 2 < len(found.times) <= points
    assert found.bucket_s == pytest.approx(86400 / (points // 2))
    assert max(found.values) == 99.5
    assert min(found.values) == 0.5
    assert list(found.times) == sorted(found.times)
    assert all(kept[at] == value for at, value in pairs(found)), "points are true points"


def test_every_bucket_keeps_its_lowest_and_highest(site: Site) -> None:
    stored = store(site, "b1-501-pir", "battery", wave(3000))
    found = pairs(read(site, "b1-501-pir", "battery", points=200))
    width = 86400_000 / 100
    origin = round(START.timestamp() * 1000)
    for bucket in range(100):
        low, high = origin + bucket * width, origin + (bucket + 1) * width
        values = [v for at, v in stored if low <= at < high]
        shown = [v for at, v in found if low <= at < high]
        assert (min(shown), max(shown)) == (min(values), max(values))


def test_a_choice_keeps_both_states_and_the_last_of_each_bucket(site: Site) -> None:
    step = timedelta(seconds=10)
    states = [(START + n * step, float(n % 7 == 3)) for n in range(5000)]
    stored = store(site, "b1-door", "door_state", states)
    found = read(site, "b1-door", "door_state", points=300)
    assert len(found.times) <= 300
    assert found.options == ("closed", "open", "unknown", "fault")
    assert set(found.values) == {0.0, 1.0}
    assert pairs(found)[-1] == stored[-1]


def test_a_step_chart_begins_with_what_was_held(site: Site) -> None:
    before = START - timedelta(hours=3)
    store(site, "b1-door", "door_state", [(before, 1), (START + timedelta(hours=1), 0)])
    found = read(site, "b1-door", "door_state")
    assert pairs(found)[0] == (round(before.timestamp() * 1000), 1)
    store(site, "b1-501-pir", "battery", [(before, 50)])
    assert read(site, "b1-501-pir", "battery").times == ()


def test_health_values_are_not_for_guards(site: Site) -> None:
    store(site, "b1-501-bed", "heart_rate", [(START, 60)])
    assert read(site, "b1-501-bed", "heart_rate").values == (60,)
    with pytest.raises(ForbiddenError):
        read(site, "b1-501-bed", "heart_rate", Role.GUARD)


def test_what_makes_no_sense_is_refused(site: Site) -> None:
    with pytest.raises(NotFoundError, match="no field"):
        read(site, "b1-door", "temperature")
    for start, end in ((END, START), (START, START), (START, START + timedelta(days=400))):
        with pytest.raises(InvalidRequestError):
            read(site, "b1-door", "door_state", start=start, end=end)
    with pytest.raises(InvalidRequestError, match="time zone"):
        read(site, "b1-door", "door_state", start=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidRequestError, match="points"):
        read(site, "b1-door", "door_state", points=2001)


def test_reading_a_homes_series_over_http_is_audited(site: Site, log_in: LogIn) -> None:
    store(site, "b1-501-pir", "battery", [(ago(minutes=5), 70)])
    client = log_in()
    answer = client.get("/api/v1/devices/b1-501-pir/series", params={"field": "battery"})
    assert answer.json()["values"] == [70]
    client.get("/api/v1/devices/b1-door/series", params={"field": "door_state"})
    [entry] = site.audited("care.read")
    assert (entry.subject, entry.data) == (
        "device:b1-501-pir",
        {
            "field": "battery",
            "household": site.device("b1-501-pir").household_id,
            "purpose": "upkeep",
        },
    )


def test_events_come_newest_first_with_their_words(site: Site, log_in: LogIn) -> None:
    with transaction(site.engine) as session:
        for minutes, event, flags in ((9, "opened", 0), (1, "access_denied", Flag.LATE)):
            session.add(
                DeviceEvent(
                    community_id=site.community_id,
                    device_id=site.device("b1-door").id,
                    observed_at=ago(minutes=minutes),
                    received_at=now(),
                    event=event,
                    data={"reason": "expired"},
                    flags=int(flags),
                )
            )
    found = log_in().get("/api/v1/devices/b1-door/events").json()
    assert [(e["event"], e["late"]) for e in found] == [("access_denied", True), ("opened", False)]
    assert found[0]["title"] != "access_denied"
