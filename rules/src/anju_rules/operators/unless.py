"""``unless``: a YES is harmless when something excused it shortly before."""

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory


class Unless(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``when`` is the excuse (a grant, an exit request), good for ``within``.

    What must hold for a while may begin meanwhile, but rings only when the excuse is over.
    """

    when: str
    within: Duration


def remember(memory: Memory, mark: Mark) -> None:
    """Keep the newest excuse."""
    memory.excused_at = mark.at


def excuses(unless: Unless | None, memory: Memory, mark: Mark) -> bool:
    """Say whether a YES at this moment is excused."""
    if unless is None or memory.excused_at is None:
        return False
    return mark.at - memory.excused_at <= unless.within


def over_at(unless: Unless | None, memory: Memory) -> int:
    """Give when the newest excuse is no longer good; 0 when there is none."""
    if unless is None or memory.excused_at is None:
        return 0
    return memory.excused_at + unless.within + 1
