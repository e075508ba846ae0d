"""``dwell``: true for so long in all within a window; a short absence does not start it anew."""

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Memory

_KEPT = 64


class Dwell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """True for ``for`` in sum within the last ``within``."""

    hold: Duration
    within: Duration


def resume(dwell: Dwell, memory: Memory) -> None:
    """It is true again: what was before is kept where it was in time, and a new spell begins."""
    if memory.clear_since is None:
        if memory.unknown_since is None:
            return
        leave(dwell, memory, memory.unknown_since)
    memory.since = None


def leave(dwell: Dwell, memory: Memory, at: int) -> None:
    """Keep the spell that ends here, as far as it was known to be true."""
    begin = memory.since
    at = at if memory.unknown_since is None else memory.unknown_since
    if begin is None or at <= begin:
        return
    kept = [spell for spell in memory.spells if spell[1] > at - dwell.within]
    memory.spells = [*kept, (begin, at)][-_KEPT:]


def reached_at(dwell: Dwell, memory: Memory, since: int, length: int) -> int:
    """Give when the spells within the window, and the one since ``since``, come to ``length``.

    While the present spell lasts it grows as fast as time, and an old one leaves the window
    no faster: the sum never shrinks, so the first moment it is enough is found piece by piece.
    """
    at = since
    for begin, end in memory.spells:
        # until this one has begun to leave the window, the sum grows with the time
        full = _sum(dwell, memory, since, at)
        if full >= length:
            return at
        reached = at + length - full
        if reached <= begin + dwell.within:
            return reached
        # while it leaves, the sum stands still
        at = max(at, end + dwell.within)
    return at + max(0, length - _sum(dwell, memory, since, at))


def over_at(dwell: Dwell, memory: Memory) -> int | None:
    """Give when the last spell has left the window."""
    return memory.spells[-1][1] + dwell.within if memory.spells else None


def _sum(dwell: Dwell, memory: Memory, since: int, at: int) -> int:
    opened = at - dwell.within
    former = sum(max(0, end - max(begin, opened)) for begin, end in memory.spells)
    return former + at - max(since, opened)
