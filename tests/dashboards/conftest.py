"""A small community behind the real web process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from guarded_site import Site
from rights_house import House, open_house
from screens import Screens, log_in
from sinks import Sink


@pytest.fixture
def screens(site: Site) -> Iterator[Screens]:
    """The web process, which may speak to this machine."""
    url = site.engine.url.render_as_string(hide_password=False)
    screens = Screens(url, inside_hosts="127.0.0.1")
    screens.start()
    yield screens
    screens.stop()


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def client(screens: Screens) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=screens.url, follow_redirects=True, timeout=20) as client:
        yield client


@pytest.fixture
def guard(client: httpx.Client) -> httpx.Client:
    return log_in(client, "liqiang")


@pytest.fixture
def house(database: str) -> Iterator[House]:
    """Everything that the table of rights names, for people of every role."""
    with open_house(database) as opened:
        yield opened
