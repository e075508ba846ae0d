"""What a rule remembers of one entity: plain structs that go to the database and back."""

from enum import StrEnum
from typing import Any

import msgspec


class Signal(StrEnum):
    """What one reading says to a rule."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    EXCUSE = "excuse"
    """Something that makes a coming YES harmless, such as a granted access before a door."""


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
    def order(self) -> tuple[int, bool, str]:
        """Event time; an excuse comes before what it excuses in the same millisecond."""
        return (self.at, self.signal is not Signal.EXCUSE, self.id or "")

    def repeats(self, other: "Mark") -> bool:
        """Say whether this is the same reading told twice."""
        return (self.at, self.signal, self.id, self.device) == (
            other.at,
            other.signal,
            other.id,
            other.device,
        )


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


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change that people have been told of; equal ones are the same change."""

    kind: str
    severity: int
    key: str


class State(msgspec.Struct, omit_defaults=True):
    """All of it: the memory that can no longer change, and what may still be reordered.

    ``recent`` are the marks of the last seconds, in event order; replaying them on ``base``
    gives the present. ``told`` are the changes of that replay that went out already.
    ``heard_at`` is when an absence rule last heard of its entity (our clock). ``key`` is the
    entity, and the discriminator if there is one (see ``CompiledRule.key``).
    """

    key: str = ""
    base: Memory = msgspec.field(default_factory=Memory)
    recent: list[Mark] = []
    told: list[Told] = []
    heard_at: int = 0
    absent_severity: int = 0
    device: str | None = None
