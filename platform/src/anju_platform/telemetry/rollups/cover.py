"""Which part of a chart is read from which roll-up, and which from the readings themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Piece:
    """The span ``[start, end)``, from the roll-up of that grain (None: from readings)."""

    grain: timedelta | None
    start: datetime
    end: datetime


def cover(
    start: datetime, end: datetime, grains: Sequence[timedelta], stale: Collection[datetime]
) -> list[Piece]:
    """Cut ``[start, end)`` into pieces, in order, that together are all of it and only once.

    A roll-up of one of ``grains`` (coarsest first) serves where its whole buckets fit and none
    of the ``stale`` hours lies in them; readings serve the rest.
    """
    return _joined(_cut(start, end, grains, stale))


def floor(at: datetime, grain: timedelta) -> datetime:
    """Give the beginning of the bucket (of UTC) that a time lies in."""
    return at - (at - _EPOCH) % grain


def _ceiling(at: datetime, grain: timedelta) -> datetime:
    return at + (_EPOCH - at) % grain


def _cut(
    start: datetime, end: datetime, grains: Sequence[timedelta], stale: Collection[datetime]
) -> list[Piece]:
    if start >= end:
        return []
    if not grains:
        return [Piece(None, start, end)]
    grain, *finer = grains
    first, last = _ceiling(start, grain), floor(end, grain)
    if first >= last:
        return _cut(start, end, finer, stale)
    pieces = _cut(start, first, finer, stale)
    at = first
    for hole in sorted({floor(hour, grain) for hour in stale if first <= hour < last}):
        if at < hole:
            pieces.append(Piece(grain, at, hole))
        at = hole + grain
        pieces += _cut(hole, at, finer, stale)
    if at < last:
        pieces.append(Piece(grain, at, last))
    return pieces + _cut(last, end, finer, stale)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        alike = joined and joined[-1].grain == piece.grain
        begun = joined.pop().start if alike else piece.start
        joined.append(Piece(piece.grain, begun, piece.end))
    return joined
