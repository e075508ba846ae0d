"""Fixtures every part's tests share."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from guarded_site import Site, build_site
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright
from screens import Screens
from servers import recordings_folder, start_broker
from sqlalchemy import Engine

from anju_platform.database import connect
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.demo.postgres import EmbeddedPostgres, create_database
from anju_platform.telemetry.storage import is_hypertable

settings.register_profile("anju", deadline=None)  # tests say what is right, benches how fast
settings.load_profile("anju")

CHROMIUM = Path("/usr/bin/chromium")
SERVER = os.environ.get("ANJU_TEST_SERVER_URL")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Base URL of a fresh PostgreSQL server that lives as long as the test run.

    Or of the one that ``ANJU_TEST_SERVER_URL`` names: all tests run on TimescaleDB, too. It
    is one without background workers (``max_worker_processes = 0``): they would be connected
    to the database that is copied.
    """
    if SERVER is not None:
        yield SERVER
        return
    # Not pytest's own folder: the server may run as another user, who must reach its files.
    with tempfile.TemporaryDirectory(prefix="anju-pg-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """Name of a database at the newest schema, to be copied."""
    from anju_platform.migrate import migrate

    name = f"anju_template_{WORKER}"
    migrate(create_database(postgres_url, name))
    return name


@pytest.fixture
def database(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """URL of a fresh, migrated, empty database."""
    name = f"anju_test_{WORKER}_{next(_numbers)}"
    yield create_database(postgres_url, name, template=migrated_template)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def days_of_ours(database: str) -> None:
    """Skips where TimescaleDB keeps the days of readings by its own policies."""
    engine = connect(database)
    theirs = is_hypertable(engine)
    engine.dispose()
    if theirs:
        pytest.skip("TimescaleDB keeps the days of readings itself")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Connections to it."""
    engine = connect(database)
    yield engine
    engine.dispose()


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    """A small community with people, devices and rights, behind no server yet."""
    engine = connect(database)
    yield build_site(engine, homes=5)
    engine.dispose()


@pytest.fixture
def screens(site: Site) -> Iterator[Screens]:
    """The real web process around that community."""
    screens = Screens(site.engine.url.render_as_string(hide_password=False))
    screens.start()
    yield screens
    screens.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """An open Mosquitto on a free port; may be stopped, killed and started by the test."""
    server = start_broker(tmp_path / "broker")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real, headless Chromium; the test skips where there is none.

    Playwright's event loop runs in this thread for as long as the browser lives: with a
    wider scope no later test could run a loop of its own.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def recordings() -> Path:
    """The folder of real recordings; the test skips where it is missing."""
    folder = recordings_folder()
    if not folder.is_dir():
        pytest.skip(f"no recordings: set ANJU_RECORDINGS to their folder (looked in {folder})")
    return folder
