"""A real street video with a polygon on the road: alerts on the platform, with their pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from anju_platform.demo.inputs import make_video
from anju_platform.demo.mosquitto import free_port
from anju_platform.demo.postgres import create_database
from anju_platform.demo.stage import Options, Stage

pytestmark = [pytest.mark.recordings, pytest.mark.timeout(300)]
ROAD = "road=0.40,0.40 0.90,0.40 0.98,0.55 0.98,0.80 0.62,0.63 0.40,0.51"


@pytest.fixture
def watching(recordings: Path, postgres_url: str, tmp_path: Path) -> Iterator[Stage]:
    video = recordings / "video" / "campus-walkers-480x360.avi"
    stage = Stage(
        Options(
            directory=tmp_path / "site",
            port=free_port(),
            database_url=create_database(postgres_url, "anju_walk_video"),
            video=make_video(str(video), [ROAD]),
            simulate=False,
        ),
        say=print,
    )
    try:
        stage.build()
        yield stage
    finally:
        stage.stop()


def pictured(url: str) -> list[tuple[str, bytes]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT a.discriminator, m.content FROM alerts a JOIN media m ON m.id = a.media_id"
            " JOIN devices d ON d.id = a.device_id WHERE d.slug = 'cam-video'"
        ).fetchall()


def test_people_on_the_road_raise_alerts_with_pictures(watching: Stage) -> None:
    url = watching.environment["ANJU_DATABASE_URL"]
    deadline = time.monotonic() + 150
    while not (found := pictured(url)) and time.monotonic() < deadline:
        time.sleep(1)
    assert found
    zone, picture = found[0]
    assert zone == "road"
    assert picture.startswith(b"\xff\xd8\xff")
    assert len(picture) > 5_000
