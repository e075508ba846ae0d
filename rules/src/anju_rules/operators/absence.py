"""``absent_for``: nothing heard for so long, on our clock, blindness and sleep left out."""

from typing import Annotated

import msgspec

from anju_rules.durations import Duration
from anju_rules.facts import Context
from anju_rules.operators.schedule import Calendar

_RECHECK_MS = 60_000
_GRAIN_MS = 30_000
_SOON_MS = 1_000
"""While nothing can be heard, what is missing stays missing: look no oftener than this."""


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """Nothing that ``when`` accepts for ``for``, or for ``times`` times ``d.<interval>``.

    Raised only while the condition ``while`` holds, and when at least ``coverage`` of that
    time could be heard.
    """

    hold: Duration
    interval: str | None = None
    times: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    coverage: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    condition: str | None = msgspec.field(default=None, name="while")

    def threshold(self, context: Context) -> int:
        """Give the silence that counts, in ms: the device's own interval goes first."""
        own = context.attributes.get(self.interval) if self.interval else None
        if isinstance(own, int | float) and not isinstance(own, bool) and own > 0:
            return round(own * 1_000 * self.times)
        return int(self.hold)


def grain(threshold: int) -> int:
    """How exactly the last word is remembered: not every reading must become a row."""
    return min(_GRAIN_MS, threshold // 20)


def silence(heard_at: int, context: Context, calendar: Calendar | None) -> tuple[int, int]:
    """Give the time in which it should have been heard, and how much of it could be, in ms."""
    now, blind = context.now, context.blind
    if calendar is None:
        expected = max(0, now - heard_at)
        return expected, max(0, expected - blind(heard_at))
    expected = could = 0
    for begin, end in calendar.open_windows(heard_at, now):
        expected += end - begin
        could += end - begin - (blind(begin) - blind(end))
    return expected, could


def is_covered(absence: Absence, expected: int, could: int, context: Context) -> bool:
    """Say whether enough of that time could be heard to call it silence."""
    if not context.site.get("gateway_online", True):
        return False
    return could >= absence.coverage * expected


def due(heard_at: int, threshold: int, context: Context, calendar: Calendar | None) -> int:
    """Give when to look again: when the silence may have lasted, never in a tight loop."""
    _, could = silence(heard_at, context, calendar)
    missing = threshold - could
    if missing <= 0:
        return context.now + _RECHECK_MS
    missing = max(missing, _SOON_MS)
    return calendar.after(context.now, missing) if calendar else context.now + missing
