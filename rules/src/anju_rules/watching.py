"""Watches an entity that should be heard of: the other side of ``absent_for``."""

from typing import Any

from anju_rules.changes import Change
from anju_rules.condition import compile_condition
from anju_rules.facts import Context
from anju_rules.memory import State
from anju_rules.operators import absence
from anju_rules.operators.schedule import Calendar
from anju_rules.rule import Rule

_EMPTY: dict[str, Any] = {}


class Watch:
    """An absence rule: how long its entity has been silent, and what that means."""

    def __init__(self, rule: Rule, calendar: Calendar | None) -> None:
        if rule.absent_for is None:
            raise ValueError(f"rule {rule.id} watches nothing")
        self._absence = rule.absent_for
        self._severity = rule.severity
        self._rises = [(int(s.hold), s.severity) for s in rule.steps if s.hold is not None]
        self._calendar = calendar
        text = rule.absent_for.condition
        self._while = compile_condition(text, rule.params) if text is not None else None

    def first(self, context: Context) -> int:
        """Give the least silence that rings, in ms."""
        return self.first_and_grain(context)[0]

    def first_and_grain(self, context: Context) -> tuple[int, int]:
        """Give the least silence that rings, and how exactly the last word is remembered, in ms."""
        own = self._absence.threshold(context)
        exactly = absence.grain(own)
        return own + exactly, exactly

    def missing(self, state: State, context: Context) -> Change | None:
        """Give what the silence has come to mean, if that is new."""
        severity = self._judge(state, context)
        if severity == 0 or (state.absent_severity and severity >= state.absent_severity):
            return None
        kind = "severity" if state.absent_severity else "active"
        return Change(kind, severity, context.now, None)

    def due(self, state: State, context: Context) -> int | None:
        """Give when the silence may mean more."""
        left = [
            threshold
            for threshold, severity in self._steps(context)
            if not state.absent_severity or severity < state.absent_severity
        ]
        if not left:
            return None
        return absence.due(state.heard_at, min(left), context, self._calendar)

    def _steps(self, context: Context) -> list[tuple[int, int]]:
        return [(self.first(context), self._severity), *self._rises]

    def _judge(self, state: State, context: Context) -> int:
        """Give the severity the silence has by now; 0 for none, or when it cannot be told."""
        if self._calendar is not None and not self._calendar.is_open(context.now):
            return 0
        if self._while is not None:
            device = {**context.current, **context.attributes}
            spaces = (_EMPTY, device, context.person, _EMPTY, context.site)
            if self._while.function(*spaces) is not True:
                return 0
        expected, could = absence.silence(state.heard_at, context, self._calendar)
        if not absence.is_covered(self._absence, expected, could, context):
            return 0
        return min((s for threshold, s in self._steps(context) if could >= threshold), default=0)
