"""The recipient that is the family of one home: how it is named, and who is meant.

The ``h`` keeps the number from being taken for a person's by a worker of the release before.
"""

from collections.abc import Iterable

from anju_platform.sharing.model import FAMILY_OF

PREFIX = FAMILY_OF


def family_of(household_id: int) -> str:
    """Name the family of a home."""
    return f"{PREFIX}{household_id}"


def is_family(recipient: str) -> bool:
    """Tell whether a recipient is a home's family."""
    return recipient.startswith(PREFIX)


def families_of(homes: Iterable[frozenset[int]]) -> frozenset[str]:
    """Name the families of all these people's homes."""
    return frozenset(family_of(home) for own in homes for home in own)
