"""The engine: one rule, one entity, one reading or tick at a time; pure.

``(state, fact) -> (state, findings, next due)``. A reading in order moves the present
memory one step. One that comes out of order takes its place among the marks of the last
seconds, which are replayed; what was already said is not said again. A reading is judged at
once, except where an excuse could still arrive (``unless``); what time alone decides waits
``lateness`` for stragglers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_rules.changes import Change, Heard, Life, identify
from anju_rules.daily_watch import DailyWatch
from anju_rules.facts import Context, Fact, Finding, FindingKind, Outcome
from anju_rules.memory import CALM, EXCUSE, YES, Mark, Moment, Signal, State
from anju_rules.operators import unless
from anju_rules.operators.schedule import Calendar
from anju_rules.passing import MOST_RECENT, Quiet, awake, pass_all, pass_by
from anju_rules.reading import Reader
from anju_rules.recent import (
    excused,
    is_waiting,
    last_heard,
    passed,
)
from anju_rules.rule import Rule
from anju_rules.watching import Watch

_RETRY_MS = 10_000
"""How soon to look again when the gateway cannot be heard, how long it must be back, and how
long what was due before it was told waits for more."""
_MOST_SEEN = 32
_replace = msgspec.structs.replace


def _keyed(kind: str, name: str | None) -> Callable[[Fact], str | None]:
    """Give what tells the key of a fact; most rules ask for no more than an entity."""
    if name is not None:
        return lambda fact: _discriminated(fact, kind, name)
    if kind == "person":
        return lambda fact: fact.entity(kind)
    return lambda fact: fact.entities.get(kind)


def _discriminated(fact: Fact, kind: str, name: str) -> str | None:
    entity = fact.entity(kind)
    if entity is None:
        return None
    return f"{entity}#{fact.data.get(name, fact.values.get(name, ''))}"


class CompiledRule:
    """A rule ready to evaluate, in one time zone."""

    def __init__(self, rule: Rule, zone: ZoneInfo, holidays: frozenset[date]) -> None:
        self.rule = rule
        self.is_about_gateway = rule.entity == "gateway"
        """Its entity is the gateway itself, of which the broker tells as well."""
        calendar = Calendar(rule.schedule, zone, holidays) if rule.schedule else None
        self.reader = Reader(rule)
        self._hears_all = self.reader.accepts_all
        of_device = rule.absent_for is not None and rule.daily is None and rule.entity == "device"
        self.follows_device = of_device and self._hears_all
        """Any word of its device ends the silence: when that was is known where its latest
        values are, and need not be stored with each rule as well; see :meth:`heard`."""
        self.is_of_device = (
            rule.entity == "device"
            and rule.discriminator is None
            and not rule.waits_for_word
            and rule.unless is None
        )
        """Nobody but the device itself tells it anything, and what is quiet waits for nothing:
        see :meth:`let_pass`."""
        self._life = Life(rule, calendar, pulse=self.reader.is_pulse)
        self._daily = DailyWatch(rule, zone) if rule.daily else None
        silence = Watch(rule, calendar) if rule.absent_for else None
        self._watch: Watch | DailyWatch | None = self._daily or silence
        self.key = _keyed(rule.entity, rule.discriminator)
        """Gives what the state of a fact is kept under: the entity, and the discriminator if
        there is one; None where the device has no such entity."""
        self.lateness_ms = int(rule.lateness)
        """A reading that comes this long after another is no longer put in order with it."""
        self.worst = min([rule.severity, *(step.severity for step in rule.steps)])
        """The most severe it can become."""
        self.late_ms = int(rule.late)
        """What is older than this on our clock does not ring any more."""
        # an excuse is kept while what it excuses may still come
        excuse = rule.unless.within + self.lateness_ms if rule.unless else 0
        self._kept = max(self.late_ms, excuse)
        # a reading alone decides, if nothing excuses it: what came late decides as it does now
        self._simple = not (rule.hold or rule.count or rule.distinct or rule.sequence) and not (
            rule.rate or rule.travel or rule.dwell or rule.hold_from
        )
        self._is_excusable = rule.unless is not None
        self._is_passing = rule.discriminator is not None or rule.entity == "person"
        # what lasts and was held while nobody could hear still lasts; a fall of last week does not
        self._is_cry = rule.latch and self.reader.is_pulse
        # a life is not left to wait for it
        self._waits_for_gateway = not (rule.latch or rule.severity == 1)

    def start(self, entity: str, context: Context, device: str) -> Outcome:
        """Begin to watch an entity nothing was heard of yet (absence rules)."""
        if self._watch is None:
            return Outcome(None)
        state = State(key=entity, heard_at=context.now, device=device)
        return Outcome(state, due=self._watch.due(state, context))

    def is_heard_of(self, state: State) -> bool:
        """Say whether its entity has been heard of and is not missing (absence rules)."""
        return state.heard_at > 0 and not state.absent_severity

    def heard(self, state: State, at: int) -> State:
        """Give a state whose device was heard of at ``at`` (our clock), if that is later."""
        if not self.follows_device or state.absent_severity or at <= state.heard_at:
            return state
        return _replace(state, heard_at=at)

    def alone(self, said: Mapping[str, Any]) -> Signal | None:
        """Give what a reading, not retained, says to this rule whatever the context is.

        None: nothing at all, and :meth:`step` would change nothing. NO, NEITHER, UNKNOWN: it
        is quiet. YES: it is not, or that depends. ``said`` is ``fact.said()``.
        """
        signal = self.reader.alone(said)
        return None if self._watch is not None and signal is not YES else signal

    def let_pass(
        self,
        state: State | None,
        device: str,
        quiet: Iterable[Quiet],
        settled: tuple[int, int] | None = None,
    ) -> State:
        """Give the state after quiet readings of its device; see :func:`passing.pass_all`.

        What :meth:`step` would have made of each when it came: only where ``is_of_device``.
        """
        known = state or State(key=device, device=device)
        return pass_all(known, device, quiet, self.lateness_ms, settled)

    def step(
        self,
        state: State | None,
        fact: Fact,
        context: Context,
        said: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """Let one reading change what is known; give the new state, findings, next tick.

        ``said`` is ``fact.said()``, for a caller that asks several rules.
        """
        if self._watch is not None:
            hears = self._hears_all or self.reader.accepts(fact, context, said)
            if not hears or fact.retained:
                return self._unchanged(state, context)
            known = state or State(key=self.key(fact) or "", device=fact.device)
            return self._heard(self._watch, known, fact, context)
        mark = None if fact.retained else self.reader.read(fact, context, said)
        if mark is None:
            return self._unchanged(state, context)
        known = state or State(key=self.key(fact) or "", device=fact.device)
        if mark.id is not None and mark.id in known.seen:
            return self._unchanged(known, context)
        passed = pass_by(known, mark, self.lateness_ms, excusable=self._is_excusable)
        if passed is not None:
            return self._passed(known, passed, mark)
        return self._place(self._remember(awake(known), mark, fact), mark, context)

    def _place(self, state: State, mark: Mark, context: Context) -> Outcome:
        """Let a reading in where it belongs in event time."""
        if self.rule.unless is not None:
            if mark.at >= state.base.last_at:
                return self._wait(state, mark, context)
            return self._straggler(state, mark, context)
        settled = self._settle(state, mark.received_at)
        if mark.at < settled.base.last_at:
            return self._straggler(settled, mark, context)
        if settled.recent and mark.order <= settled.recent[-1].order:
            return self._reorder(settled, mark, context)
        return self._advance(settled, [mark], None, context)

    def tick(self, state: State, context: Context) -> Outcome:
        """Let time pass; call when ``due`` has come."""
        if self._watch is not None:
            return self._look(self._watch, state, context)
        state = awake(state)
        if self.rule.unless is not None:
            outcome = self._release(state, context, context.now)
        else:
            until = self._until(state, context.now) if self._can_hear(context) else None
            outcome = self._advance(state, [], until, context)
        if self._is_over(outcome.state, context.now):
            return Outcome(None, outcome.findings)  # a zone nobody is in needs no row
        if outcome.due is not None and outcome.due <= context.now:
            return _replace(outcome, due=context.now + _RETRY_MS)  # the gateway cannot be heard
        return outcome

    def _is_over(self, state: State | None, now: int) -> bool:
        """Say whether who passed by is gone, and what is told of them by now is history."""
        if state is None:
            return False
        gone_at = self._gone_at(state)
        return gone_at is not None and gone_at <= now

    def dump(self, state: State) -> dict[str, Any]:
        """Give the state as JSON-able builtins; mostly nothing is open, and one memory is both."""
        state = awake(state)
        dumped: dict[str, Any] = msgspec.to_builtins(state)
        if state.base == state.present and dumped.pop("base", None) is not None:
            dumped["settled"] = True
        return dumped

    def load(self, stored: dict[str, Any]) -> State:
        """Take a dumped state back.

        Raises:
            msgspec.ValidationError: it is not a state.
        """
        state = msgspec.convert(stored, State)
        present = CALM if state.present == CALM else state.present
        return _replace(state, base=present, present=present) if "settled" in stored else state

    # -- one reading ------------------------------------------------------------------

    def _unchanged(self, state: State | None, context: Context) -> Outcome:
        due = self._due(state, context) if state is not None else None
        return Outcome(state, due=due, changed=False)

    def _passed(self, before: State, state: State, mark: Mark) -> Outcome:
        """Answer to a reading that passed by; an excuse is worth a row, though not each."""
        due = self._gone_at(state) if self._is_passing else None
        if mark.signal is not EXCUSE or self._is_noted(before, mark):
            return Outcome(state, (), due, changed=False)
        return Outcome(_replace(state, noted_at=mark.at), (), due)

    def _is_noted(self, state: State, mark: Mark) -> bool:
        """Say whether an excuse hardly earlier than this is stored already.

        Not every motion in a home must become a row: a crash forgets a twentieth of its worth.
        """
        rule = self.rule.unless
        return rule is not None and 0 <= mark.at - state.noted_at < rule.within // 20

    def _remember(self, state: State, mark: Mark, fact: Fact) -> State:
        # a clock that is ahead counts in full, a delay only as far as it may be a habit
        skew = min(fact.received_at - fact.at, self.lateness_ms)
        seen = [*state.seen, mark.id][-_MOST_SEEN:] if mark.id is not None else state.seen
        heard_at = max(state.heard_at, mark.received_at)
        return _replace(state, device=fact.device, skew_ms=skew, seen=seen, heard_at=heard_at)

    def _straggler(self, state: State, mark: Mark, context: Context) -> Outcome:
        """A reading older than what is settled may raise; it never clears what is newer.

        An excuse still counts for what is not judged yet.
        """
        if mark.signal is EXCUSE:
            state = excused(state, mark.at)
        due = self._due(state, context)
        lasting = state.present.severity > 0
        if (
            mark.signal is not YES
            or not self._simple
            or self._life.is_asleep(mark)
            or unless.excuses(self.rule.unless, state.base, mark)
            or (lasting and not self.reader.is_pulse)
            or context.now - mark.at > self.late_ms
        ):
            return Outcome(state, due=due)
        severity = mark.level or self.rule.severity
        changes = [Change("active", severity, mark.at, mark)]
        if not lasting:
            changes.append(Change("cleared", severity, state.present.last_at, None))
        return Outcome(state, tuple(self._finding(c, state, context) for c in changes), due)

    def _advance(
        self, state: State, marks: Sequence[Mark], until: int | None, context: Context
    ) -> Outcome:
        """Move the present on: by a mark in order, or by time."""
        present = _replace(state.present)
        changes = self._life.replay(present, marks, until)
        told = [*state.told, *identify(changes, state.told)] if changes else state.told
        passed_at = state.passed_at if until is None else max(state.passed_at, until)
        recent = [*state.recent, *marks]
        after = _replace(state, present=present, recent=recent, told=told, passed_at=passed_at)
        return self._tell(after, changes, marks, context)

    def _reorder(self, state: State, mark: Mark, context: Context) -> Outcome:
        """Put a mark where it belongs, and live the last seconds again."""
        if any(mark.repeats(other) for other in state.recent):
            return self._unchanged(state, context)
        recent = sorted([*state.recent, mark], key=lambda one: one.order)
        present = _replace(state.base)
        # what time had decided already is decided still, unless this mark undoes it
        changes = self._life.replay(present, recent, passed(state, recent))
        told = Counter(state.told)
        news = []
        for change, identity in zip(changes, identify(changes), strict=True):
            if told[identity] > 0:
                told[identity] -= 1
            else:
                news.append(change)
        begin = Heard.of(state.base)
        true, heard = begin.after(changes), begin.after([*state.told, *news])
        news += true.corrects(heard, changes, mark)
        after = _replace(state, present=present, recent=recent, told=identify(changes))
        return self._tell(after, news, [mark], context)

    def _settle(self, state: State, now: int) -> State:
        """Fold in what no straggler may precede any more; bounded, however a device chatters.

        ``now`` is when the reading at hand was received, not when its batch is judged.
        """
        recent = state.recent
        if not recent:
            return state
        if now - last_heard(recent) >= self.lateness_ms:
            return _replace(state, base=state.present, recent=[], told=[])
        if len(recent) < MOST_RECENT:
            return state
        half = len(recent) // 2
        base = _replace(state.base)
        self._life.replay(base, recent[:half], None)
        rest = recent[half:]
        told = identify(self._life.replay(_replace(base), rest, passed(state, rest)))
        return _replace(state, base=base, recent=rest, told=told)

    # -- rules an excuse may still change -----------------------------------------------

    def _wait(self, state: State, mark: Mark, context: Context) -> Outcome:
        if any(mark.repeats(other) for other in state.recent):
            return self._unchanged(state, context)
        recent = sorted([*state.recent, mark], key=lambda one: one.order)
        return self._release(_replace(state, recent=recent), context, mark.received_at)

    def _release(self, state: State, context: Context, now: int) -> Outcome:
        """Judge, in order, what has waited its time at ``now``, and everything before it."""
        waited = [m for m in state.recent if now - m.received_at >= self.lateness_ms]
        waited += state.recent[:-MOST_RECENT]  # bounded, however a device chatters
        if state.recent and not waited:
            return self._tell(_replace(state, present=state.base), (), (), context)
        last = max((mark.order for mark in waited), default=(0, 0, "", ""))
        ready = [mark for mark in state.recent if mark.order <= last]
        rest = [mark for mark in state.recent if mark.order > last]
        until = self._until(state, now) if not rest and self._can_hear(context) else None
        base = _replace(state.base)
        changes = self._life.replay(base, ready, until)
        after = _replace(state, base=base, present=base, recent=rest)
        return self._tell(after, changes, ready, context)

    # -- time -------------------------------------------------------------------------

    def _until(self, state: State, now: int) -> int:
        """Give how far event time has surely come for this entity."""
        return now - self.lateness_ms - state.skew_ms

    def _can_hear(self, context: Context) -> bool:
        """Time decides nothing while the gateway is away or has only just come back."""
        if not self._waits_for_gateway:
            return True
        if not context.site.get("gateway_online", True):
            return False
        return context.blind(context.now - _RETRY_MS) == 0

    def _due(self, state: State, context: Context) -> int | None:
        if self._watch is not None:
            if state.absent_severity or self._daily is not None:
                return self._watch.due(state, context)
            return state.heard_at + self._watch.first(context) if state.heard_at else None
        times = []
        at = self._life.due(state.present)
        if at is not None:
            due = at + self.lateness_ms + state.skew_ms
            if due <= context.now:
                # told late, it may be followed by what undoes it; nothing else puts it off
                due = max(due, last_heard(state.recent) + _RETRY_MS)
            times.append(due)
        if self.rule.unless is not None and is_waiting(state):
            times.append(min(m.received_at for m in state.recent) + self.lateness_ms)
        return min(times) if times else self._gone_at(state)

    def _gone_at(self, state: State) -> int | None:
        """Give when who passed by, and left nothing behind, can be forgotten."""
        if not (self._is_passing and state.present.is_calm):
            return None
        return state.heard_at + self._kept

    # -- absence ----------------------------------------------------------------------

    def _look(self, watch: Watch | DailyWatch, state: State, context: Context) -> Outcome:
        change = watch.missing(state, context)
        if change is None:
            return Outcome(state, due=watch.due(state, context), changed=False)
        # what made it true is the last word before the silence
        change = replace(change, because=(Moment(state.heard_at, device=state.device),))
        after = _replace(state, absent_severity=change.severity, passed_at=context.now)
        return Outcome(after, (self._finding(change, after, context),), watch.due(after, context))

    def _heard(
        self, watch: Watch | DailyWatch, state: State, fact: Fact, context: Context
    ) -> Outcome:
        now, heard_at = context.now, state.heard_at
        first, grain = watch.first_and_grain(context)
        if now - heard_at < grain and not state.absent_severity:
            return Outcome(state, (), heard_at + first, changed=False)
        # what was said long ago proves life then, not now; but a gateway that catches up speaks
        old = now - fact.at > self.late_ms and not self.is_about_gateway
        told_at = fact.at if old else now
        heard_at = max(heard_at, told_at)
        if heard_at - state.heard_at < grain and not state.absent_severity:
            return Outcome(state, (), state.heard_at + first, changed=False)
        after = _replace(state, heard_at=heard_at, device=fact.device, absent_severity=0)
        if old and state.absent_severity and self._still_missing(watch, after, context):
            # older than the silence that rang: it tells of life then, not of life now
            kept = _replace(after, absent_severity=state.absent_severity)
            return Outcome(kept, due=watch.due(kept, context))
        if not state.absent_severity:
            # the earliest it can be: the tick then reckons with blindness and the schedule
            due, is_known = heard_at + first, self.follows_device and state.heard_at > 0
            return Outcome(after, (), due, changed=not is_known)
        mark = self.reader.read(fact, context)
        change = Change("cleared", state.absent_severity, fact.at, mark)
        return Outcome(after, (self._finding(change, after, context),), heard_at + first)

    def _still_missing(self, watch: Watch | DailyWatch, state: State, context: Context) -> bool:
        if self._daily is not None:
            return self._daily.lasts(state, context)
        return watch.missing(state, context) is not None

    # -- findings ---------------------------------------------------------------------

    def _tell(
        self, state: State, changes: Sequence[Change], marks: Sequence[Mark], context: Context
    ) -> Outcome:
        """Make findings of changes; what began too long ago rings only if it still lasts.

        ``state.audible``: it was said to be active, and not yet that it ended.
        """
        hushed, audible = state.hushed, state.audible
        if not (changes or hushed or audible):
            return Outcome(state, due=self._due(state, context))
        if self.is_about_gateway and not audible and not state.present.severity:
            # lost and back while we were away ourselves, or in one breath: nobody was told of it
            changes = ()
        said = []
        for change in changes:
            old = (bool(marks) or self._is_cry) and context.now - change.at > self.late_ms
            if change.kind == "cleared":
                if audible:
                    said.append(change)
                hushed = audible = False
            elif old:
                # whoever was told of it must still hear how it goes on, and that it ended
                hushed = True
            elif change.kind != "unknown" or audible:
                said.append(change)
                hushed, audible = False, True
        if not state.present.severity:
            hushed = audible = False
        last = marks[-1] if marks else None
        if hushed and state.present.severity and last and context.now - last.at <= self.late_ms:
            kind = "severity" if audible else "active"
            said.append(Change(kind, state.present.severity, last.at, last))
            hushed = False
        after = _replace(state, hushed=hushed, audible=audible)
        findings = tuple(self._finding(change, after, context) for change in said)
        return Outcome(after, findings, self._due(after, context))

    def _finding(self, change: Change, state: State, context: Context) -> Finding:
        mark = change.mark
        late = context.now - change.at
        entity, _, discriminator = state.key.partition("#")
        return Finding(
            rule_id=self.rule.id,
            rule_version=self.rule.version,
            entity=entity,
            discriminator=discriminator,
            kind=FindingKind(change.kind),
            severity=change.severity,
            at=change.at,
            detected_at=context.now,
            late_s=late / 1_000 if late > self.lateness_ms + 1_000 else 0.0,
            device=(mark.device if mark else None) or state.device,
            event_ids=(mark.id,) if mark and mark.id else (),
            values=mark.values if mark else {},
            data=mark.data if mark else {},
            because=change.because,
        )
