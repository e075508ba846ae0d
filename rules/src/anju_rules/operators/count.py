"""``count``: so many within so long; rises with the number."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory

_KEPT = 64


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``n`` times YES within ``within``."""

    n: Annotated[int, msgspec.Meta(ge=1, le=_KEPT)]
    within: Duration


def add(count: Count, memory: Memory, mark: Mark) -> int:
    """Count this YES and give how many there are in the window that ends with it."""
    kept = [moment for moment in memory.window if mark.at - moment.at < count.within]
    memory.window = [*kept, mark.moment][-_KEPT:]
    return len(memory.window)
