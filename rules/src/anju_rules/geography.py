"""How far a locator is from home: what conditions read as ``m.home_m``."""

import math
from collections.abc import Mapping
from typing import Any

from anju_rules.numbers import is_number

HOME_M = "home_m"
FROM = frozenset(("lat", "lon"))
"""What a reading must say for it to be known."""
EARTH_M = 6_371_000.0
"""Mean radius of the earth; over some kilometres the error of a sphere is below 0.5 %."""


def home_m(said: Mapping[str, Any], device: Mapping[str, Any]) -> float | None:
    """Give the metres from ``d.home_lat``/``d.home_lon`` to ``m.lat``/``m.lon``, if known."""
    spots = (said.get("lat"), said.get("lon"), device.get("home_lat"), device.get("home_lon"))
    if not all(is_number(one) for one in spots):
        return None
    lat, lon, home_lat, home_lon = (math.radians(float(one)) for one in spots)  # type: ignore[arg-type]
    # haversine: exact enough at every distance, and at the smallest ones too
    half = (
        math.sin((lat - home_lat) / 2) ** 2
        + math.cos(lat) * math.cos(home_lat) * math.sin((lon - home_lon) / 2) ** 2
    )
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))
