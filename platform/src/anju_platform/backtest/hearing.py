"""Who could be heard, at any moment of the past."""

from collections.abc import Iterable, Mapping, Sequence

from anju_platform.backtest.source import Period
from anju_platform.registry.coverage import KEPT_MS, Coverage

_FRESH_MS = 6 * 3_600_000


class Hearing(Coverage):
    """Coverage as it was at a moment, made of blind periods; :meth:`advance` moves it on.

    A gateway is there except in its blind periods; in one of ingest itself the broker counts
    as lost. As in ingest, what no rule looks back to is forgotten, so that a year of a
    gateway that comes and goes costs no more than a week of it.
    """

    def __init__(
        self, gateways: Iterable[int], blind: Mapping[int | None, Sequence[Period]]
    ) -> None:
        super().__init__(dict.fromkeys(gateways, True))
        self._every = {gateway: sorted(some, key=lambda p: p[0]) for gateway, some in blind.items()}
        self._fresh_until = 0
        turns: list[tuple[int, bool, int | None]] = []
        for gateway, periods in blind.items():
            for began, ended in _merged(periods):
                turns.append((began, False, gateway))
                if ended is not None:
                    turns.append((ended, True, gateway))
        self._turns = sorted(turns, key=lambda turn: turn[:2])
        self._next = 0

    def advance(self, now: int) -> None:
        """Move to a later moment."""
        if now >= self._fresh_until:
            self._fresh_until = now + _FRESH_MS
            self._blind = {
                gateway: [p for p in periods if self._matters(p, now)]
                for gateway, periods in self._every.items()
            }
        while self._next < len(self._turns) and self._turns[self._next][0] <= now:
            at, hears, gateway = self._turns[self._next]
            self._next += 1
            if gateway is None:
                self.deaf_since = None if hears else at
            else:
                self._online[gateway] = hears

    def _matters(self, period: Period, now: int) -> bool:
        """Tell whether a period reaches into the time kept, up to when this is asked again."""
        began, ended = period
        return began < self._fresh_until and (ended is None or ended > now - KEPT_MS)


def _merged(periods: Iterable[Period]) -> list[tuple[int, int | None]]:
    """Join periods that touch, so that the end of one is the end of blindness."""
    merged: list[tuple[int, int | None]] = []
    for began, ended in sorted(periods, key=lambda p: p[0]):
        if merged:
            first, last = merged[-1]
            if last is None:
                break
            if began <= last:
                merged[-1] = (first, None if ended is None else max(last, ended))
                continue
        merged.append((began, ended))
    return merged


def blind_ms(periods: Iterable[Period], start: int, end: int) -> int:
    """Give how much of a span these periods take."""
    return sum(
        max(0, min(end if ended is None else ended, end) - max(began, start))
        for began, ended in _merged(periods)
    )
