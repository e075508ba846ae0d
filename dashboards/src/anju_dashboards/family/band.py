"""The day as a band: each hour's movement beside that of a usual day."""

from collections.abc import Sequence
from dataclasses import dataclass

from anju_platform.care.schemas import Activity

HEIGHT = 44
WIDTH = 320
_STEP = WIDTH / 24
_THICK = 9
_LEAST = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour: where it stands and how high, ``passed`` or still to come."""

    x: float
    y: float
    height: float
    passed: bool
    usual: bool


def band(activity: Activity, hour: int) -> Sequence[Bar]:
    """Give the bars to draw, usual ones behind today's; ``hour`` is the one that runs.

    An hour of which nothing is known or in which nothing moved is a low bar, for it has been
    watched; hours to come have usual bars alone.
    """
    usual = activity.usual or (0.0,) * 24
    highest = max(*usual, *activity.today, 1.0)
    bars = [_bar(at, count, highest, passed=False, usual=True) for at, count in enumerate(usual)]
    bars += [
        _bar(at, count, highest, passed=True, usual=False)
        for at, count in enumerate(activity.today)
        if at <= hour
    ]
    return [bar for bar in bars if not bar.usual or activity.usual is not None]


def _bar(at: int, count: float, highest: float, *, passed: bool, usual: bool) -> Bar:
    height = max(_LEAST, round(count / highest * HEIGHT, 1))
    return Bar(round(at * _STEP + (_STEP - _THICK) / 2, 1), HEIGHT - height, height, passed, usual)
