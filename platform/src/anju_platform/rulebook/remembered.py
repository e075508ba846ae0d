"""What a rule remembers of one entity, in memory."""

from dataclasses import dataclass
from typing import Any

from anju_platform.rulebook.repository import StateKey


@dataclass(slots=True, eq=False)
class Remembered:
    """A rule's state of one entity, through which device it was last told, and when to look."""

    state: Any
    device: str
    due: int | None


Memories = dict[StateKey, Remembered]
"""All that is remembered, by community, rule and entity."""
