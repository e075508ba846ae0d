"""What one reading says to one rule: its conditions, met with everything they may look at."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from anju_rules.condition import Condition, compile_condition
from anju_rules.facts import Context, Fact
from anju_rules.geography import FROM, HOME_M, home_m
from anju_rules.memory import CONFIRM, EXCUSE, NEITHER, NO, STEP, UNKNOWN, YES, Mark, Signal, Spot
from anju_rules.numbers import is_number
from anju_rules.rule import Rule

_Spaces: TypeAlias = tuple[Mapping[str, Any], ...]
_EMPTY: dict[str, Any] = {}
_NO_VALUES = (_EMPTY, _EMPTY)
_NOTHING = (_EMPTY,) * 5
_HOUR_MS = 3_600_000
_QUIET = (NO, NEITHER, UNKNOWN, EXCUSE)


class Reader:
    """A rule's conditions about readings."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._when = compile_condition(rule.when, rule.params)
        self._holds = self._when.function
        self._clear = self._compile(rule.clear)
        self._at_once = self._compile(rule.at_once)
        self._excuse = self._compile(rule.unless.when if rule.unless else None)
        after = rule.sequence.after if rule.sequence else ()
        self._after = [compile_condition(text, rule.params) for text in after]
        self._levels = [
            (step.severity, compile_condition(step.when, rule.params))
            for step in rule.steps
            if step.when is not None
        ]
        self._value = _value_name(rule)
        self.is_pulse = self._when.events is not None
        self.accepts_all = not self._when.reads and self._when.function(*_NOTHING) is True
        self._mentioned = self._when.names("m") - {"event", "device", "model"}
        every = [*self.conditions(), *(condition for _, condition in self._levels)]
        self._reads_device = any(condition.names("d") for condition in every)
        self._reads_home_m = any(HOME_M in condition.names("m") for condition in every)
        self._reads_baseline = any(condition.names("b") for condition in every)
        self._reads_quiet = any("quiet_h" in condition.names("s") for condition in every)
        self._is_plain = not (
            self._reads_device or self._reads_home_m or self._reads_baseline or self._reads_quiet
        )
        others = (self._excuse, self._at_once, *self._after)
        self._others = [(c.function, c.reads_more) for c in others if c is not None]
        self._when_reads_more = self._when.reads_more
        self._speaks_alone = (
            not self._reads_home_m
            and all(condition.can_be_told_early for condition in self.conditions())
            and not (self._clear is not None and self._clear.reads_more)
        )

    def _compile(self, text: str | None) -> Condition | None:
        return compile_condition(text, self._rule.params) if text is not None else None

    def conditions(self) -> list[Condition]:
        """Give every condition a reading may meet first of all."""
        every = (self._when, self._clear, self._at_once, self._excuse, *self._after)
        return [condition for condition in every if condition is not None]

    def read(
        self, fact: Fact, context: Context, said: Mapping[str, Any] | None = None
    ) -> Mark | None:
        """Give what this reading says, or nothing; ``said`` is ``fact.said()`` if it is known."""
        spaces = self._spaces(fact, context, said)
        signal = self._signal(spaces)
        at_once = False
        steps: tuple[int, ...] = ()
        if self._at_once is not None:
            at_once = self._at_once.function(*spaces) is True
            if at_once and signal is not YES:
                signal = CONFIRM
        if self._after:
            steps = self._steps(spaces)
            if signal is None and steps:
                signal = STEP
        if signal is None:
            return None
        if signal in _QUIET and not steps:
            # what merely passes by is not shown to anybody: it is kept without its values
            return Mark(
                fact.at,
                signal,
                fact.received_at,
                device=fact.device,
                values=_EMPTY,
                data=_EMPTY,
            )
        shown = _NO_VALUES if signal in _QUIET else (dict(fact.values), dict(fact.data))
        return Mark(
            fact.at,
            signal,
            fact.received_at,
            at_once=at_once,
            id=fact.id,
            device=fact.device,
            values=shown[0],
            data=shown[1],
            value=spaces[0].get(self._value) if self._value is not None else None,
            spot=_spot(context) if self._rule.travel is not None else None,
            steps=steps,
            level=self._level(spaces) if self._levels else 0,
        )

    def alone(self, said: Mapping[str, Any]) -> Signal | None:
        """Give what a reading says whatever else there is to look at; ``said`` is ``fact.said()``.

        YES stands for all that is not quiet, and for what depends on more than the reading.
        """
        spaces = (said, _EMPTY, _EMPTY, _EMPTY, _EMPTY)
        verdict = self._holds(*spaces)
        if verdict is True or (verdict is None and self._when_reads_more) or not self._speaks_alone:
            return YES
        for function, reads_more in self._others:
            other = function(*spaces)
            if other is True or (other is None and reads_more):
                return YES
        return self._quiet(verdict, spaces)

    def accepts(self, fact: Fact, context: Context, said: Mapping[str, Any] | None = None) -> bool:
        """Say whether ``when`` is true: all an absence rule asks of a reading."""
        return self._holds(*self._spaces(fact, context, said)) is True

    def _spaces(self, fact: Fact, context: Context, said: Mapping[str, Any] | None) -> _Spaces:
        """Give what conditions may look at: ``m``, ``d``, ``p``, ``b``, ``s``."""
        if said is None:
            said = fact.said()
        if self._is_plain:
            return (said, _EMPTY, context.person, _EMPTY, context.site)
        if self._reads_home_m and said.keys() >= FROM:
            said = {**said, HOME_M: home_m(said, context.attributes)}
        device = {**context.current, **context.attributes} if self._reads_device else _EMPTY
        usual = context.baseline(fact.at) if self._reads_baseline else _EMPTY
        site = _as_of(fact, context) if self._reads_quiet else context.site
        return (said, device, context.person, usual, site)

    def _signal(self, spaces: _Spaces) -> Signal | None:
        if self._excuse is not None and self._excuse.function(*spaces) is True:
            return EXCUSE
        verdict = self._holds(*spaces)
        return YES if verdict is True else self._quiet(verdict, spaces)

    def _quiet(self, verdict: bool | None, spaces: _Spaces) -> Signal | None:
        """Give what a reading says of which ``when`` is false or unknown."""
        if self._clear is not None:
            if self._clear.function(*spaces) is True:
                return NO
            if verdict is False and not self.is_pulse:
                return NEITHER
        elif verdict is False and not self.is_pulse:
            return NO
        # a reading that does not speak of this at all says nothing; one that should, "unknown"
        return None if self.is_pulse or self._mentioned.isdisjoint(spaces[0]) else UNKNOWN

    def _steps(self, spaces: tuple[Any, ...]) -> tuple[int, ...]:
        after = enumerate(self._after)
        return tuple(number for number, step in after if step.function(*spaces) is True)

    def _level(self, spaces: tuple[Any, ...]) -> int:
        true = (severity for severity, when in self._levels if when.function(*spaces) is True)
        return min(true, default=0)


def _as_of(fact: Fact, context: Context) -> Mapping[str, Any]:
    """Give ``s.*`` with the quiet there was when the reading was made.

    Of what is told late the signs that came after it are still to be told.
    """
    quiet, late_ms = context.site.get("quiet_h"), context.now - fact.at
    if late_ms <= 0 or not is_number(quiet):
        return context.site
    return {**context.site, "quiet_h": max(0, round(quiet * _HOUR_MS) - late_ms) / _HOUR_MS}


def _value_name(rule: Rule) -> str | None:
    if rule.distinct is not None:
        return rule.distinct.of
    return rule.rate.of if rule.rate is not None else rule.hold_from


def _spot(context: Context) -> Spot | None:
    """Give where the device stands on the site plan, in metres."""
    x, y = context.attributes.get("x"), context.attributes.get("y")
    if is_number(x) and is_number(y):
        return (float(x), float(y))
    return None
