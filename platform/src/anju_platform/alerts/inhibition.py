"""What makes other alerts superfluous while it lasts: one fire explains many open doors.

What a life may hang on is never inhibited.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """How the two must lie to each other."""

    GATEWAY = "gateway"
    """Behind the same gateway."""
    WAY = "way"
    """At one place, or one within the other: the doors on the way out of a flat, not the gate."""


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert of one of the rules ``by`` is active, those of ``what`` are muted there.

    ``though_muted``: also while the inhibiting alert is muted itself. A gateway that is away for
    work explains the silence behind it; a smoke alarm that is tried out explains no forced door.
    """

    by: frozenset[str]
    what: frozenset[str]
    where: Where
    though_muted: bool


INHIBITIONS = (
    Inhibition(
        by=frozenset({"gateway-lost", "gateway-silent"}),
        what=frozenset(
            {"device-silent", "door-controller-silent", "main-gate-silent", "camera-lost"}
        ),
        where=Where.GATEWAY,
        though_muted=True,
    ),
    Inhibition(
        by=frozenset({"smoke", "gas-alarm"}),
        what=frozenset({"door-held-open", "door-forced"}),
        where=Where.WAY,
        though_muted=False,
    ),
)
"""That protection is off (``protection-off``) is not among them: a family is told the truth."""

INHIBITORS = frozenset(rule for one in INHIBITIONS for rule in one.by)
INHIBITED = frozenset(rule for one in INHIBITIONS for rule in one.what)


def inhibiting(rule_id: str) -> Iterable[Inhibition]:
    """Give what an alert of a rule inhibits."""
    return (one for one in INHIBITIONS if rule_id in one.by)


def inhibiting_it(rule_id: str) -> Iterable[Inhibition]:
    """Give what inhibits an alert of a rule."""
    return (one for one in INHIBITIONS if rule_id in one.what)
