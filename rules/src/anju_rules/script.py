"""What a rule's test says: readings at their times, what is expected, and what it shows.

::

    tests:
      - name: a press rings at once
        shows: fires
        given:
          - {t: 0, event: pressed, device: b1, household: h1}
          - {t: 30s, restart: true}    # state and timers go to disk and come back
          - {t: 40s, s: {home: out}}   # the site's state changes
          - {t: 10m, blind: 5m}        # cannot be heard from t, for so long
        expect:
          - {t: 0, kind: active, severity: 1}
        until: 1h
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from anju_rules.durations import Duration

Proof = Literal["fires", "below", "unknown", "late", "restart"]
PROOFS: tuple[Proof, ...] = ("fires", "below", "unknown", "late", "restart")
"""What the tests of a rule should show: it fires; it does not just below; not on what is
unknown; what comes late is judged rightly; and a restart in the middle changes nothing."""

START = 1_767_225_600_000
"""2026-01-01 08:00 in Shanghai: where the virtual clock begins unless a test says otherwise."""

_LAST = 4_102_444_800_000
"""2100-01-01: a calendar knows no end, but a test has no business there."""


class Spot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a device stands, in metres on the site's plan."""

    x: float
    y: float


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that happens at ``t``; a reading ``arrives`` then too unless it says when.

    ``device`` and the entities name who speaks, when several do; ``d`` and ``at_place`` are
    attributes of that device from then on; ``s`` and ``p`` change the site and the people.
    """

    t: Duration
    arrives: Duration | None = None
    event: str | None = None
    values: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    id: str | None = None
    retained: bool = False
    model: str | None = None
    device: str = "device"
    place: str | None = None
    household: str | None = None
    person: str | None = None
    gate: str | None = None
    gateway: str | None = None
    at_place: Spot | None = None
    d: dict[str, Any] = {}
    s: dict[str, Any] = {}
    p: dict[str, Any] = {}
    b: dict[str, Any] = {}
    blind: Duration | None = None
    restart: bool = False

    @property
    def is_reading(self) -> bool:
        """It is something a device says."""
        return self.event is not None or self.values is not None or self.data is not None

    @property
    def comes_at(self) -> int:
        """When it reaches us, in ms from the start."""
        return self.t if self.arrives is None else self.arrives


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One finding: when, what, and as much more as the test wants to be sure of."""

    t: Duration
    kind: Literal["active", "cleared", "unknown", "severity"]
    severity: int | None = None
    discriminator: str | int | float | bool | None = None
    entity: str | None = None
    late: bool | None = None


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One test: a world (``d``, ``p``, ``b``, ``s``, ``timezone``, ``holidays``), and its story."""

    name: str
    expect: tuple[Expected, ...]
    given: tuple[Item, ...] = ()
    shows: Proof | tuple[Proof, ...] = ()
    until: Duration | None = None
    start: Annotated[int, msgspec.Meta(ge=0, le=_LAST)] = START
    d: dict[str, Any] = {}
    p: dict[str, Any] = {}
    b: dict[str, Any] = {}
    s: dict[str, Any] = {}
    timezone: str = "Asia/Shanghai"
    holidays: tuple[date, ...] = ()

    @property
    def proofs(self) -> frozenset[Proof]:
        """What it shows: what it says it does, and what is plain to see."""
        said = (self.shows,) if isinstance(self.shows, str) else self.shows
        return frozenset(said) | _seen(self)


def _seen(script: Script) -> frozenset[Proof]:
    seen: set[Proof] = set()
    if any(one.kind == "active" for one in script.expect):
        seen.add("fires")
    if any(item.restart for item in script.given):
        seen.add("restart")
    if any(item.comes_at > item.t for item in script.given):
        seen.add("late")
    return frozenset(seen)


def problems(script: Script) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give what does not go together in a test: (path, message)."""
    for number, item in enumerate(script.given):
        where = ("given", number)
        if item.is_reading and (item.restart or item.blind is not None):
            yield where, "a reading is no restart and no blind time: give them items of their own"
        if item.arrives is not None and not item.is_reading:
            yield (*where, "arrives"), "only a reading arrives"
        speaks = item.restart or item.blind is not None or item.s or item.p or item.b or item.d
        if not item.is_reading and not speaks and item.at_place is None:
            yield where, "nothing happens: expected event, values, data, blind, restart or s"
    try:
        ZoneInfo(script.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield ("timezone",), f"there is no time zone {script.timezone!r}"
    said = {script.shows} if isinstance(script.shows, str) else set(script.shows)
    for proof in sorted(said & {"fires", "late", "restart"} - _seen(script)):
        wanted = {
            "fires": "an 'active' in expect",
            "late": "a reading that arrives after its t",
            "restart": "an item with restart: true",
        }[proof]
        yield ("shows",), f"it does not show {proof!r}: that takes {wanted}"
