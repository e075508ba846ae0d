"""Who is who from frame to frame: a small tracker by overlap, then by nearness.

A track must be seen several times before it counts, and may be out of sight for a while (a
lamp post, two people crossing) before it is forgotten.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anju_edge.vision.blobs import Box

CONFIRM = 3
"""Sightings before a track counts."""
BRIDGE_S = 1.6
"""How long a confirmed track may be out of sight."""
DOUBT_S = 0.5
"""The same for one that does not count yet."""
MIN_OVERLAP = 0.15
REACH = 0.9
"""How far a foot may move between sightings, in the box's own heights per ``REACH_S``."""
REACH_S = 0.5
SMOOTH = 0.5
CAME = 0.5
STIRRED = 0.2
PART = 0.6
MOSTLY = 0.7


@dataclass(slots=True)
class Track:
    """One thing followed; ``box`` is where it was last seen, at time ``at`` (s)."""

    number: int
    box: Box
    at: float
    began: float
    sightings: int = 1
    height: float = 0.0
    """Its usual height, smoothed over sightings."""
    width: float = 0.0
    doubtful: bool = False
    """It appeared while much of the picture was changing."""
    velocity: tuple[float, float] = (0.0, 0.0)
    origin: tuple[float, float] = (0.0, 0.0)
    reach: float = 0.0
    """The farthest its foot was from where it was first seen."""

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to count."""
        return self.sightings >= CONFIRM

    @property
    def came(self) -> bool:
        """Whether it moved here, by at least half its height.

        What never moved may be no thing at all but a hole: the place something left that
        had been taken for background.
        """
        return self.confirmed and self.reach >= CAME * self.height

    @property
    def credible(self) -> bool:
        """Whether it is somebody: what came with a change of light must have moved since."""
        return self.confirmed and (not self.doubtful or self.reach >= STIRRED * self.height)

    def expected(self, at: float) -> Box:
        """Give where it should be now if it went on as before."""
        passed = min(at - self.at, BRIDGE_S)
        dx, dy = self.velocity[0] * passed, self.velocity[1] * passed
        box = self.box
        return Box(box.left + dx, box.top + dy, box.right + dx, box.bottom + dy)


class Tracker:
    """Follows the things of one camera."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.tracks: list[Track] = []

    def update(self, boxes: Sequence[Box], at: float, *, doubtful: bool = False) -> list[Track]:
        """Take the boxes of a frame; give the tracks seen in it.

        ``doubtful`` says that much of the picture is changing.
        """
        pairs = _pair(self.tracks, boxes, at)
        for track, box in pairs:
            _move(track, box, at)
        taken = {id(box) for _, box in pairs}
        taken |= {id(box) for box in boxes if self._is_part(box)}
        fresh = [
            Track(next(self._numbers), b, at, at, 1, b.height, b.width, doubtful, origin=b.foot)
            for b in boxes
            if id(b) not in taken
        ]
        self.tracks = [t for t in self.tracks if at - t.at <= _patience(t)] + fresh
        return [track for track, _ in pairs] + fresh

    def _is_part(self, box: Box) -> bool:
        """Say whether a box is a piece of somebody already followed, and nobody new."""
        return any(
            track.confirmed
            and box.height < PART * track.box.height
            and box.within(track.box) > MOSTLY
            for track in self.tracks
        )

    def forget(self) -> None:
        """Drop every track: the picture is no longer the one they were seen in."""
        self.tracks = []


def _patience(track: Track) -> float:
    return BRIDGE_S if track.confirmed else DOUBT_S


def _pair(tracks: Iterable[Track], boxes: Sequence[Box], at: float) -> list[tuple[Track, Box]]:
    """Pair tracks with boxes, best first, each used once."""
    scored = []
    for track in tracks:
        expected = track.expected(at)
        reach = REACH * track.height * max(1.0, (at - track.at) / REACH_S)
        for box in boxes:
            overlap = expected.overlap(box)
            apart = math.dist(expected.foot, box.foot)
            alike = 0.4 < box.height / max(track.height, 1e-6) < 2.5  # noqa: PLR2004
            if overlap >= MIN_OVERLAP or (apart <= reach and alike):
                scored.append((overlap - apart, track, box))
    scored.sort(key=lambda candidate: candidate[0], reverse=True)
    used_tracks: set[int] = set()
    used_boxes: set[int] = set()
    pairs = []
    for _, track, box in scored:
        if track.number not in used_tracks and id(box) not in used_boxes:
            used_tracks.add(track.number)
            used_boxes.add(id(box))
            pairs.append((track, box))
    return pairs


def _move(track: Track, box: Box, at: float) -> None:
    passed = max(at - track.at, 1e-3)
    (x0, y0), (x1, y1) = track.box.foot, box.foot
    vx, vy = (x1 - x0) / passed, (y1 - y0) / passed
    track.velocity = (
        SMOOTH * track.velocity[0] + (1 - SMOOTH) * vx,
        SMOOTH * track.velocity[1] + (1 - SMOOTH) * vy,
    )
    track.height = 0.8 * track.height + 0.2 * box.height
    track.width = 0.8 * track.width + 0.2 * box.width
    track.box, track.at = box, at
    track.sightings += 1
    track.reach = max(track.reach, math.dist(track.origin, box.foot))
