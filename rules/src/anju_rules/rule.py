"""A rule as people write it: a condition, temporal fields, a severity, who is told."""

from typing import Annotated, Any, Literal

import msgspec

from anju_rules.durations import Duration
from anju_rules.operators.absence import Absence
from anju_rules.operators.count import Count
from anju_rules.operators.schedule import Schedule
from anju_rules.operators.unless import Unless

Severity = Annotated[int, msgspec.Meta(ge=1, le=4)]
"""1 life, 2 urgent, 3 attention, 4 maintenance."""


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a guard reads, in both languages."""

    zh: str
    en: str


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"hold": "for"}):
    """A rise to ``severity`` when the condition held ``for`` so long, or came ``n`` times.

    Of an absence whose threshold is learned: at ``times`` that threshold, if given.
    """

    severity: Severity
    hold: Duration | None = None
    n: int | None = None
    times: Annotated[float, msgspec.Meta(gt=1)] | None = None


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
    could change waits for stragglers. ``models`` may be ``("*",)``, then without
    ``except_models``.
    ``discriminator`` names a value of the reading that separates alerts of one entity.
    A ``latch``-ed alert is closed by a person only.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$")]
    title: Title
    icon: str
    severity: Severity
    models: tuple[str, ...]
    when: str
    except_models: tuple[str, ...] = ()
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    entity: Literal["device", "place", "household", "gateway"] = "device"
    discriminator: str | None = None
    clear: str | None = None
    at_once: str | None = None
    hold: Duration = msgspec.field(default_factory=Duration)
    clear_for: Duration = msgspec.field(default_factory=Duration)
    quiet_for: Duration | None = None
    repeat_after: Duration | None = None
    max_gap: Duration | None = None
    lateness: Duration = msgspec.field(default_factory=lambda: Duration(5_000))
    absent_for: Absence | None = None
    count: Count | None = None
    unless: Unless | None = None
    schedule: Schedule | None = None
    steps: tuple[Step, ...] = ()
    latch: bool = False
    notify: tuple[str, ...] = ("guard",)
    at: Literal["platform", "edge", "both"] = "platform"
    params: dict[str, Any] = {}
    tests: tuple[dict[str, Any], ...] = ()
