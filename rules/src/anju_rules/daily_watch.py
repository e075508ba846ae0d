"""Watches for what must come once a day: the other side of ``daily``."""

from typing import Any
from zoneinfo import ZoneInfo

from anju_rules.changes import Change
from anju_rules.condition import compile_condition
from anju_rules.facts import Context
from anju_rules.memory import State
from anju_rules.operators import daily
from anju_rules.rule import Rule
from anju_rules.watching import news

_EMPTY: dict[str, Any] = {}
_RECHECK_MS = 60_000
SETTLE_MS = 5 * 60_000
"""A gateway that was away has had this long to hand over what it kept before it is missed."""


class DailyWatch:
    """A daily rule: has word come today? Its interface is that of ``watching.Watch``."""

    def __init__(self, rule: Rule, zone: ZoneInfo) -> None:
        if rule.daily is None:
            raise ValueError(f"rule {rule.id} waits for nothing daily")
        self._daily = rule.daily
        self._severity = rule.severity
        self._rises = [(int(s.hold), s.severity) for s in rule.steps if s.hold is not None]
        self._zone = zone
        text = rule.daily.condition
        self._while = compile_condition(text, rule.params) if text is not None else None

    def first(self, context: Context) -> int:
        """Give how long it is until the next wait is over, in ms."""
        return self._coming(context).by - context.now

    def first_and_grain(self, context: Context) -> tuple[int, int]:
        """Give :meth:`first`; every word is remembered exactly, for it comes once a day."""
        return self.first(context), 0

    def lasts(self, state: State, context: Context) -> bool:
        """Say whether the newest wait that is over was in vain."""
        return state.heard_at < self._last(context).since

    def missing(self, state: State, context: Context) -> Change | None:
        """Give what it has come to mean that no word came, if that is new.

        A day without word is news, also after a day without word: who closed the alert of
        yesterday has not heard of today.
        """
        severity = self._judge(state, context)
        if severity and state.absent_severity and not self._is_said(state, context):
            return Change("active", min(severity, state.absent_severity), context.now, None)
        return news(state, severity, context.now)

    def due(self, state: State, context: Context) -> int:
        """Give when to look again: at the latest when the next wait is over."""
        now, coming = context.now, self._coming(context)
        if not self.lasts(state, context):
            return coming.by
        if not self._is_said(state, context):
            return coming.by if now >= coming.since else min(now + _RECHECK_MS, coming.by)
        rises = [hold for hold, severity in self._rises if severity < state.absent_severity]
        if not rises:
            return coming.by
        at = self._last(context).by + min(rises)
        return min(at if at > now else now + _RECHECK_MS, coming.by)

    def _is_said(self, state: State, context: Context) -> bool:
        """Say whether it was told already that the newest wait was in vain."""
        return state.absent_severity > 0 and state.passed_at >= self._last(context).by

    def _last(self, context: Context) -> daily.Day:
        return daily.last(self._daily, context.person, context.now, self._zone)

    def _coming(self, context: Context) -> daily.Day:
        return daily.coming(self._daily, context.person, context.now, self._zone)

    def _judge(self, state: State, context: Context) -> int:
        """Give the severity it has by now; 0 for none, or when it cannot be told."""
        if not self.lasts(state, context):
            return 0
        if not self._is_said(state, context) and context.now >= self._coming(context).since:
            return 0  # the next day has begun: it is judged by itself
        if not context.site.get("gateway_online", True) or context.blind(context.now - SETTLE_MS):
            return 0
        if self._while is not None:
            device = {**context.current, **context.attributes}
            spaces = (_EMPTY, device, context.person, _EMPTY, context.site)
            if self._while.function(*spaces) is not True:
                return 0
        over = context.now - self._last(context).by
        rises = (severity for hold, severity in self._rises if over >= hold)
        return min(rises, default=self._severity)
