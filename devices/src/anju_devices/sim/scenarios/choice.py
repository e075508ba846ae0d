"""Choosing where a scenario happens."""

import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from anju_devices.sim.incident import Incident
from anju_devices.sim.site import Home, Site

Free: TypeAlias = Callable[[str], bool]
Scenario: TypeAlias = Callable[[Site, random.Random, int, Free], Incident | None]

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def one_of(rng: random.Random, devices: Sequence[str], free: Free) -> str | None:
    """Give one free device, or None when there is none."""
    usable = [device for device in devices if free(device)]
    return rng.choice(usable) if usable else None


def home_with(site: Site, rng: random.Random, free: Free, *models: str) -> Home | None:
    """Give a home that has a free device of each of these models."""
    usable = [h for h in site.homes if all(m in h.devices and free(h.devices[m]) for m in models)]
    return rng.choice(usable) if usable else None
