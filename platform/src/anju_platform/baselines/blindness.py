"""The times in which a home could not be heard, for looking back over weeks."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

Period = tuple[int, int]
"""(began, ended), epoch milliseconds."""


class Blindness:
    """Blind periods, overlapping or not, asked many times."""

    def __init__(self, periods: Iterable[Period]) -> None:
        apart: list[Period] = []
        for began, ended in sorted(periods):
            if ended <= began:
                continue
            if apart and began <= apart[-1][1]:
                apart[-1] = (apart[-1][0], max(apart[-1][1], ended))
            else:
                apart.append((began, ended))
        self._began = [began for began, _ in apart]
        self._periods = apart
        self._before = list(accumulate((e - b for b, e in apart), initial=0))

    def ms(self, since: int, until: int) -> int:
        """Give how much of a time was blind, in milliseconds."""
        return max(0, self._up_to(until) - self._up_to(since))

    def _up_to(self, at: int) -> int:
        number = bisect_right(self._began, at)
        if number == 0:
            return 0
        began, ended = self._periods[number - 1]
        return self._before[number - 1] + min(at, ended) - began
