"""The simulated community, described once."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from anju_devices.sim.describe import describe, document_text
from anju_devices.sim.site import Site, understand

SEED = 1


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return describe(SEED)


@pytest.fixture(scope="session")
def site(document: dict[str, Any]) -> Site:
    return understand(document_text(document).encode())


@pytest.fixture(scope="session")
def monday() -> int:
    """Midnight of a Monday, local, in epoch milliseconds."""
    return int(datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
