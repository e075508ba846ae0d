"""Replays marks over a memory: how readings and time change what a rule holds to be true.

This is the whole of a rule's life in event time, without a clock of its own. ``replay`` may
be called on the same marks as often as needed: it gives the same changes each time.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anju_rules.durations import Duration
from anju_rules.memory import (
    CONFIRM,
    EXCUSE,
    NEITHER,
    NO,
    UNKNOWN,
    YES,
    Mark,
    Memory,
    Moment,
    Signal,
    Told,
)
from anju_rules.numbers import is_number
from anju_rules.operators import count, distinct, dwell, hold, rate, sequence, travel, unless
from anju_rules.operators.schedule import Calendar
from anju_rules.operators.steps import worst
from anju_rules.rule import Rule

PULSE_REPEAT_MS = Duration(10_000)
"""A pulse that comes again is said again, but not more often than this: a button that
chatters must not flood those who are to help."""
_GIVES_SEVERITY = ("active", "severity")
_SHOWN = 20
"""So many readings are kept with an alert as what made it true."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change: ``kind`` as in FindingKind, at ``at`` in event time, made so by ``mark``.

    ``because`` are the readings that did it together, in order.
    """

    kind: str
    severity: int
    at: int
    mark: Mark | None
    because: tuple[Moment, ...] = ()


class Life:
    """The life of one rule's condition for one entity."""

    def __init__(self, rule: Rule, calendar: Calendar | None, *, pulse: bool) -> None:
        self._rule = rule
        self._calendar = calendar
        self._pulse = pulse
        self._holds = [step for step in rule.steps if step.hold is not None]
        self._lasts = bool(rule.hold or rule.dwell or rule.hold_from)
        self._length = rule.dwell.hold if rule.dwell is not None else rule.hold
        self._window = rule.count or rule.distinct or rule.travel
        self._repeat_after = rule.repeat_after
        if self._repeat_after is None and pulse and not self._lasts:
            self._repeat_after = PULSE_REPEAT_MS
        self._quiet_for = quiet_for(rule, pulse=pulse)

    def replay(self, memory: Memory, marks: Iterable[Mark], until: int | None) -> list[Change]:
        """Let the marks, and the time up to ``until``, change ``memory``; give the changes."""
        changes: list[Change] = []
        for mark in marks:
            self._pass(memory, mark.at - 1, changes)
            self._take(memory, mark, changes)
            # what confirms nothing yet may have overtaken what it confirms
            confirms = mark.signal is not CONFIRM or memory.since is not None
            if confirms and mark.at > memory.last_at:
                memory.last_at = mark.at
        if until is not None:
            self._pass(memory, until, changes)
        return changes

    def due(self, memory: Memory) -> int | None:
        """Give when time alone will change something."""
        timers = self._timers(memory)
        return min(timers)[0] if timers else None

    def is_asleep(self, mark: Mark) -> bool:
        """Say whether a reading lies outside the rule's hours."""
        return self._calendar is not None and not self._calendar.is_open(mark.at)

    # -- one reading ------------------------------------------------------------------

    def _take(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        change = self._rule.rate
        signal = mark.signal if change is None else self._meaning(change, memory, mark)
        # no match statement: Python 3.11 looks up a member of an enum slowly
        if signal is YES:
            self._yes(memory, mark, changes)
        elif signal is NO:
            self._no(memory, mark, changes)
        elif signal is UNKNOWN:
            hold.lose(memory, mark.at)
        elif signal is EXCUSE:
            self._excuse(memory, mark, changes)
        elif signal is NEITHER:
            if memory.severity == 0:
                self._end(memory, mark)
            elif not memory.doubted:
                hold.know(memory, mark)
        elif signal is CONFIRM and memory.severity == 0 and memory.since is not None:
            self._activate(memory, mark, self._rule.severity, changes)
        if self._rule.sequence is not None:
            sequence.advance(self._rule.sequence, memory, mark)

    def _meaning(self, change: rate.Rate, memory: Memory, mark: Mark) -> Signal:
        """Give what a reading says once its number is compared with those before it."""
        if mark.signal is not YES:
            if mark.signal is NO or mark.signal is NEITHER:
                memory.window = []  # a change is over a time in which ``when`` was true throughout
            return mark.signal
        verdict = rate.judge(change, memory, mark)
        if verdict is None:
            return UNKNOWN
        if verdict:
            return YES
        return NO if self._rule.clear is None else NEITHER

    def _excuse(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        unless.remember(memory, mark)
        if self._lasts and memory.severity:
            self._clear(memory, mark.at, mark, changes)

    def _no(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        self._end(memory, mark)
        if memory.severity and not self._rule.clear_for:
            self._clear(memory, mark.at, mark, changes)

    def _end(self, memory: Memory, mark: Mark) -> None:
        if self._rule.dwell is not None and memory.clear_since is None:
            dwell.leave(self._rule.dwell, memory, mark.at)
        if memory.severity == 0 and self._window is not None:
            memory.window = []
        hold.end(memory, mark)

    def _yes(self, memory: Memory, mark: Mark, changes: list[Change]) -> None:
        rule = self._rule
        asleep = self.is_asleep(mark)
        if asleep and self._pulse:
            return
        excused = unless.excuses(rule.unless, memory, mark)
        if excused and not self._lasts:
            return
        number = self._number(memory, mark)
        if number is None or not self._follows(memory, mark):
            if memory.severity and rule.count is not None:
                memory.yes_at = mark.at  # it came again, if not so often: it is not quiet
            return
        severity = worst(rule.severity, rule.steps, number)
        known_again = memory.severity > 0 and memory.unknown_since is not None
        if rule.hold_from is not None and memory.severity == 0:
            memory.since = None  # the newest word of when it ends counts: a visit was extended
        if rule.dwell is not None:
            dwell.resume(rule.dwell, memory)
        hold.begin(memory, mark, self._since(memory, mark))
        memory.yes_at = mark.at
        memory.level = mark.level or rule.severity
        waits = asleep or excused or (self._lasts and not mark.at_once)
        if memory.severity == 0 and waits:
            memory.risen = min(memory.risen or severity, severity)
            return
        self._activate(memory, mark, severity, changes, again=known_again)

    def _number(self, memory: Memory, mark: Mark) -> int | None:
        """Give how many times it has come, or None when that is not enough yet."""
        rule = self._rule
        if rule.count is not None:
            number = count.add(rule.count, memory, mark)
            return number if number >= rule.count.n else None
        if rule.distinct is not None:
            number = distinct.add(rule.distinct, memory, mark)
            return number if number >= rule.distinct.n else None
        if rule.travel is not None:
            return 1 if travel.is_too_fast(rule.travel, memory, mark) else None
        if rule.hold_from is not None:
            return 1 if is_number(mark.value) else None
        return 1

    def _follows(self, memory: Memory, mark: Mark) -> bool:
        """Say whether what must come before has come; what lasts need not come again."""
        before = self._rule.sequence
        return (
            before is None
            or memory.since is not None
            or sequence.completed(before, memory, mark) is not None
        )

    def _since(self, memory: Memory, mark: Mark) -> int | None:
        """Give from when a hold counts that begins with this reading."""
        if self._rule.hold_from is not None and is_number(mark.value):
            return max(mark.at, int(mark.value))
        if self._rule.count is not None:
            return memory.window[0].at
        return None

    # -- changes ----------------------------------------------------------------------

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
        memory.risen = min(severity, memory.risen or severity)
        because = self._because(memory, mark)
        wanted = min(memory.risen, memory.level or self._rule.severity)
        if before and wanted > before:
            memory.fall_since = mark.at if memory.fall_since is None else memory.fall_since
        else:
            memory.fall_since = None
            memory.severity = wanted
        if before and memory.severity < before:
            changes.append(Change("severity", memory.severity, mark.at, mark, because))
        elif memory.fall_since is not None and not self._rule.clear_for:
            self._fall(memory, mark.at, mark, changes)
        if not before or again or self._is_time_to_repeat(memory, mark):
            memory.told_at = mark.at
            memory.doubted = False
            changes.append(Change("active", memory.severity, mark.at, mark, because))
        memory.cause = mark
        if self._rule.sequence is not None:
            memory.chains = []  # told of; the next one begins anew

    def _fall(self, memory: Memory, at: int, mark: Mark | None, changes: list[Change]) -> None:
        """Take back a severity that only its readings' level had given."""
        memory.severity = min(memory.risen, memory.level or self._rule.severity)
        memory.fall_since = None
        changes.append(Change("severity", memory.severity, at, mark))

    def _because(self, memory: Memory, mark: Mark) -> tuple[Moment, ...]:
        """Give the readings that made it true together, in order of time."""
        chain = memory.chains[-1] if memory.chains else []
        cause = [memory.cause.moment] if memory.cause is not None else []
        moments = {
            (moment.at, moment.id, moment.device): moment
            for moment in (*chain, *memory.window, *cause, mark.moment)
        }
        ordered = sorted(moments.values(), key=lambda moment: (moment.at, moment.id or ""))
        if len(ordered) <= _SHOWN:
            return tuple(ordered)
        return (ordered[0], *ordered[1 - _SHOWN :])

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
        memory.severity = memory.risen = memory.level = 0
        memory.since = memory.clear_since = memory.unknown_since = memory.fall_since = None
        memory.spells = []
        memory.doubted = False
        memory.cause = None
        if self._window is not None:
            memory.window = []

    # -- time -------------------------------------------------------------------------

    def _pass(self, memory: Memory, until: int, changes: list[Change]) -> None:
        """Let time pass: whatever is due up to ``until`` happens, in order."""
        while timers := self._timers(memory):
            at, what = min(timers)
            if at > until:
                return
            match what:
                case "hold":
                    self._fulfil(memory, at, changes)
                case "rise":
                    memory.risen = min(memory.risen, self._risen(memory, at))
                    memory.severity = min(memory.severity, memory.risen)
                    changes.append(Change("severity", memory.severity, at, memory.cause))
                case "fall":
                    self._fall(memory, at, memory.cause, changes)
                case "gap":
                    self._lose(memory, at, changes)
                case "window" | "chains" | "spells":
                    setattr(memory, what, [])  # it came to nothing
                case "quiet" if self._rule.latch:
                    # who fell and says nothing more is not well again
                    self._clear(memory, at, None, changes, kind="unknown")
                case _:
                    self._clear(memory, at, None, changes)

    def _lose(self, memory: Memory, at: int, changes: list[Change]) -> None:
        """It was not heard of, or could not be told, for too long."""
        hold.lose(memory, memory.last_at)
        if memory.severity:
            memory.doubted = True
            changes.append(Change("unknown", memory.severity, at, memory.cause))

    def _fulfil(self, memory: Memory, at: int, changes: list[Change]) -> None:
        """Become active by having held long enough."""
        memory.risen = memory.risen or self._rule.severity
        memory.severity = min(memory.risen, memory.level or self._rule.severity)
        memory.told_at = at
        cause = memory.cause
        because = self._because(memory, cause) if cause is not None else ()
        changes.append(Change("active", memory.severity, at, cause, because))

    def _held_until(self, memory: Memory, since: int, length: int) -> int:
        """Give when it has held so long: only hours of the schedule count."""
        if self._rule.dwell is not None:
            return dwell.reached_at(self._rule.dwell, memory, since, length)
        if self._calendar is None:
            return since + length
        return self._calendar.after(since, max(length, 1))

    def _rises_at(self, memory: Memory, since: int, hold: int) -> int:
        """Give when it rises; what an excuse had put off rises as much later as it rang."""
        at = self._held_until(memory, since, hold)
        over = unless.over_at(self._rule.unless, memory)
        if over <= self._held_until(memory, since, self._length):
            return at
        rest = max(hold - self._length, 1)
        return max(at, self._calendar.after(over, rest) if self._calendar else over + rest)

    def _risen(self, memory: Memory, at: int) -> int:
        since = memory.since or 0
        return min(
            step.severity
            for step in self._holds
            if self._rises_at(memory, since, step.hold or 0) <= at
        )

    def _timers(self, memory: Memory) -> list[tuple[int, str]]:
        """Give what time alone will do: (when, what)."""
        if memory.since is None:
            return self._forgets(memory) if not memory.is_calm else []
        timers: list[tuple[int, str]] = []
        known = memory.unknown_since is None
        if self._rule.max_gap is not None and (known or (memory.severity and not memory.doubted)):
            known_at = memory.last_at if memory.unknown_since is None else memory.unknown_since
            timers.append((known_at + self._rule.max_gap, "gap"))
        if memory.severity == 0:
            if known:
                timers.append((self._fulfilled_at(memory, memory.since), "hold"))
            return timers
        if memory.clear_since is not None:
            # what cannot be told does not recover
            timers += [(memory.clear_since + self._rule.clear_for, "clear")] if known else []
            return timers
        if known:
            if memory.fall_since is not None:
                timers.append((memory.fall_since + self._rule.clear_for, "fall"))
            timers += [
                (self._rises_at(memory, memory.since, step.hold or 0), "rise")
                for step in self._holds
                if step.severity < memory.risen
            ]
        if self._quiet_for is not None:
            timers.append((memory.yes_at + self._quiet_for, "quiet"))
        return timers

    def _fulfilled_at(self, memory: Memory, since: int) -> int:
        held = self._held_until(memory, since, self._length)
        return max(held, unless.over_at(self._rule.unless, memory))

    def _forgets(self, memory: Memory) -> list[tuple[int, str]]:
        """Give when what is kept for later is no longer of use."""
        timers: list[tuple[int, str]] = []
        if memory.window and self._window is not None:
            timers.append((memory.window[-1].at + self._window.within, "window"))
        if self._rule.sequence is not None:
            over = sequence.over_at(self._rule.sequence, memory)
            timers += [(over, "chains")] if over is not None else []
        if self._rule.dwell is not None:
            over = dwell.over_at(self._rule.dwell, memory)
            timers += [(over, "spells")] if over is not None else []
        return timers


def quiet_for(rule: Rule, *, pulse: bool) -> Duration | None:
    """Give after how long a silence it is over; what lasts is ended by a reading only."""
    counted = rule.count or rule.distinct
    if rule.quiet_for is None and counted is not None and rule.clear is None and pulse:
        return counted.within
    return rule.quiet_for


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody who was told of every change takes to be so; severity 0: not active."""

    severity: int
    unknown: bool

    @classmethod
    def of(cls, memory: Memory) -> "Heard":
        """Give what was heard when a memory was settled."""
        return cls(memory.severity, memory.doubted)

    def after(self, said: Iterable["Change | Told"]) -> "Heard":
        """Give what is heard when all this was said, one after the other."""
        severity, unknown = self.severity, self.unknown
        for one in said:
            if one.kind == "cleared":
                severity, unknown = 0, False
            elif one.kind == "active":
                severity, unknown = one.severity, False
            elif severity and one.kind == "unknown":
                unknown = True
            elif severity:
                severity = one.severity
        return Heard(severity, unknown)

    def corrects(self, heard: "Heard", changes: Sequence[Change], mark: Mark) -> list[Change]:
        """Give what must be said to whoever ``heard`` otherwise; ``changes`` are how it was."""
        if self == heard:
            return []
        if not self.severity:
            ends = [change.at for change in changes if change.kind == "cleared"]
            return [Change("cleared", heard.severity, ends[-1] if ends else mark.at, mark)]
        if not heard.severity or (heard.unknown and not self.unknown):
            return [Change("active", self.severity, mark.at, mark)]
        kind = "unknown" if self.unknown and not heard.unknown else "severity"
        return [Change(kind, self.severity, mark.at, mark)]


def identify(changes: Sequence[Change], before: Iterable[Told] = ()) -> list[Told]:
    """Give each change an identity that survives a replay with other marks between.

    A change is known by its kind, by the severity it gives if it gives one, and by how many
    of those went ``before``.
    """
    found: list[Told] = []
    if not changes:
        return found
    counts = Counter((told.kind, told.severity) for told in before)
    for change in changes:
        known = (change.kind, change.severity if change.kind in _GIVES_SEVERITY else 0)
        found.append(Told(*known, counts[known]))
        counts[known] += 1
    return found
