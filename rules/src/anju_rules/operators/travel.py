"""``travel``: seen at two points, sooner than anybody gets from one to the other."""

import math
from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory


class Travel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Faster than ``faster_m_s`` between two points at least ``least_m`` apart.

    ``slack`` is how far the clocks of two readers may differ; after ``within`` a sighting
    is forgotten.
    """

    faster_m_s: Annotated[float, msgspec.Meta(gt=0)]
    least_m: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    slack: Duration = msgspec.field(default_factory=lambda: Duration(5_000))
    within: Duration = msgspec.field(default_factory=lambda: Duration(3_600_000))


def is_too_fast(travel: Travel, memory: Memory, mark: Mark) -> bool | None:
    """Take a sighting in and say whether it is too soon after the last; None: cannot tell."""
    if mark.spot is None:
        return None
    before = memory.window[-1:]
    memory.window = [*before, mark.moment]
    if not before or before[0].spot is None or mark.at - before[0].at > travel.within:
        return None
    distance = math.dist(before[0].spot, mark.spot)
    took_s = (mark.at - before[0].at + travel.slack) / 1000
    return distance >= travel.least_m and distance > travel.faster_m_s * took_s
