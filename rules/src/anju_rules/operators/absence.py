"""``absent_for``: nothing heard for so long, on our clock, blindness and sleep left out."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from anju_rules.durations import Duration
from anju_rules.facts import Context
from anju_rules.numbers import is_number
from anju_rules.operators.schedule import Calendar

_RECHECK_MS = 60_000
_GRAIN_MS = 30_000
_SOON_MS = 1_000
"""While nothing can be heard, what is missing stays missing: look no oftener than this."""
_HOUR_MS = 3_600_000


class Learned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold out of the baseline: ``factor`` times ``b.<of>_p95`` hours, ``plus`` more.

    Never below ``least`` nor above ``most``. It is that of the hour in which the silence
    began and stays so: a silence that begins at bedtime may last the night, one after
    breakfast may not. It counts all hours, for so it was learned; it rings only while the
    rule's schedule is open, unless ``all_hours``: the baseline knows when people sleep.
    """

    least: Duration
    most: Duration
    of: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")] = "silence"
    factor: Annotated[float, msgspec.Meta(gt=0)] = 1.3
    plus: Duration = msgspec.field(default_factory=Duration)
    all_hours: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing between them, or ring at once."""
        if not 0 < self.least <= self.most:
            raise ValueError(f"least {self.least / 1000:g} s: expected above 0 and up to most")

    def threshold(self, usual: Mapping[str, Any]) -> int | None:
        """Give the silence that counts, in ms; None while nothing is known."""
        hours = usual.get(f"{self.of}_p95")
        if not is_number(hours):
            return None
        wanted = round(hours * _HOUR_MS * self.factor) + self.plus
        return int(min(max(wanted, self.least), self.most))


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """Nothing that ``when`` accepts for ``for``, or for ``times`` times ``d.<interval>``.

    With ``learned``, as long as is unusual for this entity; what is fixed holds until that
    is known. Raised only while the condition ``while`` holds, and when at least ``coverage``
    of that time could be heard.
    """

    hold: Duration
    interval: str | None = None
    times: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    coverage: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    condition: str | None = msgspec.field(default=None, name="while")
    learned: Learned | None = None

    def threshold(self, context: Context) -> int:
        """Give the fixed silence that counts, in ms: the device's own interval goes first."""
        own = context.attributes.get(self.interval) if self.interval else None
        if is_number(own) and own > 0:
            return round(own * 1_000 * self.times)
        return int(self.hold)

    def usual_threshold(self, began: int, context: Context) -> int | None:
        """Give the learned silence that counts for one that began then; None: what is fixed."""
        return self.learned.threshold(context.baseline(began)) if self.learned else None


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
