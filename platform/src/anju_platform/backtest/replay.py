"""Lives the past again: readings in order of receive time, and the time between them.

The very code of ingest runs (:class:`~anju_platform.rulebook.book.Rulebook` over a world of
registry, latest values and coverage), on a clock of its own; nothing is written.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from anju_platform.backtest.hearing import Hearing
from anju_platform.backtest.ledger import Closing, Ledger
from anju_platform.backtest.source import Source
from anju_platform.registry.snapshot import KnownDevice, Registry
from anju_platform.rulebook.book import Found, Rulebook, World
from anju_platform.telemetry.writing import Latest, Taken
from anju_rules import Rule

STUCK_MS = 1_000
"""A timer that is due at once again is looked at after this time, as ingest would at most."""
_HOUR_MS = 3_600_000


@dataclass(slots=True)
class Heard:
    """What there was to judge, in the span that counts."""

    readings: int = 0
    events: int = 0
    devices: set[int] = field(default_factory=set)
    days: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """How long the back-test took."""
    failures: Counter[str] = field(default_factory=Counter)
    """How often a rule failed, by its id."""


class Side:
    """One set of rules and what it raises; several may live through the same past."""

    def __init__(self, rules: Sequence[Rule], registry: Registry, closing: Closing) -> None:
        self.rules = tuple(rules)
        self.book = Rulebook(rules, registry)
        self.ledger = Ledger(closing)

    def take(self, found: Sequence[Found]) -> None:
        """Carry findings over to alerts."""
        for each in found:
            self.ledger.take(each)


def live_again(source: Source, sides: Sequence[Side]) -> Heard:
    """Let every side live through the source's span once."""
    began = time.monotonic()
    stage = _Stage(source, sides)
    stage.begin()
    for one in source.readings():
        stage.hear(one)
    stage.end()
    for side in sides:
        stage.heard.failures += side.book.failures
    stage.heard.seconds = time.monotonic() - began
    return stage.heard


class _Stage:
    """The world of one back-test and its clock."""

    def __init__(self, source: Source, sides: Sequence[Side]) -> None:
        self._sides = sides
        self._span = source.span
        self._community = source.community
        self._hearing = Hearing((g.id for g in source.community.gateways.values()), source.blind)
        self._world = World(source.registry, Latest(), self._hearing, source.baselines)
        self._newcomers = list(_newcomers(source))
        self._clock = source.span.warm
        self._days = _Days(ZoneInfo(source.community.timezone))
        self.heard = Heard()

    def begin(self) -> None:
        """Watch whoever is known when it begins."""
        self._hearing.advance(self._clock)
        self._meet(self._clock)

    def hear(self, one: Taken) -> None:
        """Let a reading come in when it was received."""
        at = max(one.received_at, self._clock)
        self._pass(at)
        self._clock = at
        self._hearing.advance(at)
        self._world.latest.observe(one)
        for side in self._sides:
            side.take(side.book.evaluate(one, self._world, at))
        if at >= self._span.start:
            heard = self.heard
            heard.readings += 1
            heard.events += one.reading.event is not None
            heard.devices.add(one.device.id)
            heard.days[self._days.name(at)] += 1

    def end(self) -> None:
        """Let the rest of the span pass."""
        self._pass(self._span.end)

    def _pass(self, until: int) -> None:
        """Let time pass up to, and without, a moment: what is received then goes first."""
        while (due := self._next()) is not None:
            # what is due at once again must not hold the clock
            at = due if due > self._clock else self._clock + 1
            if at >= until:
                return
            self._clock = at
            self._hearing.advance(at)
            self._meet(at)
            for side in self._sides:
                side.take(side.book.tick(self._world, at))
                if (left := side.book.next_due()) is not None and left <= at:
                    self._clock = max(self._clock, at + STUCK_MS - 1)

    def _next(self) -> int | None:
        dues = [due for side in self._sides if (due := side.book.next_due()) is not None]
        if self._newcomers:
            dues.append(self._newcomers[-1][0])
        return min(dues, default=None)

    def _meet(self, now: int) -> None:
        """Watch devices from when they became known."""
        met = False
        while self._newcomers and self._newcomers[-1][0] <= now:
            _, devices = self._newcomers.pop()
            known = self._community
            part = replace(known, devices=devices)
            registry = Registry({part.id: part}, {part.slug: part})
            world = replace(self._world, registry=registry)
            met = True
        if met:
            for side in self._sides:
                side.take(side.book.watch(world, now))


def _newcomers(source: Source) -> Iterator[tuple[int, dict[str, KnownDevice]]]:
    """Give, latest first, the moments devices became known and all that were known then."""
    since = {
        slug: max(source.known_since.get(device.id, 0), source.span.warm)
        for slug, device in source.community.devices.items()
    }
    for moment in sorted({at for at in since.values() if at < source.span.end}, reverse=True):
        yield (
            moment,
            {s: d for s, d in source.community.devices.items() if since[s] <= moment},
        )


class _Days:
    """Names the site's day of a moment; moments come in order, so one look-up an hour will do."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._until = 0
        self._name = ""

    def name(self, at: int) -> str:
        """Give the day, such as 2026-05-04. Time zones are whole quarters of an hour."""
        if at >= self._until:
            self._until = (at // (_HOUR_MS // 4) + 1) * (_HOUR_MS // 4)
            self._name = (
                datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone).date().isoformat()
            )
        return self._name
