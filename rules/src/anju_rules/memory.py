"""What a rule remembers of one entity: plain structs that go to the database and back.

None of them can be part of a cycle, so the garbage collector need not look through them
(``gc=False``): there are hundreds of thousands, and it would at every turn.
"""

from enum import IntEnum
from typing import Any

import msgspec


class Signal(IntEnum):
    """What one reading says to a rule; in one millisecond, the smaller comes first.

    STEP is one of those that must come before a YES. EXCUSE makes a coming YES harmless (a
    granted access before a door). NO clears. NEITHER is not true but does not clear either:
    it ends a hold that is not fulfilled. CONFIRM fulfils one at once.
    """

    STEP = -1
    EXCUSE = 0
    NO = 1
    NEITHER = 2
    UNKNOWN = 3
    YES = 4
    CONFIRM = 5


STEP, EXCUSE, NO, NEITHER, UNKNOWN, YES, CONFIRM = Signal
"""The same by name: Python 3.11 takes ten times as long to look up a member of an enum."""

Spot = tuple[float, float]
"""Where it stands on the site plan, in metres."""


class Moment(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an operator keeps of one reading: when, who said it, and the value it looks at."""

    at: int
    id: str | None = None
    device: str | None = None
    value: float | str | bool | None = None
    spot: Spot | None = None


class Mark(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One reading as a rule sees it: when, what it says, and what to show of it.

    ``value`` is what the rule's ``rate``, ``distinct`` or ``hold_from`` looks at, ``spot`` where
    its device stands, ``steps`` which of the sequence's earlier steps it is, ``level`` the
    severity its steps give it (0: the rule's own).
    """

    at: int
    signal: Signal
    received_at: int = 0
    at_once: bool = False
    id: str | None = None
    device: str | None = None
    values: dict[str, Any] = {}
    data: dict[str, Any] = {}
    value: float | str | bool | None = None
    spot: Spot | None = None
    steps: tuple[int, ...] = ()
    level: int = 0

    @property
    def moment(self) -> Moment:
        """What operators keep of it."""
        return Moment(self.at, self.id, self.device, self.value, self.spot)

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Its place in event time."""
        return (self.at, self.signal, self.id or "", self.device or "")

    def repeats(self, other: "Mark") -> bool:
        """Say whether this is the same reading told twice."""
        return self.order == other.order


class Memory(msgspec.Struct, omit_defaults=True, gc=False):
    """What the operators know as of some moment of event time.

    ``since`` is when the condition became true, ``clear_since`` when it stopped being so,
    ``unknown_since`` when it could no longer be told; ``severity`` is 0 while not active.
    ``risen`` is the severity that holding or counting gave it, ``level`` the one its last
    reading did, ``fall_since`` since when that is less. ``yes_at`` is the last YES,
    ``told_at`` the last one that was said aloud; ``excused_at`` is the last excuse.
    ``window`` are the moments a count, a rate or a journey needs, ``chains`` the beginnings
    of a sequence, ``spells`` when it was true before. ``doubted``: that it could no longer be
    told was said, and nothing since. Lists are replaced, never changed:
    a copy of a memory shares them.
    """

    last_at: int = 0
    severity: int = 0
    since: int | None = None
    clear_since: int | None = None
    unknown_since: int | None = None
    excused_at: int | None = None
    yes_at: int = 0
    told_at: int = 0
    risen: int = 0
    level: int = 0
    fall_since: int | None = None
    window: list[Moment] = []
    chains: list[list[Moment]] = []
    spells: list[tuple[int, int]] = []
    cause: Mark | None = None
    doubted: bool = False

    @property
    def is_calm(self) -> bool:
        """Nothing is going on: not active, not held, nothing kept for later."""
        return (
            self.severity == 0
            and self.since is None
            and not (self.window or self.chains or self.spells)
        )


CALM = Memory()
"""What is remembered where nothing ever was; one for all, for no memory is changed in place
once a state has it."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A change that was said aloud: its kind, severity, and the how-manieth of them."""

    kind: str
    severity: int
    number: int


class State(msgspec.Struct, omit_defaults=True, gc=False):
    """All of it: what can no longer change, and what may still be reordered.

    ``key`` is the entity, and the discriminator if there is one. ``recent`` are the marks of
    the last seconds in event order; replaying them on ``base`` gives ``present``. ``told``
    are the changes of that replay that went out. ``seen`` are the last event ids, so that
    none counts twice. ``skew_ms`` is how far the device's clock is behind ours. ``hushed``:
    it became active or worse too long ago to ring, and that has not been said since.
    ``audible``: it was said to be active, and not yet that it ended. ``heard_at`` is when
    it was last heard of (our clock), ``noted_at`` the newest excuse of which it was stored.
    ``newest`` is one after all of ``recent`` that only passed by; while there is one,
    ``present`` reaches as far as it, and ``base`` as far as ``settled_at``.
    ``passed_at`` is the event time up to which time alone has decided; of a rule that waits
    for word, when it was last said that none came.
    """

    key: str = ""
    base: Memory = msgspec.field(default_factory=lambda: CALM)
    present: Memory = msgspec.field(default_factory=lambda: CALM)
    recent: list[Mark] = []
    told: list[Told] = []
    seen: list[str] = []
    skew_ms: int = 0
    hushed: bool = False
    audible: bool = False
    heard_at: int = 0
    noted_at: int = 0
    newest: Mark | None = None
    settled_at: int = 0
    passed_at: int = 0
    absent_severity: int = 0
    device: str | None = None
