"""Who is in which zone: the foot point inside the polygon, held for most of a few frames."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from anju_edge.config import ZoneConfig
from anju_edge.vision.tracks import Track

OF = 5
HELD = 3
"""A thing is in when its foot was there in HELD of the last OF sightings, out when in none:
whoever stands on the border enters once."""
Point = tuple[float, float]


class Change(StrEnum):
    """What happened between a track and a zone; the names of the camera's events."""

    ENTERED = "zone_entered"
    DWELL = "zone_dwell"
    LEFT = "zone_left"


@dataclass(frozen=True, slots=True)
class Crossing:
    """One change; ``dwell_s`` is how long the track has been in the zone."""

    change: Change
    zone: ZoneConfig
    track: Track
    dwell_s: float


@dataclass(slots=True)
class _Stay:
    """A track's history with a zone."""

    track: Track
    feet: deque[bool] = field(default_factory=lambda: deque(maxlen=OF))
    since: float | None = None
    told_s: float = 0.0


def inside(polygon: Sequence[Point], point: Point) -> bool:
    """Say whether a point lies in a polygon (even-odd rule)."""
    x, y = point
    found = False
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        if (y1 > y) != (y0 > y) and x < (x0 - x1) * (y - y1) / (y0 - y1) + x1:
            found = not found
        x0, y0 = x1, y1
    return found


class Zone:
    """Watches one zone."""

    def __init__(self, config: ZoneConfig) -> None:
        self.config = config
        self._stays: dict[int, _Stay] = {}

    def update(self, seen: Sequence[Track], alive: Sequence[Track], at: float) -> list[Crossing]:
        """Give what changed: ``seen`` are in this frame, ``alive`` all that are followed."""
        changes = []
        for track in seen:
            if track.confirmed:
                stay = self._stays.setdefault(track.number, _Stay(track))
                stay.feet.append(inside(self.config.polygon, track.box.foot))
                changes += self._judge(stay, at)
        living = {track.number for track in alive}
        for number in [n for n in self._stays if n not in living]:
            changes += self._leave(self._stays.pop(number), at)
        return changes

    def _judge(self, stay: _Stay, at: float) -> list[Crossing]:
        within = sum(stay.feet)
        if stay.since is None:
            if within < HELD or not stay.feet[-1] or not stay.track.credible:
                return []
            stay.since, stay.told_s = at, 0.0
            return [Crossing(Change.ENTERED, self.config, stay.track, 0.0)]
        if not within and len(stay.feet) == OF:
            left = self._leave(stay, at)
            stay.since = None
            return left
        dwell_s = at - stay.since
        if dwell_s - stay.told_s < self.config.dwell_s or not stay.feet[-1]:
            return []
        stay.told_s = dwell_s
        return [Crossing(Change.DWELL, self.config, stay.track, dwell_s)]

    def _leave(self, stay: _Stay, at: float) -> list[Crossing]:
        if stay.since is None:
            return []
        until = min(at, stay.track.at)
        dwell_s = max(0.0, until - stay.since)
        return [Crossing(Change.LEFT, self.config, stay.track, dwell_s)]
