"""A small community behind the real web process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from guarded_site import Site, build_site
from screens import Screens, log_in

from anju_platform.database import connect


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    engine = connect(database)
    yield build_site(engine, homes=5)
    engine.dispose()


@pytest.fixture
def screens(site: Site) -> Iterator[Screens]:
    screens = Screens(site.engine.url.render_as_string(hide_password=False))
    screens.start()
    yield screens
    screens.stop()


@pytest.fixture
def client(screens: Screens) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=screens.url, follow_redirects=True, timeout=20) as client:
        yield client


@pytest.fixture
def guard(client: httpx.Client) -> httpx.Client:
    return log_in(client, "liqiang")
