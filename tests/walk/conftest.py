"""The whole product as real processes, without the simulated residents."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from anju_platform.demo.mosquitto import free_port
from anju_platform.demo.postgres import create_database
from anju_platform.demo.stage import Options, Stage

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stage(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A running site: broker with accounts, ingest, worker, web, three edge agents."""
    folder: Path = tmp_path_factory.mktemp("site")
    stage = Stage(
        Options(
            directory=folder,
            port=free_port(),
            database_url=create_database(postgres_url, f"anju_walk_{next(_numbers)}"),
            simulate=False,
        ),
        say=print,
    )
    try:
        stage.build()
        yield stage
    finally:
        stage.stop()
