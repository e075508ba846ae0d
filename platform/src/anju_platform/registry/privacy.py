"""What is shown of what a device says, and to whom."""

from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.sharing.repository import Grounds

HEALTH_FIELDS = frozenset({"heart_rate", "respiration"})
"""What a body says: for few eyes, wherever it was measured."""
UPKEEP_FIELDS = frozenset({"battery", "rssi"})
"""What a device says of itself."""


def may_read(actor: Actor, field: str, grounds: Grounds) -> bool:
    """Tell whether a person may read a field of a device: of a home's only what is shared."""
    if field in HEALTH_FIELDS:
        shared = not grounds.in_home or grounds.health is not None
        return shared and actor.may(Right.SEE_HEALTH)
    return not grounds.in_home or field in UPKEEP_FIELDS or grounds.values is not None


def is_withheld(actor: Actor, field: str, grounds: Grounds) -> bool:
    """Tell whether somebody whose work it would be does not see a field: it is not shared."""
    if may_read(actor, field, grounds):
        return False
    return actor.may(Right.SEE_HEALTH if field in HEALTH_FIELDS else Right.SEE_CARE)
