"""``absent_for``: nothing heard for so long, on our clock, blindness and sleep left out."""

import msgspec

from anju_rules.durations import Duration
from anju_rules.facts import Context
from anju_rules.operators.schedule import Calendar

_RECHECK_MS = 60_000
_GRAIN_MS = 30_000


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """Nothing that ``when`` accepts for ``for``, or for ``times`` times ``d.<interval>``.

    Raised only while ``while_true`` (``while`` in YAML) holds, and when at least
    ``coverage`` of that time could be heard.
    """

    hold: Duration
    interval: str | None = None
    times: float = 2.0
    coverage: float = 0.0
    condition: str | None = msgspec.field(default=None, name="while")

    def threshold(self, hold: int, context: Context) -> int:
        """Give the silence that counts, in ms: the device's own interval may stretch it."""
        own = context.attributes.get(self.interval) if self.interval else None
        if isinstance(own, int | float) and not isinstance(own, bool) and own > 0:
            return round(own * 1_000 * self.times)
        return hold


def grain(threshold: int) -> int:
    """How exactly the last word is remembered: not every reading must become a row."""
    return min(_GRAIN_MS, threshold // 20)


def silence(heard_at: int, context: Context, calendar: Calendar | None) -> int:
    """Give how long nothing was heard, in ms in which something could have been."""
    passed = calendar.open_ms(heard_at, context.now) if calendar else max(0, context.now - heard_at)
    return max(0, passed - context.blind(heard_at))


def is_covered(absence: Absence, threshold: int, context: Context) -> bool:
    """Say whether enough of the time could be heard to call it silence."""
    if not context.site.get("gateway_online", True):
        return False
    return context.blind(context.now - threshold) <= (1 - absence.coverage) * threshold


def due(heard_at: int, threshold: int, context: Context, calendar: Calendar | None) -> int:
    """Give when to look again: when the silence may have lasted, never in a tight loop."""
    missing = threshold - silence(heard_at, context, calendar)
    if missing <= 0:
        return context.now + _RECHECK_MS
    return calendar.after(context.now, missing) if calendar else context.now + missing
