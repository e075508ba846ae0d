"""Which timer is due next: an index over the due times that are kept as rows."""

import heapq
from collections.abc import Iterator
from itertools import chain, islice
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Timers(Generic[Key]):
    """Due times by key.

    Most timers move on long before they are due (a device that spoke again), so moving one
    later costs nothing: its old place in the heap is corrected when it comes up.
    """

    def __init__(self) -> None:
        self._due: dict[Key, int] = {}
        self._placed: dict[Key, int] = {}
        self._heap: list[tuple[int, int, Key]] = []
        self._count = 0

    def put(self, key: Key, due: int | None) -> None:
        """Set, move or (None) stop the timer of a key."""
        if due is None:
            self._due.pop(key, None)
            return
        self._due[key] = due
        placed = self._placed.get(key)
        if placed is None or due < placed:
            self._place(key, due)

    def next_due(self) -> int | None:
        """Give when something may be due: never too late, sometimes too early."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: int) -> Iterator[Key]:
        """Take out every key whose time has come, earliest first."""
        while self._heap and self._heap[0][0] <= now:
            placed, _, key = heapq.heappop(self._heap)
            if self._placed.get(key) != placed:
                continue
            del self._placed[key]
            due = self._due.get(key)
            if due is None:
                continue
            if due > now:
                self._place(key, due)
                continue
            del self._due[key]
            yield key

    def _place(self, key: Key, due: int) -> None:
        self._placed[key] = due
        self._count += 1  # keeps keys from being compared
        heapq.heappush(self._heap, (due, self._count, key))


class Timetable(Generic[Key]):
    """Timers of two ranks: of very many that are due, those of the first go first."""

    def __init__(self) -> None:
        self._first: Timers[Key] = Timers()
        self._second: Timers[Key] = Timers()

    def put(self, key: Key, due: int | None, *, first: bool = False) -> None:
        """Set, move or (None) stop the timer of a key."""
        rank, other = (self._first, self._second) if first else (self._second, self._first)
        rank.put(key, due)
        other.put(key, None)

    def next_due(self) -> int | None:
        """Give when something may be due: never too late, sometimes too early."""
        dues = (self._first.next_due(), self._second.next_due())
        return min((due for due in dues if due is not None), default=None)

    def take_due(self, now: int, most: int | None = None) -> list[Key]:
        """Take out the keys whose time has come, ``most`` at most; the others stay due."""
        every = chain(self._first.pop_due(now), self._second.pop_due(now))
        return list(islice(every, most))
