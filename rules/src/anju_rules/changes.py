"""Replays marks over a memory: how readings and time change what a rule holds to be true.

This is the whole of a rule's life in event time, without a clock of its own. ``replay`` may
be called on the same marks as often as needed: it gives the same changes each time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from anju_rules.durations import Duration
from anju_rules.memory import Mark, Memory, Signal, Told
from anju_rules.operators import count, hold, unless
from anju_rules.operators.schedule import Calendar
from anju_rules.rule import Rule

PULSE_REPEAT_MS = Duration(10_000)
"""A pulse that comes again is said again, but not more often than this: a button that
chatters must not flood those who are to help."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change: ``kind`` as in FindingKind, at ``at`` in event time, made so by ``mark``."""

    kind: str
    severity: int
    at: int
    mark: Mark | None


class Life:
    """The life of one rule's condition for one entity."""

    def __init__(self, rule: Rule, calendar: Calendar | None, *, pulse: bool) -> None:
        self._rule = rule
        self._calendar = calendar
        self._pulse = pulse
        self._holds = [step for step in rule.steps if step.hold is not None]
        self._counts = [step for step in rule.steps if step.n is not None]
        self._repeat_after = rule.repeat_after
        if self._repeat_after is None and pulse and not rule.hold:
            self._repeat_after = PULSE_REPEAT_MS
        self._quiet_for = rule.quiet_for
        if self._quiet_for is None and rule.count is not None and rule.clear is None:
            self._quiet_for = rule.count.within

    def replay(self, memory: Memory, marks: Iterable[Mark], until: int | None) -> list[Change]:
        """Let the marks, and the time up to ``until``, change ``memory``; give the changes."""
        changes: list[Change] = []
        for mark in marks:
            self._pass(memory, mark.at - 1, changes)
            self._take(memory, mark, changes)
            memory.last_at = max(memory.last_at, mark.at)
        if until is not None:
            self._pass(memory, until, changes)
        return changes

    def due(self, memory: Memory) -> int | None:
        """Give when time alone will change something."""
        return min((at for at, _ in self._timers(memory)), default=None)

    def _take(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        match mark.signal:
            case Signal.EXCUSE:
                unless.remember(memory, mark)
            case Signal.UNKNOWN:
                hold.lose(memory, mark.at)
            case Signal.NO:
                hold.end(memory, mark)
                if memory.severity and not self._rule.clear_for:
                    self._clear(memory, mark.at, mark, changes)
            case Signal.NEITHER:
                if memory.severity == 0:
                    hold.end(memory, mark)
            case Signal.CONFIRM:
                if memory.severity == 0 and memory.since is not None:
                    self._activate(memory, mark, self._rule.severity, changes)
            case Signal.YES:
                self._yes(memory, mark, changes)

    def _yes(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        rule = self._rule
        asleep = self._calendar is not None and not self._calendar.is_open(mark.at)
        if (asleep and self._pulse) or unless.excuses(rule.unless, memory, mark):
            return
        severity = rule.severity
        if rule.count is not None:
            number = count.add(rule.count, memory, mark)
            if number < rule.count.n:
                return
            severity = min([severity, *(s.severity for s in self._counts if number >= (s.n or 0))])
        known_again = memory.severity > 0 and memory.unknown_since is not None
        hold.begin(memory, mark)
        memory.yes_at = mark.at
        waits = asleep or (rule.hold and not mark.at_once)
        if memory.severity == 0 and waits:
            return
        self._activate(memory, mark, severity, changes, again=known_again)

    def _activate(
        self,
        memory: Memory,
        mark: Mark,
        severity: int,
        changes: list[Change],
        *,
        again: bool = False,
    ) -> None:
        before = memory.severity
        memory.severity = min(severity, before) if before else severity
        if before and severity < before:
            changes.append(Change("severity", severity, mark.at, mark))
        if not before or again or self._is_time_to_repeat(memory, mark):
            memory.told_at = mark.at
            changes.append(Change("active", memory.severity, mark.at, mark))
        memory.cause = mark

    def _is_time_to_repeat(self, memory: Memory, mark: Mark) -> bool:
        after = self._repeat_after
        return after is not None and mark.at - memory.told_at >= after

    def _clear(
        self,
        memory: Memory,
        at: int,
        mark: Mark | None,
        changes: list[Change],
        *,
        kind: str = "cleared",
    ) -> None:
        changes.append(Change(kind, memory.severity, at, mark))
        memory.severity = 0
        memory.since = memory.clear_since = memory.unknown_since = None
        memory.times = []
        memory.cause = None

    def _pass(self, memory: Memory, until: int, changes: list[Change]) -> None:
        """Let time pass: whatever is due up to ``until`` happens, in order."""
        while timers := self._timers(memory):
            at, what = min(timers)
            if at > until:
                return
            match what:
                case "hold":
                    memory.severity = self._rule.severity
                    memory.told_at = at
                    changes.append(Change("active", memory.severity, at, memory.cause))
                case "rise":
                    memory.severity = self._risen(memory, at)
                    changes.append(Change("severity", memory.severity, at, memory.cause))
                case "gap":
                    memory.unknown_since = memory.last_at
                    if memory.severity:
                        changes.append(Change("unknown", memory.severity, at, memory.cause))
                case "count":
                    memory.times = []
                case "quiet" if self._rule.latch:
                    # who fell and says nothing more is not well again
                    self._clear(memory, at, None, changes, kind="unknown")
                case _:
                    self._clear(memory, at, None, changes)

    def _held_until(self, since: int, length: int) -> int:
        """Give when it has held so long: only hours of the schedule count."""
        if self._calendar is None:
            return since + length
        return self._calendar.after(since, max(length, 1))

    def _risen(self, memory: Memory, at: int) -> int:
        since = memory.since or 0
        return min(
            step.severity for step in self._holds if self._held_until(since, step.hold or 0) <= at
        )

    def _timers(self, memory: Memory) -> list[tuple[int, str]]:
        """Give what time alone will do: (when, what)."""
        if memory.since is None:
            # a count that came to nothing is forgotten with its window
            over = count.empty_at(self._rule.count, memory) if self._rule.count else None
            return [(over, "count")] if over is not None else []
        timers: list[tuple[int, str]] = []
        known = memory.unknown_since is None
        if known and self._rule.max_gap is not None:
            timers.append((memory.last_at + self._rule.max_gap, "gap"))
        if memory.severity == 0:
            if known:
                timers.append((self._held_until(memory.since, self._rule.hold), "hold"))
            return timers
        if memory.clear_since is not None:
            timers.append((memory.clear_since + self._rule.clear_for, "clear"))
            return timers
        if known:
            timers += [
                (self._held_until(memory.since, step.hold or 0), "rise")
                for step in self._holds
                if step.severity < memory.severity
            ]
        if self._quiet_for is not None:
            timers.append((memory.yes_at + self._quiet_for, "quiet"))
        return timers


def identify(changes: Iterable[Change], before: Iterable[Told] = ()) -> list[Told]:
    """Give each change an identity that survives a replay with other marks between.

    A change is known by its kind and severity and how many of those went ``before``.
    """
    counts: dict[tuple[str, int], int] = {}
    for told in before:
        counts[told.kind, told.severity] = counts.get((told.kind, told.severity), 0) + 1
    found = []
    for change in changes:
        number = counts.get((change.kind, change.severity), 0)
        counts[change.kind, change.severity] = number + 1
        found.append(Told(change.kind, change.severity, number))
    return found
