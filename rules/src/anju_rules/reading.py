"""What one reading says to one rule: its conditions, met with everything they may look at."""

from typing import Any

from anju_rules.condition import Condition, compile_condition
from anju_rules.facts import Context, Fact
from anju_rules.memory import Mark, Signal
from anju_rules.rule import Rule

_EMPTY: dict[str, Any] = {}
_QUIET = {Signal.NO, Signal.NEITHER, Signal.UNKNOWN, Signal.EXCUSE}


class Reader:
    """A rule's conditions about readings."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._when = compile_condition(rule.when, rule.params)
        self._clear = self._compile(rule.clear)
        self._at_once = self._compile(rule.at_once)
        self._excuse = self._compile(rule.unless.when if rule.unless else None)
        self.is_pulse = self._when.events is not None
        self._mentioned = self._when.names("m") - {"event", "device", "model"}
        self._reads_baseline = any(condition.names("b") for condition in self.conditions())

    def _compile(self, text: str | None) -> Condition | None:
        return compile_condition(text, self._rule.params) if text is not None else None

    def conditions(self) -> list[Condition]:
        """Give every condition a reading may meet."""
        every = (self._when, self._clear, self._at_once, self._excuse)
        return [condition for condition in every if condition is not None]

    def read(self, fact: Fact, context: Context) -> Mark | None:
        """Give what this reading says, or nothing."""
        said = {**fact.values, **fact.data, "device": fact.device, "model": fact.model}
        if fact.event is not None:
            said["event"] = fact.event
        device = {**context.current, **context.attributes}
        usual = context.baseline(fact.at) if self._reads_baseline else _EMPTY
        spaces = (said, device, context.person, usual, context.site)
        at_once = self._at_once is not None and self._at_once.function(*spaces) is True
        signal = self._signal(said, spaces)
        if at_once and signal is not Signal.YES:
            signal = Signal.CONFIRM
        if signal is None:
            return None
        if signal in _QUIET:
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
        verdict = self._when.function(*spaces)
        if verdict is True:
            return Signal.YES
        if self._clear is not None and self._clear.function(*spaces) is True:
            return Signal.NO
        if self.is_pulse:
            return None
        if verdict is False:
            return Signal.NO if self._clear is None else Signal.NEITHER
        # a reading that does not speak of this at all says nothing; one that should, "unknown"
        return Signal.UNKNOWN if self._mentioned & said.keys() else None
