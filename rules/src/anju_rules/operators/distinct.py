"""``distinct``: so many different values of one name within so long."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory

_KEPT = 64


class Distinct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``n`` different values of ``m.<of>`` within ``within``; one that is missing counts not."""

    of: str
    n: Annotated[int, msgspec.Meta(ge=2, le=_KEPT)]
    within: Duration


def add(distinct: Distinct, memory: Memory, mark: Mark) -> int:
    """Take this YES in and give how many different values the window that ends with it has.

    Of each value the newest moment is kept.
    """
    kept = [
        moment
        for moment in memory.window
        if mark.at - moment.at < distinct.within and moment.value != mark.value
    ]
    if mark.value is not None:
        kept.append(mark.moment)
    memory.window = kept[-_KEPT:]
    return len(memory.window)
