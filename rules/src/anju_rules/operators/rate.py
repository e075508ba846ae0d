"""``rate``: how much a number changed over a window of time: used water, rising heat."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory, Moment

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
    if not isinstance(mark.value, int | float) or isinstance(mark.value, bool):
        return None
    memory.window = window = _slide(rate, memory.window, mark)
    change = float(mark.value) - _at(window, mark.at - rate.within)
    known = min(mark.at - window[0].at, rate.within) >= rate.coverage * rate.within
    if rate.above is not None:
        return True if change > rate.above else (False if known else None)
    if rate.below is not None:
        return False if change >= rate.below else (True if known else None)
    return None


def _slide(rate: Rate, window: list[Moment], mark: Mark) -> list[Moment]:
    """Give the window that ends with this reading, and the last one before it began."""
    if rate.counter and window and _number(window[-1]) > _number(mark.moment):
        return [mark.moment]
    begin = mark.at - rate.within
    inside = [moment for moment in window if moment.at > begin]
    slack = round((1 - rate.coverage) * rate.within)
    before = [moment for moment in window if begin - slack <= moment.at <= begin][-1:]
    slid = [*before, *inside, mark.moment]
    if len(slid) > _KEPT:  # a chatterbox: every other one of the older half tells enough
        half = len(slid) // 2
        slid = slid[:half:2] + slid[half:]
    return slid


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
