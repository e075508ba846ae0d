"""The whole product as real processes, without the simulated residents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from anju_platform.demo.mosquitto import free_port
from anju_platform.demo.postgres import create_database
from anju_platform.demo.stage import Options, Stage


@pytest.fixture
def stage(postgres_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A running site: broker with accounts, ingest, worker, web, three edge agents."""
    stage = Stage(
        Options(
            directory=tmp_path / "site",
            port=free_port(),
            # of its own: where gateways are known already, nobody tells their secrets again
            database_url=create_database(postgres_url, f"anju_walk_{uuid4().hex[:8]}"),
            simulate=False,
        ),
        say=print,
    )
    try:
        stage.build()
        yield stage
    finally:
        stage.stop()


@pytest.fixture
def open_wall(stage: Stage, chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Open the wall as one of the demo's people, each in a browser of their own."""
    contexts = []

    def open_wall(username: str) -> Page:
        context = chromium.new_context(base_url=stage.url, viewport={"width": 1920, "height": 1080})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto("/login?next=/wall")
        page.fill("[name=username]", username)
        page.fill("[name=password]", stage.site.passwords[username])
        page.click("form.login button")
        page.wait_for_selector('.live[data-state="live"]')
        return page

    yield open_wall
    for context in contexts:
        context.close()
