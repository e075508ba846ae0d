"""Slows down guessing by user name and address, whether or not the name exists.

In memory and per process: the count that survives restarts stands in the user's row. This
one keeps unknown names from answering faster or differently than known ones.
"""

import threading
import time
from collections import OrderedDict

from anju_platform.errors import TooManyAttemptsError

ALLOWED = 5
_FIRST_S = 30
_LONGEST_S = 900
_FORGET_S = 3600.0
_MOST = 10_000


def lock_s(failures: int) -> int:
    """Give for how many seconds the next try is refused after that many failures."""
    if failures < ALLOWED:
        return 0
    doublings = min(failures - ALLOWED, 10)
    return int(min(_FIRST_S * 2**doublings, _LONGEST_S))


def refuse(seconds: float) -> TooManyAttemptsError:
    """Make the error that says when to try again."""
    wait = max(1, round(seconds))
    return TooManyAttemptsError("too many failed log-ins; try again in {wait} s", wait=wait)


class Throttle:
    """Failures by (user name, address); the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def check(self, username: str, address: str) -> None:
        """Refuse a try that comes too early.

        Raises:
            TooManyAttemptsError: the text says in how many seconds to try again.
        """
        with self._lock:
            count, last = self._failures.get((username, address), (0, 0.0))
        left = last + lock_s(count) - time.monotonic()
        if count and left > 0:
            raise refuse(left)

    def failed(self, username: str, address: str) -> None:
        """Count one failure."""
        moment = time.monotonic()
        with self._lock:
            count, last = self._failures.pop((username, address), (0, moment))
            count = count if moment - last < _FORGET_S else 0
            self._failures[username, address] = (count + 1, moment)
            while len(self._failures) > _MOST:
                self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures."""
        with self._lock:
            self._failures.pop((username, address), None)
