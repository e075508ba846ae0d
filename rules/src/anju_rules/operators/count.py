"""``count``: so many within so long; rises with the number."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory

_KEPT = 64


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``n`` times YES within ``within``."""

    n: Annotated[int, msgspec.Meta(ge=1)]
    within: Duration


def add(count: Count, memory: Memory, mark: Mark) -> int:
    """Count this YES and give how many there are in the window that ends with it."""
    kept = [time for time in memory.times if mark.at - time < count.within]
    memory.times = [*kept, mark.at][-_KEPT:]
    return len(memory.times)


def empty_at(count: Count, memory: Memory) -> int | None:
    """Give when the last of the window falls out of it."""
    return memory.times[-1] + count.within if memory.times else None
