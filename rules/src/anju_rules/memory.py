"""What a rule remembers of one entity: plain structs that go to the database and back."""

from enum import IntEnum
from typing import Any

import msgspec


class Signal(IntEnum):
    """What one reading says to a rule; in one millisecond, the smaller comes first.

    EXCUSE makes a coming YES harmless (a granted access before a door). NO clears.
    NEITHER is not true but does not clear either: it ends a hold that is not fulfilled.
    CONFIRM fulfils one at once.
    """

    EXCUSE = 0
    NO = 1
    NEITHER = 2
    UNKNOWN = 3
    YES = 4
    CONFIRM = 5


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reading as a rule sees it: when, what it says, and what to show of it."""

    at: int
    signal: Signal
    received_at: int = 0
    at_once: bool = False
    id: str | None = None
    device: str | None = None
    values: dict[str, Any] = {}
    data: dict[str, Any] = {}

    @property
    def order(self) -> tuple[int, int, str]:
        """Its place in event time."""
        return (self.at, self.signal, self.id or "")

    def repeats(self, other: "Mark") -> bool:
        """Say whether this is the same reading told twice."""
        return self.order == other.order and self.device == other.device


class Memory(msgspec.Struct, omit_defaults=True):
    """What the operators know as of some moment of event time.

    ``since`` is when the condition became true, ``clear_since`` when it stopped being so,
    ``unknown_since`` when it could no longer be told; ``severity`` is 0 while not active.
    ``yes_at`` is the last YES, ``told_at`` the last one that was said aloud; ``times`` are the
    moments a count needs; ``excused_at`` is the last excuse.
    """

    last_at: int = 0
    severity: int = 0
    since: int | None = None
    clear_since: int | None = None
    unknown_since: int | None = None
    excused_at: int | None = None
    yes_at: int = 0
    told_at: int = 0
    times: list[int] = []
    cause: Mark | None = None

    @property
    def is_calm(self) -> bool:
        """Nothing is going on: not active, not held, not counted."""
        return self.severity == 0 and self.since is None and not self.times


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change that was said aloud: its kind, severity, and the how-manieth of them."""

    kind: str
    severity: int
    number: int


class State(msgspec.Struct, omit_defaults=True):
    """All of it: what can no longer change, and what may still be reordered.

    ``key`` is the entity, and the discriminator if there is one. ``recent`` are the marks of
    the last seconds in event order; replaying them on ``base`` gives ``present``. ``told``
    are the changes of that replay that went out. ``seen`` are the last event ids, so that
    none counts twice. ``skew_ms`` is how far the device's clock is behind ours. ``hushed``:
    it became active or worse too long ago to ring, and that has not been said since.
    ``audible``: it was said to be active, and not yet that it ended. ``heard_at`` is when
    an absence rule last heard of its entity (our clock).
    """

    key: str = ""
    base: Memory = msgspec.field(default_factory=Memory)
    present: Memory = msgspec.field(default_factory=Memory)
    recent: list[Mark] = []
    told: list[Told] = []
    seen: list[str] = []
    skew_ms: int = 0
    hushed: bool = False
    audible: bool = False
    heard_at: int = 0
    absent_severity: int = 0
    device: str | None = None
