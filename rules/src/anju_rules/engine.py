"""The engine: one rule, one entity, one reading or tick at a time; pure.

``(state, fact) -> (state, findings, next due)``. The last few seconds of readings are kept
in event order and replayed on the memory before them (see :mod:`anju_rules.changes`): a
reading that comes out of order takes its place, and what was already said is not said
again. A reading is judged at once, except where silence or order could still change the
verdict (``unless``); what time alone decides waits ``lateness`` for stragglers.
"""

import copy
from collections import Counter
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_rules.changes import Change, Life, identify
from anju_rules.condition import Condition, compile_condition
from anju_rules.facts import Context, Fact, Finding, FindingKind, Outcome
from anju_rules.memory import Mark, Signal, State
from anju_rules.operators import absence
from anju_rules.operators.schedule import Calendar
from anju_rules.rule import Rule

LATE_RAISE_MS = 10 * 60_000
"""A reading later than this is history (semantics: time)."""
_RETRY_MS = 10_000
"""How soon to look again when the gateway cannot be heard, and how long it must be back."""
_EMPTY: dict[str, Any] = {}


class CompiledRule:
    """A rule ready to evaluate, in one time zone."""

    def __init__(self, rule: Rule, zone: ZoneInfo, holidays: frozenset[date]) -> None:
        self.rule = rule
        self.when: Condition = compile_condition(rule.when, rule.params)
        self._clear = self._compile(rule.clear)
        self._at_once = self._compile(rule.at_once)
        self._excuse = self._compile(rule.unless.when if rule.unless else None)
        self._while = self._compile(rule.absent_for.condition if rule.absent_for else None)
        self._calendar = Calendar(rule.schedule, zone, holidays) if rule.schedule else None
        self._pulse = self.when.events is not None
        self._life = Life(rule, self._calendar, pulse=self._pulse)
        self._mentions = self.when.names("m") - {"event", "device", "model"}

    def _compile(self, text: str | None) -> Condition | None:
        return compile_condition(text, self.rule.params) if text is not None else None

    def conditions(self) -> list[Condition]:
        """Give every condition a reading may meet."""
        return [c for c in (self.when, self._clear, self._excuse) if c is not None]

    def key(self, fact: Fact) -> str | None:
        """Give what the state is kept under: the entity, and the discriminator if there is one."""
        entity = fact.entities.get(self.rule.entity)
        if entity is None or self.rule.discriminator is None:
            return entity
        return f"{entity}#{self._discriminator(fact)}"

    def _discriminator(self, fact: Fact) -> str:
        name = self.rule.discriminator or ""
        return str(fact.data.get(name, fact.values.get(name, "")))

    def step(self, state: State | None, fact: Fact, context: Context) -> Outcome:
        """Let one reading change what is known; give the new state, findings, next tick."""
        if self.rule.absent_for is not None:
            return self._heard(state, fact, context)
        mark = None if fact.retained else self._mark(fact, context)
        if mark is None or context.now - fact.at > LATE_RAISE_MS:
            return self._unchanged(state, context)
        known = state or State(key=self.key(fact) or "")
        if self._is_quiet(known, mark):
            calm = msgspec.structs.replace(known.base, last_at=max(known.base.last_at, mark.at))
            return Outcome(msgspec.structs.replace(known, base=calm), changed=False)
        if mark.at < known.base.last_at:
            return self._straggler(known, mark, fact, context)
        if any(mark.repeats(other) for other in known.recent):
            return self._unchanged(known, context)
        recent = sorted([*known.recent, mark], key=lambda one: one.order)
        return self._settle(msgspec.structs.replace(known, recent=recent), context, fact)

    def _is_quiet(self, state: State, mark: Mark) -> bool:
        """Nothing is going on and this reading says so too: the common case, kept cheap."""
        base = state.base
        return (
            mark.signal is Signal.NO
            and not state.recent
            and base.severity == 0
            and base.since is None
            and not base.times
        )

    def start(self, entity: str, context: Context, device: str) -> Outcome:
        """Begin to watch an entity nothing was heard of yet."""
        if self.rule.absent_for is None:
            return Outcome(None)
        state = State(key=entity, heard_at=context.now, device=device)
        return Outcome(state, due=self._absence_due(state, context))

    def tick(self, state: State, context: Context) -> Outcome:
        """Let time pass; call when ``due`` has come."""
        if self.rule.absent_for is not None:
            return self._missing(state, context)
        return self._settle(state, context, None)

    def dump(self, state: State) -> dict[str, Any]:
        """Give the state as JSON-able builtins."""
        dumped: dict[str, Any] = msgspec.to_builtins(state)
        return dumped

    def load(self, stored: dict[str, Any]) -> State:
        """Take a dumped state back."""
        return msgspec.convert(stored, State)

    # -- readings ---------------------------------------------------------------------

    def _mark(self, fact: Fact, context: Context) -> Mark | None:
        """Give what this reading says to the rule, or nothing."""
        said = {**fact.values, **fact.data, "device": fact.device, "model": fact.model}
        if fact.event is not None:
            said["event"] = fact.event
        spaces = (
            said,
            {**context.current, **context.attributes},
            context.person,
            _EMPTY,
            context.site,
        )
        signal = self._signal(said, spaces)
        if signal is None:
            return None
        at_once = self._at_once is not None and self._at_once.function(*spaces) is True
        if signal is Signal.NO:
            return Mark(fact.at, signal, fact.received_at, device=fact.device)
        return Mark(
            fact.at,
            signal,
            fact.received_at,
            at_once=at_once,
            id=fact.id,
            device=fact.device,
            values=dict(fact.values),
            data=dict(fact.data),
        )

    def _signal(self, said: dict[str, Any], spaces: tuple[Any, ...]) -> Signal | None:
        if self._excuse is not None and self._excuse.function(*spaces) is True:
            return Signal.EXCUSE
        verdict = self.when.function(*spaces)
        if verdict is True:
            return Signal.YES
        if self._clear is not None:
            return Signal.NO if self._clear.function(*spaces) is True else None
        if self._pulse:
            return None
        if verdict is False:
            return Signal.NO
        # a reading that does not speak of this at all says nothing; one that should, "unknown"
        return Signal.UNKNOWN if self._mentions & said.keys() else None

    def _unchanged(self, state: State | None, context: Context) -> Outcome:
        due = self._due(state, context) if state is not None else None
        return Outcome(state, due=due, changed=False)

    def _straggler(self, state: State, mark: Mark, fact: Fact, context: Context) -> Outcome:
        """A reading older than what is settled may raise; it never clears what is newer."""
        simple = not (self.rule.hold or self.rule.count or self.rule.unless)
        already = state.base.severity > 0 and not self._pulse
        if mark.signal is not Signal.YES or not simple or already:
            return self._unchanged(state, context)
        raised = Change("active", self.rule.severity, mark.at, mark)
        changes = [raised]
        if state.base.severity == 0 and not state.told:
            changes.append(Change("cleared", self.rule.severity, state.base.last_at, None))
        findings = tuple(self._finding(one, fact, context, state) for one in changes)
        return Outcome(state, findings, self._due(state, context))

    # -- replay -----------------------------------------------------------------------

    def _settle(self, state: State, context: Context, fact: Fact | None) -> Outcome:
        """Replay the recent marks, say what is new, and fold in what can no longer change."""
        horizon = context.now - self.rule.lateness
        until = horizon if self._can_hear(context) else None
        ready = self._ready(state.recent, horizon)
        present = copy.copy(state.base)
        changes = self._life.replay(present, ready, until)
        findings = self._news(state, changes, fact, context)
        settled = [mark for mark in ready if mark.at <= horizon]
        base = copy.copy(state.base)
        self._life.replay(base, settled, until)
        rest = [mark for mark in state.recent if mark.at > horizon]
        told = identify(self._life.replay(copy.copy(base), self._ready(rest, horizon), None))
        after = State(
            key=state.key, base=base, recent=rest, told=told, device=self._device(state, fact)
        )
        return Outcome(after, findings, self._due(after, context))

    def _ready(self, marks: list[Mark], horizon: int) -> list[Mark]:
        """Give the marks that may be judged: all, unless an excuse may still arrive."""
        if self.rule.unless is None:
            return marks
        return [mark for mark in marks if mark.at <= horizon]

    def _news(
        self, state: State, changes: list[Change], fact: Fact | None, context: Context
    ) -> tuple[Finding, ...]:
        """Give the changes not told yet; take back what turned out not to be."""
        told = Counter(state.told)
        news = []
        for change, identity in zip(changes, identify(changes), strict=True):
            if told[identity] > 0:
                told[identity] -= 1
            else:
                news.append(change)
        withdrawn = any(identity.kind == "active" and n > 0 for identity, n in told.items())
        if withdrawn and not changes:
            news.append(Change("cleared", self.rule.severity, context.now, None))
        return tuple(self._finding(change, fact, context, state) for change in news)

    def _can_hear(self, context: Context) -> bool:
        """Time decides nothing while the gateway is away or has only just come back.

        Except about the gateway itself, of whose absence the broker tells.
        """
        if self.rule.entity == "gateway":
            return True
        if not context.site.get("gateway_online", True):
            return False
        return context.blind(context.now - _RETRY_MS) == 0

    def _due(self, state: State, context: Context) -> int | None:
        if self.rule.absent_for is not None:
            return self._absence_due(state, context)
        present = copy.copy(state.base)
        self._life.replay(present, state.recent, None)
        times = [time for time in (self._life.due(present),) if time is not None]
        times += [mark.at for mark in state.recent if self.rule.unless is not None]
        if not times:
            return None
        due = min(times) + self.rule.lateness + 1
        return max(due, context.now + (_RETRY_MS if due <= context.now else 1))

    # -- absence ----------------------------------------------------------------------

    def _heard(self, state: State | None, fact: Fact, context: Context) -> Outcome:
        mark = None if fact.retained else self._mark(fact, context)
        if mark is None or mark.signal is not Signal.YES:
            return self._unchanged(state, context)
        before = state or State(key=self.key(fact) or "", heard_at=0)
        first = self._thresholds(context)[0][0]
        if not before.absent_severity and context.now - before.heard_at < absence.grain(first):
            return Outcome(before, due=before.heard_at + first, changed=False)
        findings: tuple[Finding, ...] = ()
        if before.absent_severity:
            change = Change("cleared", before.absent_severity, fact.at, mark)
            findings = (self._finding(change, fact, context, before),)
        after = State(key=before.key, heard_at=context.now, device=fact.device)
        # the earliest it can be: the tick then reckons with blindness and the schedule
        return Outcome(after, findings, context.now + first)

    def _missing(self, state: State, context: Context) -> Outcome:
        severity = self._absent_severity(state, context)
        if severity == 0 or (state.absent_severity and severity >= state.absent_severity):
            return Outcome(state, due=self._absence_due(state, context), changed=False)
        kind = "severity" if state.absent_severity else "active"
        change = Change(kind, severity, context.now, None)
        after = msgspec.structs.replace(state, absent_severity=severity)
        finding = self._finding(change, None, context, state)
        return Outcome(after, (finding,), self._absence_due(after, context))

    def _thresholds(self, context: Context) -> list[tuple[int, int]]:
        rule = self.rule
        assert rule.absent_for is not None  # noqa: S101 - asked of absence rules only
        first = rule.absent_for.threshold(rule.absent_for.hold, context)
        rises = [(int(s.hold), s.severity) for s in rule.steps if s.hold is not None]
        return [(first + absence.grain(first), rule.severity), *rises]

    def _absent_severity(self, state: State, context: Context) -> int:
        """Give the severity the silence has by now, 0 for none or when it cannot be told."""
        rule = self.rule
        assert rule.absent_for is not None  # noqa: S101 - asked of absence rules only
        if self._calendar is not None and not self._calendar.is_open(context.now):
            return 0
        if self._while is not None and not self._holds(self._while, context):
            return 0
        quiet = absence.silence(state.heard_at, context, self._calendar)
        reached = [
            severity
            for threshold, severity in self._thresholds(context)
            if quiet >= threshold and absence.is_covered(rule.absent_for, threshold, context)
        ]
        return min(reached, default=0)

    @staticmethod
    def _holds(condition: Condition, context: Context) -> bool:
        device = {**context.current, **context.attributes}
        return condition.function(_EMPTY, device, context.person, _EMPTY, context.site) is True

    def _absence_due(self, state: State, context: Context) -> int | None:
        left = [
            t
            for t, s in self._thresholds(context)
            if not state.absent_severity or s < state.absent_severity
        ]
        if not left:
            return None
        return absence.due(state.heard_at, min(left), context, self._calendar)

    # -- findings ---------------------------------------------------------------------

    def _device(self, state: State, fact: Fact | None) -> str | None:
        return fact.device if fact is not None else state.device

    def _finding(
        self, change: Change, fact: Fact | None, context: Context, state: State
    ) -> Finding:
        mark = change.mark
        late = context.now - change.at
        patience = self.rule.lateness + 1_000
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
            late_s=late / 1000 if late > patience else 0.0,
            device=(mark.device if mark else None) or self._device(state, fact),
            event_ids=(mark.id,) if mark and mark.id else (),
            values=mark.values if mark else {},
            data=mark.data if mark else {},
        )
