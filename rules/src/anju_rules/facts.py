"""What goes into the engine and what comes out of it.

Structs, for they are made by the hundred thousand: a frozen dataclass costs several times more.
None is part of a cycle: the garbage collector need not look through them.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from anju_rules.memory import Moment, State


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One reading joined with what the registry knows of its device.

    ``entities`` maps ``device``, ``place``, ``household``, ``person``, ``gate``, ``gateway``
    to ids, where there are any. ``at`` is the device's time and ``received_at`` ours, in
    epoch milliseconds. A retained fact is a snapshot: it starts no timer, count or sequence.
    """

    device: str
    model: str
    entities: Mapping[str, str]
    at: int
    received_at: int
    values: Mapping[str, Any]
    event: str | None = None
    data: Mapping[str, Any] = {}
    id: str | None = None
    retained: bool = False

    def entity(self, kind: str) -> str | None:
        """Give the id of what the reading is about; whoever shows a credential is a person."""
        if kind == "person" and (credential := self.data.get("credential")):
            return f"credential:{credential}"
        return self.entities.get(kind)

    def said(self) -> dict[str, Any]:
        """Give everything the reading says: what conditions read as ``m.*``."""
        said = {**self.values, **self.data, "device": self.device, "model": self.model}
        if self.event is not None:
            said["event"] = self.event
        return said


def _nothing_learned(at: int) -> Mapping[str, Any]:
    """Give ``b.*`` where nothing was learned."""
    del at
    return {}


class Context(msgspec.Struct, frozen=True, gc=False):
    """What else a rule may look at, at one moment ``now`` of our clock.

    ``attributes`` and ``current`` (latest values) are ``d.*``, ``person`` is ``p.*``,
    ``site`` is ``s.*``: ``gateway_online`` (word of the entity can reach us),
    ``gateway_present`` (the broker has its gateway connected), ``home`` (in, out, unknown),
    ``quiet_h`` (hours from the last sign of life in the home until ``now``; conditions read it
    as of their reading; absent while unknown), ``armed``.
    ``blind(since)`` gives the milliseconds since then in which the entity could not be heard.
    ``baseline(at)`` gives ``b.*``, what is usual at a moment (epoch milliseconds).
    """

    now: int
    attributes: Mapping[str, Any]
    current: Mapping[str, Any]
    person: Mapping[str, Any]
    site: Mapping[str, Any]
    blind: Callable[[int], int]
    baseline: Callable[[int], Mapping[str, Any]] = _nothing_learned


class FindingKind(StrEnum):
    """What a finding says: true now, no longer true, cannot tell, or changed severity."""

    active = "active"
    cleared = "cleared"
    unknown = "unknown"
    severity = "severity"


class Finding(msgspec.Struct, frozen=True, gc=False):
    """This rule, this entity, now.

    ``at`` is when it became so in event time, ``detected_at`` when we knew; ``late_s`` is
    how much later than usual that is. ``event_ids``, ``values`` and ``data`` are the reading
    that made it so; ``because`` are all that did, in order, as far as they are kept.
    """

    rule_id: str
    rule_version: int
    entity: str
    discriminator: str
    kind: FindingKind
    severity: int
    at: int
    detected_at: int
    late_s: float = 0.0
    device: str | None = None
    event_ids: tuple[str, ...] = ()
    values: Mapping[str, Any] = {}
    data: Mapping[str, Any] = {}
    because: tuple[Moment, ...] = ()


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The new state, what was found, and when to tick (epoch ms; None: no timer).

    ``changed`` is false when losing the new state would lose nothing: it need not be stored.
    """

    state: State | None
    findings: tuple[Finding, ...] = ()
    due: int | None = None
    changed: bool = True
