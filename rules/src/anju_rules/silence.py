"""How long homes use to be silent: what the inactivity rules' baseline is learned from.

A *silence* goes from one sign of life to the next, while somebody is at home. How long it
may last depends on when it begins: one that begins at eleven at night is sleep, one that
begins after breakfast is over in minutes. (How long a silence has been *standing* at an
hour of the day is a weaker measure: at nine in the morning eight hours are normal for who
still sleeps, and so would be for who had breakfast at eight and then fell.)
"""

from collections.abc import Callable, Iterable, Iterator

from anju_rules.facts import Fact
from anju_rules.home import HomeState, home, observe

QUANTITY = "silence"
"""The name it is known by: ``b.silence_p95`` are hours."""
_HOUR_MS = 3_600_000


class Silences:
    """The silences of one home, from its facts in the order of time."""

    def __init__(self) -> None:
        self._state: HomeState | None = None

    def take(
        self, facts: Iterable[Fact], blind: Callable[[int, int], int]
    ) -> Iterator[tuple[int, float]]:
        """Give (when it began in epoch ms, how long it was in hours) of each that ends.

        ``blind(since, until)`` gives the milliseconds in which the home could not be heard;
        they count for nothing, here as in the rule. May be called again with what follows.
        """
        for fact in facts:
            before = self._state
            after = observe(before, fact)
            if after is None:
                continue
            self._state = after
            if before is None or not 0 < before.last_sign < after.last_sign:
                continue
            began, ended = before.last_sign, after.last_sign
            if home(before, ended) == "in":
                yield began, (ended - began - blind(began, ended)) / _HOUR_MS
