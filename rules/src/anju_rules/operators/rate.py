"""``rate``: how much a number changed over a window of time: used water, rising heat."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory, Moment
from anju_rules.numbers import is_number

_KEPT = 96


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``m.<of>`` changed by more than ``above``, or less than ``below``, within ``within``.

    A ``counter`` only grows: one that falls was exchanged, and its window begins anew. Too
    little change is only said when at least ``coverage`` of the window is known.
    """

    of: str
    within: Duration
    above: float | None = None
    below: float | None = None
    counter: bool = False
    coverage: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9


def judge(rate: Rate, memory: Memory, mark: Mark) -> bool | None:
    """Take a reading in and say whether the change is beyond its bound; None: cannot tell."""
    if not is_number(mark.value):
        return None
    memory.window = window = _slide(rate, memory.window, mark)
    change = mark.value - _at(window, mark.at - rate.within)
    known = min(mark.at - window[0].at, rate.within) >= rate.coverage * rate.within
    if rate.above is not None:
        return True if change > rate.above else (False if known else None)
    if rate.below is not None:
        return False if change >= rate.below else (True if known else None)
    return None


def _slide(rate: Rate, window: list[Moment], mark: Mark) -> list[Moment]:
    """Give the window that ends with this reading, and the last one before it began."""
    newest = mark.moment
    if not window or (rate.counter and _number(window[-1]) > _number(newest)):
        return [newest]
    begin = mark.at - rate.within
    earliest = begin - round((1 - rate.coverage) * rate.within)
    first = _first_after(window, begin)
    if first and window[first - 1].at >= earliest:
        first -= 1  # the last one before it began tells what it was when it did
    slid = [*window[first:], newest]
    if len(slid) > _KEPT:  # a chatterbox: every other one of the older half tells enough
        half = len(slid) // 2
        slid = slid[:half:2] + slid[half:]
    return slid


def _first_after(window: list[Moment], at: int) -> int:
    """Give the place of the first moment after ``at``; they are in order, few are before."""
    for place, moment in enumerate(window):
        if moment.at > at:
            return place
    return len(window)


def _at(window: list[Moment], at: int) -> float:
    """Give the number at a moment, on the straight line between its neighbours."""
    first = window[0]
    if first.at >= at or len(window) == 1:
        return _number(first)
    second = window[1]
    share = (at - first.at) / (second.at - first.at)
    return _number(first) + share * (_number(second) - _number(first))


def _number(moment: Moment) -> float:
    return float(moment.value or 0.0)
