"""``for``, ``clear_for``, ``max_gap``: true and false long enough, heard often enough."""

from anju_rules.memory import Mark, Memory


def begin(memory: Memory, mark: Mark, since: int | None = None) -> None:
    """The condition is true: start to hold, or go on; time that was unknown does not count.

    ``since`` is from when it counts, if not from this reading.
    """
    if memory.since is None:
        memory.since = mark.at if since is None else since
        memory.cause = mark
    else:
        know(memory, mark)
    memory.clear_since = memory.unknown_since = None


def end(memory: Memory, mark: Mark) -> None:
    """The condition is false: forget a hold that was not fulfilled, or start to recover.

    What could not be told in between was no recovery: it begins anew.
    """
    if memory.severity == 0:
        memory.since = None
        memory.cause = None
    elif memory.clear_since is None or memory.unknown_since is not None:
        memory.clear_since = mark.at
    memory.unknown_since = None


def know(memory: Memory, mark: Mark) -> None:
    """It can be told again, and is not over: time that was unknown does not count."""
    if memory.since is None or memory.unknown_since is None:
        return
    memory.since += mark.at - memory.unknown_since
    memory.unknown_since = memory.fall_since = None
    if memory.clear_since is not None:
        memory.clear_since = mark.at


def lose(memory: Memory, at: int) -> None:
    """The condition cannot be told: a hold and its rises stand still until it can."""
    if memory.since is not None and memory.unknown_since is None:
        memory.unknown_since = at
