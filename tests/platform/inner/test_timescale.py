"""The same time series as a hypertable, where a server with TimescaleDB is at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import Engine, text

from anju_platform.database import connect, now, transaction
from anju_platform.demo.postgres import create_database
from anju_platform.migrate import differences, migrate
from anju_platform.telemetry.repository import Points, copy_points
from anju_platform.telemetry.storage import Retention, keep_partitions

SERVER = os.environ.get("ANJU_TEST_TIMESCALE_URL")

pytestmark = [
    pytest.mark.timescale,
    pytest.mark.skipif(SERVER is None, reason="ANJU_TEST_TIMESCALE_URL names no server"),
]


@pytest.fixture
def engine() -> Iterator[Engine]:
    assert SERVER is not None
    url = create_database(SERVER, "anju_test_timescale")
    migrate(url)
    engine = connect(url)
    yield engine
    engine.dispose()
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS anju_test_timescale WITH (FORCE)")


def test_the_time_series_is_a_hypertable_and_the_models_agree(engine: Engine) -> None:
    query = text("SELECT hypertable_name FROM timescaledb_information.hypertables")
    with engine.connect() as connection:
        assert connection.scalars(query).all() == ["telemetry"]
    assert list(differences(engine)) == []


def test_upkeep_is_left_to_its_own_policies(engine: Engine) -> None:
    assert keep_partitions(engine) == []
    query = text("SELECT proc_name FROM timescaledb_information.jobs")
    with engine.connect() as connection:
        assert {"policy_compression", "policy_retention"} <= set(connection.scalars(query))


def test_the_policy_keeps_readings_for_as_long_as_the_settings_say(engine: Engine) -> None:
    query = text(
        "SELECT job_id, config ->> 'drop_after' FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_retention'"
    )
    said = []
    for keep_days in (90, 90, None):
        assert keep_partitions(engine, Retention(keep_days=keep_days)) == []
        with engine.connect() as connection:
            said.append(connection.execute(query).one())
    assert said[0][1] == "90 days"
    assert len(set(said)) == 1


def test_points_of_any_time_are_stored(engine: Engine) -> None:
    times = [now(), datetime(1970, 1, 2, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)]
    ones = [1] * len(times)
    at = [round(at.timestamp() * 1000) for at in times]
    points = Points(ones, ones, ones, at, [2.5] * len(times), [0] * len(times))
    with transaction(engine) as session:
        copy_points(session, points)
    with engine.connect() as connection:
        stored = connection.scalars(text("SELECT observed_at FROM telemetry")).all()
    assert [round(at.timestamp()) for at in sorted(stored)] == sorted(
        round(at.timestamp()) for at in times
    )
