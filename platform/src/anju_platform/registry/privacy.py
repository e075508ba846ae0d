"""What is shown of what a device says, and to whom."""

from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right

HEALTH_FIELDS = frozenset({"heart_rate", "respiration"})
"""What a body says: for few eyes, wherever it was measured."""
UPKEEP_FIELDS = frozenset({"battery", "rssi"})
"""What a device says of itself."""


def may_read(actor: Actor, field: str, *, in_home: bool) -> bool:
    """Tell whether a person may read a field of a device, in somebody's home or not."""
    if field in HEALTH_FIELDS:
        return actor.may(Right.SEE_HEALTH)
    return not in_home or field in UPKEEP_FIELDS or actor.may(Right.SEE_CARE)
