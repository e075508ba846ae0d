"""Watches an entity that should be heard of: the other side of ``absent_for``."""

from typing import Any, NamedTuple

from anju_rules.changes import Change
from anju_rules.condition import compile_condition
from anju_rules.facts import Context
from anju_rules.memory import State
from anju_rules.numbers import is_number
from anju_rules.operators import absence
from anju_rules.operators.schedule import Calendar
from anju_rules.rule import Rule

_EMPTY: dict[str, Any] = {}
_HOUR_MS = 3_600_000
_MOST_KNOWN = 1_000


class _Silence(NamedTuple):
    """A silence as the rule counts it.

    ``began`` in epoch ms; ``steps`` are (ms of silence, severity); only hours of ``counts``
    count (None: all), and it rings only in hours of ``rings``.
    """

    began: int
    steps: list[tuple[int, int]]
    counts: Calendar | None
    rings: Calendar | None


def news(state: State, severity: int, now: int) -> Change | None:
    """Give the change to this severity (0: none), if it is worse than what was said before."""
    if severity == 0 or (state.absent_severity and severity >= state.absent_severity):
        return None
    kind = "severity" if state.absent_severity else "active"
    return Change(kind, severity, now, None)


class Watch:
    """An absence rule: how long its entity has been silent, and what that means."""

    def __init__(self, rule: Rule, calendar: Calendar | None) -> None:
        if rule.absent_for is None:
            raise ValueError(f"rule {rule.id} watches nothing")
        self._absence = rule.absent_for
        self._learned = rule.absent_for.learned
        self._severity = rule.severity
        self._rises = [(int(s.hold), s.times, s.severity) for s in rule.steps if s.hold is not None]
        self._calendar = calendar
        text = rule.absent_for.condition
        self._while = compile_condition(text, rule.params) if text is not None else None
        self._known: dict[int | None, tuple[int, int]] = {}
        self._reads_baseline = self._while is not None and bool(self._while.names("b"))

    def first(self, context: Context) -> int:
        """Give the least silence that rings, in ms; what is learned may ask for more."""
        return self.first_and_grain(context)[0]

    def first_and_grain(self, context: Context) -> tuple[int, int]:
        """Give the least silence that rings, and how exactly the last word is remembered, in ms."""
        interval = self._absence.interval
        own = context.attributes.get(interval) if interval is not None else None
        if own is not None and type(own) is not int:
            return self._work_out(context)
        # devices of one model have one interval: what follows from it is worked out once
        known = self._known.get(own)
        if known is None:
            known = self._work_out(context)
            if len(self._known) < _MOST_KNOWN:
                self._known[own] = known
        return known

    def _work_out(self, context: Context) -> tuple[int, int]:
        least = self._least(context)
        return least + absence.grain(least), absence.grain(least)

    def missing(self, state: State, context: Context) -> Change | None:
        """Give what the silence has come to mean, if that is new."""
        return news(state, self._judge(state, context), context.now)

    def due(self, state: State, context: Context) -> int | None:
        """Give when the silence may mean more."""
        silence = self._silence(state, context)
        left = [
            threshold
            for threshold, severity in silence.steps
            if not state.absent_severity or severity < state.absent_severity
        ]
        if not left:
            return None
        at = absence.due(silence.began, min(left), context, silence.counts)
        if silence.rings is not None and not silence.rings.is_open(at):
            return silence.rings.after(at, 1)
        return at

    def _least(self, context: Context) -> int:
        fixed = self._absence.threshold(context)
        return fixed if self._learned is None else min(fixed, int(self._learned.least))

    def _silence(self, state: State, context: Context) -> _Silence:
        """Give how this silence is counted: by what is learned, or by what is fixed."""
        began, learned = state.heard_at, self._learned
        if learned is not None:
            # a home's own signs end its silence, also those that are not of this rule's devices
            quiet_h = context.site.get("quiet_h")
            if is_number(quiet_h):
                began = max(began, context.now - round(quiet_h * _HOUR_MS))
            own = self._absence.usual_threshold(began, context)
            if own is not None:
                steps = [(own + absence.grain(own), self._severity)]
                # a fixed step must not come before what is usual
                steps += [
                    (max(hold, own) if times is None else round(own * times), severity)
                    for hold, times, severity in self._rises
                ]
                return _Silence(began, steps, None, None if learned.all_hours else self._calendar)
        own = self._absence.threshold(context)
        steps = [(own + absence.grain(own), self._severity)]
        steps += [(hold, severity) for hold, _, severity in self._rises]
        return _Silence(began, steps, self._calendar, self._calendar)

    def _judge(self, state: State, context: Context) -> int:
        """Give the severity the silence has by now; 0 for none, or when it cannot be told."""
        silence = self._silence(state, context)
        if silence.rings is not None and not silence.rings.is_open(context.now):
            return 0
        if self._while is not None:
            device = {**context.current, **context.attributes}
            usual = context.baseline(context.now) if self._reads_baseline else _EMPTY
            spaces = (_EMPTY, device, context.person, usual, context.site)
            if self._while.function(*spaces) is not True:
                return 0
        expected, could = absence.silence(silence.began, context, silence.counts)
        if not absence.is_covered(self._absence, expected, could, context):
            return 0
        return min((s for threshold, s in silence.steps if could >= threshold), default=0)
