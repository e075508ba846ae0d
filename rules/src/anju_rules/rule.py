"""A rule as people write it: a condition, temporal fields, a severity, who is told."""

from typing import Annotated, Any, Literal

import msgspec

from anju_rules.durations import Duration
from anju_rules.operators.absence import Absence
from anju_rules.operators.count import Count
from anju_rules.operators.daily import Daily
from anju_rules.operators.distinct import Distinct
from anju_rules.operators.dwell import Dwell
from anju_rules.operators.rate import Rate
from anju_rules.operators.schedule import Schedule
from anju_rules.operators.sequence import Sequence
from anju_rules.operators.steps import Severity, Step
from anju_rules.operators.travel import Travel
from anju_rules.operators.unless import Unless

LATE = Duration(10 * 60_000)
"""What happened longer ago than this when we hear of it is history (semantics: time)."""


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a guard reads, in both languages."""

    zh: str
    en: str


Entity = Literal["device", "place", "household", "person", "gate", "gateway"]


class Rule(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"hold": "for"},
):
    """One rule; immutable once activated.

    ``when`` makes it true, ``clear`` false (left out: when ``when`` is false). A rule whose
    ``when`` names ``m.event`` is a pulse: true at that moment, and again at the next.
    ``at_once`` skips the hold. ``quiet_for`` clears what did not come again; what latches is
    then unknown, for silence is no good news. ``repeat_after`` says what lasts again (a
    pulse: 10 s unless given). ``lateness`` is how long a decision that silence or order
    could change waits for stragglers. ``late`` is how long after it happened it still rings:
    older is history, but a cry for help is told the next day too. ``hold_from`` names a value
    (epoch ms) from which the hold counts, such as a visitor's last hour. ``models`` may be
    ``("*",)``, then without ``except_models``. ``entity`` is what it is about; a ``person`` is
    whoever showed a credential, else who wears the device or lives there.
    ``discriminator`` names a value of the reading that separates alerts of one entity.
    A ``latch``-ed alert is closed by a person only. ``says`` tells in plain words when it
    rings, with its figures, and ``do`` what to do then: both stand in docs/rules.md.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$")]
    title: Title
    icon: str
    severity: Severity
    models: tuple[str, ...]
    when: str
    except_models: tuple[str, ...] = ()
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    entity: Entity = "device"
    discriminator: str | None = None
    clear: str | None = None
    at_once: str | None = None
    hold: Duration = msgspec.field(default_factory=Duration)
    clear_for: Duration = msgspec.field(default_factory=Duration)
    quiet_for: Duration | None = None
    repeat_after: Duration | None = None
    max_gap: Duration | None = None
    lateness: Duration = msgspec.field(default_factory=lambda: Duration(5_000))
    late: Duration = msgspec.field(default_factory=lambda: LATE)
    absent_for: Absence | None = None
    daily: Daily | None = None
    count: Count | None = None
    distinct: Distinct | None = None
    sequence: Sequence | None = None
    rate: Rate | None = None
    travel: Travel | None = None
    dwell: Dwell | None = None
    hold_from: str | None = None
    unless: Unless | None = None
    schedule: Schedule | None = None
    steps: tuple[Step, ...] = ()
    latch: bool = False
    notify: tuple[str, ...] = ("guard",)
    at: Literal["platform", "edge", "both"] = "platform"
    params: dict[str, Any] = {}
    says: Title | None = None
    do: Title | None = None
    tests: tuple[dict[str, Any], ...] = ()

    @property
    def waits_for_word(self) -> bool:
        """It is silence that makes it true."""
        return self.absent_for is not None or self.daily is not None
