"""A small community behind the real web process."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from rights_house import House, open_house
from screens import Screens, log_in


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
