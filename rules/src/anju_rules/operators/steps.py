"""``steps``: one rule, several severities; each rises by its own reason, and may fall again."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration

Severity = Annotated[int, msgspec.Meta(ge=1, le=4)]
"""1 life, 2 urgent, 3 attention, 4 maintenance."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """A rise to ``severity``: held ``for`` so long, came ``n`` times, or ``when`` is true too.

    What rose by time or number stays so until it clears; what rose by ``when`` falls with
    the reading that no longer says so, after ``clear_for`` if the rule has one. Of an absence
    whose threshold is learned: at ``times`` that threshold, if given, once it is known.
    """

    severity: Severity
    hold: Duration | None = None
    n: int | None = None
    when: str | None = None
    times: Annotated[float, msgspec.Meta(gt=1)] | None = None


def worst(rule: Severity, steps: tuple[Step, ...], number: int) -> int:
    """Give the severity that so many times deserve."""
    reached = (step.severity for step in steps if step.n is not None and number >= step.n)
    return min(reached, default=rule)
