"""A recorded home, played faster than it was lived, arrives whole: every row once."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from anju_platform.demo.inputs import Replay
from anju_platform.demo.mosquitto import free_port
from anju_platform.demo.postgres import create_database
from anju_platform.demo.stage import Options, Stage

pytestmark = [pytest.mark.recordings, pytest.mark.timeout(600)]
SPEED = 60_000.0  # 28 days in 40 seconds


@pytest.fixture
def playing(recordings: Path, postgres_url: str, tmp_path: Path) -> Iterator[tuple[Stage, Path]]:
    recording = recordings / "home" / "house-a-sensors.csv"
    stage = Stage(
        Options(
            directory=tmp_path / "site",
            port=free_port(),
            database_url=create_database(postgres_url, "anju_walk_replay"),
            replay=Replay(recording, SPEED),
            simulate=False,
        ),
        say=print,
    )
    try:
        stage.build()
        yield stage, recording
    finally:
        stage.stop()


def stored(url: str) -> list[tuple[str, int]]:
    """Give how often each sensor was active, as the database has it."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT d.name_en, count(*) FROM device_events e JOIN devices d ON d.id = e.device_id"
            " JOIN gateways g ON g.id = d.gateway_id"
            " WHERE g.slug = 'gw-replay' AND d.model <> 'gateway' GROUP BY 1"
        ).fetchall()


def test_every_row_of_the_recording_is_in_the_database_once(playing: tuple[Stage, Path]) -> None:
    stage, recording = playing
    with recording.open(encoding="utf-8") as file:
        rows = [row["sensor"] for row in csv.DictReader(file)]
    expected = sorted((sensor, rows.count(sensor)) for sensor in set(rows))
    url = stage.environment["ANJU_DATABASE_URL"]
    deadline = time.monotonic() + 500
    while (found := stored(url)) != expected and time.monotonic() < deadline:
        time.sleep(1)
    assert sorted(found) == expected
