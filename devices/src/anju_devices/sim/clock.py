"""Simulated time: as fast as asked, and never ahead of the real one."""

import time
from collections.abc import Callable


def real_ms() -> int:
    """Give the real time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Clock:
    """Runs at ``speed`` from ``past_s`` seconds ago until it meets the present, then at 1."""

    def __init__(
        self, *, speed: float = 1.0, past_s: float = 0.0, real: Callable[[], int] = real_ms
    ) -> None:
        self._real = real
        self._speed = speed
        self._began = real()
        self.start_ms = self._began - round(past_s * 1000)

    def now_ms(self) -> int:
        """Give the simulated time."""
        real = self._real()
        return min(real, self.start_ms + round((real - self._began) * self._speed))

    def wait_s(self, at: int) -> float:
        """Give how many real seconds it takes until the simulated time is ``at``."""
        now = self.now_ms()
        speed = 1.0 if now >= self._real() else self._speed
        return max(0.0, (at - now) / 1000 / speed)
