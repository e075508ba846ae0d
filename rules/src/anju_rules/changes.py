"""Replays marks over a memory: how readings and time change what a rule holds to be true.

This is the whole of a rule's life in event time, without a clock of its own. ``Life.replay``
is called on the same marks as often as needed: it gives the same changes each time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from anju_rules.memory import Mark, Memory, Signal, Told
from anju_rules.operators import count, hold, unless
from anju_rules.operators.schedule import Calendar
from anju_rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Change:
    """One change: ``kind`` as in FindingKind, at ``at``, made so by ``mark``."""

    kind: str
    severity: int
    at: int
    mark: Mark | None
    pulse: str = ""


class Life:
    """The life of one rule's condition for one entity."""

    def __init__(self, rule: Rule, calendar: Calendar | None, *, pulse: bool) -> None:
        self._rule = rule
        self._calendar = calendar
        self._pulse = pulse
        self._holds = [step for step in rule.steps if step.hold is not None]
        self._counts = [step for step in rule.steps if step.n is not None]
        quiet = rule.quiet_for
        if quiet is None and pulse and rule.clear is None and not rule.latch:
            quiet = rule.count.within if rule.count else None
        self._quiet_for = quiet

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
        times = [time for time, _ in self._timers(memory)]
        return min(times) if times else None

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
            case Signal.YES:
                self._yes(memory, mark, changes)

    def _yes(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        if self._calendar is not None and not self._calendar.is_open(mark.at):
            return
        if unless.excuses(self._rule.unless, memory, mark):
            return
        severity = self._rule.severity
        if self._rule.count is not None:
            number = count.add(self._rule.count, memory, mark)
            if number < self._rule.count.n:
                return
            reached = [step.severity for step in self._counts if number >= (step.n or 0)]
            severity = min([severity, *reached])
        known_again = memory.severity > 0 and memory.unknown_since is not None
        hold.begin(memory, mark)
        memory.yes_at = mark.at
        if self._rule.hold and not mark.at_once and memory.severity == 0:
            return
        again = memory.severity > 0
        if again and severity < memory.severity:
            changes.append(Change("severity", severity, mark.at, mark))
        memory.severity = min(severity, memory.severity) if again else severity
        if not again or known_again or self._repeats(memory, mark):
            memory.told_at = mark.at
            pulse = f"{mark.at}:{mark.id or ''}" if self._pulse and not self._rule.hold else ""
            changes.append(Change("active", memory.severity, mark.at, mark, pulse))
        memory.cause = mark

    def _repeats(self, memory: Memory, mark: Mark) -> bool:
        if self._pulse and not self._rule.hold:
            return True
        after = self._rule.repeat_after
        return after is not None and mark.at - memory.told_at >= after

    def _clear(self, memory: Memory, at: int, mark: Mark | None, changes: list[Change]) -> None:
        changes.append(Change("cleared", memory.severity, at, mark))
        memory.severity = 0
        memory.since = memory.clear_since = memory.unknown_since = None
        memory.times = []
        memory.cause = None

    def _pass(self, memory: Memory, until: int, changes: list[Change]) -> None:
        """Let time pass: whatever is due up to ``until`` happens, in order."""
        while True:
            timers = sorted(self._timers(memory))
            if not timers or timers[0][0] > until:
                return
            at, what = timers[0]
            match what:
                case "hold":
                    self._fulfil(memory, at, changes)
                case "rise":
                    memory.severity = self._risen(memory, at)
                    changes.append(Change("severity", memory.severity, at, memory.cause))
                case "gap":
                    memory.unknown_since = at
                    if memory.severity:
                        changes.append(Change("unknown", memory.severity, at, memory.cause))
                case _:
                    self._clear(memory, at, None, changes)

    def _fulfil(self, memory: Memory, at: int, changes: list[Change]) -> None:
        memory.severity = self._rule.severity
        memory.told_at = at
        changes.append(Change("active", memory.severity, at, memory.cause))

    def _risen(self, memory: Memory, at: int) -> int:
        since = memory.since or 0
        return min(step.severity for step in self._holds if since + (step.hold or 0) <= at)

    def _timers(self, memory: Memory) -> list[tuple[int, str]]:
        """Give what time alone will do: (when, what)."""
        rule = self._rule
        timers: list[tuple[int, str]] = []
        if memory.severity == 0:
            if memory.since is not None and memory.unknown_since is None and rule.hold:
                timers.append((memory.since + rule.hold, "hold"))
        elif memory.clear_since is not None:
            timers.append((memory.clear_since + rule.clear_for, "clear"))
        else:
            timers += [
                (memory.since + (step.hold or 0), "rise")
                for step in self._holds
                if memory.since is not None and step.severity < memory.severity
            ]
            if self._quiet_for is not None:
                timers.append((memory.yes_at + self._quiet_for, "quiet"))
        if rule.max_gap is not None and memory.unknown_since is None and memory.since is not None:
            timers.append((memory.last_at + rule.max_gap, "gap"))
        return timers


def identify(changes: Iterable[Change]) -> list[Told]:
    """Give each change an identity that survives a replay with other marks between.

    A pulse is known by its moment and id; other changes by their kind and how many of that
    kind went before.
    """
    seen: dict[tuple[str, int], int] = {}
    told = []
    for change in changes:
        if change.pulse:
            told.append(Told(change.kind, change.severity, change.pulse))
            continue
        number = seen.get((change.kind, change.severity), 0)
        seen[change.kind, change.severity] = number + 1
        told.append(Told(change.kind, change.severity, str(number)))
    return told
