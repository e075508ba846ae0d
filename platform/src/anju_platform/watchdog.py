"""Notices a thread that stands still or died while its process lives, and ends the process.

A process that looks alive and does nothing is worse than one that is gone: whoever started
it starts it again. Nothing is lost by that, for nothing was acknowledged. The watchdog does
no input or output, so nothing it watches can hold it up too.
"""

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from anju_platform.background import Background

log = logging.getLogger(__name__)

STOOD_STILL = 70
"""Exit status of a process that ended itself: an internal fault (EX_SOFTWARE)."""

LOOK_S = 1.0


@dataclass(slots=True)
class _Watched:
    turns: Callable[[], int]
    limit_s: float
    seen: int | None = None
    looks: int = 0


class Watchdog(Background):
    """Looks, from ``with`` on, once a second, whether each watched thread has come round since.

    It counts looks, not time: a frozen process or machine is no fault of its threads.
    """

    def __init__(self, *, look_s: float = LOOK_S, end: Callable[[], None] | None = None) -> None:
        super().__init__("watchdog")
        self._look_s = look_s
        self._end = end or _end
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}

    def watch(self, thread: str, turns: Callable[[], int], limit_s: float) -> None:
        """Watch a thread: ``turns`` gives a number that grows whenever it comes round.

        After ``limit_s`` without, the process ends with :data:`STOOD_STILL`.
        """
        with self._lock:
            self._watched[thread] = _Watched(turns, limit_s)

    def rest(self, thread: str) -> None:
        """Watch a thread no more; it may end."""
        with self._lock:
            self._watched.pop(thread, None)

    def standing(self) -> dict[str, float]:
        """Give, by thread, for how long it has not moved, in seconds."""
        with self._lock:
            return {name: one.looks * self._look_s for name, one in self._watched.items()}

    def still_s(self, thread: str) -> float:
        """Give for how long a thread has not moved; 0 when it is not watched."""
        return self.standing().get(thread, 0.0)

    def _run(self) -> None:
        while not self._stopping.wait(self._look_s):
            self._look()

    def _look(self) -> None:
        with self._lock:
            watched = list(self._watched.items())
        for name, one in watched:
            turns = one.turns()
            one.looks = one.looks + 1 if turns == one.seen else 0
            one.seen = turns
            if one.looks * self._look_s > one.limit_s:
                log.critical("the %s thread has stood still for %.0f s; ending", name, one.limit_s)
                self._end()


def _end() -> None:
    """End at once, saying where every thread stood; what is open rolls back by itself."""
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(STOOD_STILL)
