"""Threads that work lanes off beside each other, so that a slow one delays no other."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from anju_platform.database import UNAVAILABLE

log = logging.getLogger(__name__)

Lane = TypeVar("Lane")

_TURN_S = 1.0
"""A thread begins nothing after so long, so that no lane keeps others from their turn."""


class Turns(Generic[Lane]):
    """``work`` does the next thing of a lane and gives whether there was one.

    ``at_once`` threads work on one lane at most, ``most`` in all. What is begun and fails is
    logged; whoever begins again tries again.
    """

    def __init__(self, name: str, work: Callable[[Lane], bool], *, at_once: int, most: int) -> None:
        self._name, self._work = name, work
        self._at_once, self._most = at_once, most
        self._lock = threading.Lock()
        self._running: Counter[Lane] = Counter()
        self._stopping = False

    def begin(self, lane: Lane, wanted: int) -> None:
        """Let as many threads work on a lane as it may have and are left."""
        for _ in range(self._free(lane, wanted)):
            # daemons: a service that never lets go does not keep a worker from ending
            name = f"{self._name}-{lane}"
            threading.Thread(target=self._drain, args=(lane,), name=name, daemon=True).start()

    def _free(self, lane: Lane, wanted: int) -> int:
        """Take as many threads for a lane as it may have and are left; gives how many."""
        with self._lock:
            left = min(self._at_once - self._running[lane], self._most - self._running.total())
            taken = max(0, min(wanted, left))
            self._running[lane] += taken
        return taken

    def busy(self) -> bool:
        """Tell whether anything begun is not finished."""
        with self._lock:
            return self._running.total() > 0

    def stop(self, patience_s: float) -> None:
        """Begin nothing more, and wait for what was begun."""
        self._stopping = True
        deadline = time.monotonic() + patience_s
        while self.busy() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _drain(self, lane: Lane) -> None:
        end = time.monotonic() + _TURN_S
        try:
            while not self._stopping and time.monotonic() < end:
                if not self._work(lane):
                    break
        except UNAVAILABLE as error:
            log.warning("the database is away: %s", str(error).partition("\n")[0])
        except Exception:
            log.exception("%s %s failed; the next turn tries again", self._name, lane)
        finally:
            with self._lock:
                self._running[lane] -= 1
