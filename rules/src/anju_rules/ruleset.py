"""The rules in force, found by what a reading says: a reading meets only those it can match."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from anju_rules.condition import Condition
from anju_rules.engine import CompiledRule
from anju_rules.errors import InvalidRuleError
from anju_rules.facts import Fact
from anju_rules.geography import FROM, HOME_M
from anju_rules.memory import YES, Signal
from anju_rules.rule import Rule

_Shape = tuple[str, str | None, tuple[str, ...], tuple[str, ...]]
_MOST_KNOWN = 1_000
"""So many answers are kept for a shape; then it begins anew, unless few were asked for twice."""
_MOST_SHAPES = 10_000
"""Shapes of readings are the devices' to choose; so many, and the index starts anew."""


def compile_rule(rule: Rule, timezone: str, holidays: Iterable[date] = ()) -> CompiledRule:
    """Make a rule ready to evaluate in one time zone; any number of rule sets may share it.

    Raises:
        InvalidRuleError: a condition does not compile.
    """
    return CompiledRule(rule, ZoneInfo(timezone), frozenset(holidays))


class Heard(NamedTuple):
    """What the values of a reading say to the rules it meets, whatever else there is.

    ``signals`` to each of ``Meeting.own``; None where one of them is not quiet. ``asks`` are
    the others that must be asked.
    """

    signals: tuple[Signal | None, ...] | None
    asks: tuple[CompiledRule, ...]


class Meeting:
    """The rules that readings of one shape meet, by what a quiet one may ask of them.

    ``own`` are told by their device alone (``CompiledRule.is_of_device``); readings this far
    apart (``lateness_ms``) none of them puts in order. ``followers`` only wait for any word of
    the device (``follows_device``), that is not older than ``late_ms``. ``others`` must be
    asked at each reading that may say something to them.
    """

    def __init__(self, rules: Sequence[CompiledRule], names: Sequence[str]) -> None:
        self.rules = tuple(rules)
        self.followers = tuple(rule for rule in rules if rule.follows_device)
        self.late_ms = self.followers[0].late_ms if self.followers else 0
        self.own = tuple(rule for rule in rules if rule.is_of_device)
        self.lateness_ms = max((rule.lateness_ms for rule in self.own), default=0)
        taken = {*self.own, *self.followers}
        self.others = tuple(rule for rule in rules if rule not in taken)
        read = {name for rule in rules for c in rule.reader.conditions() for name in c.names("m")}
        self._asked = (
            itemgetter(*(name for name in names if name in read)) if read & set(names) else None
        )
        self._keeps = "device" not in read
        self._known: dict[Any, Heard] = {}
        self._repeats = 0

    def hear(self, device: str, model: str, values: Mapping[str, Any]) -> Heard:
        """Give what checked values of a device of this model say, without an event or data.

        Most devices say the same over and over: the answers are kept by what the rules look
        at, as long as that is so.
        """
        key = self._asked(values) if self._asked is not None else None
        heard = self._known.get(key)
        if heard is not None:
            self._repeats += 1
            return heard
        heard = self._ask({**values, "device": device, "model": model})
        if self._keeps:
            self._keep(key, heard)
        return heard

    def _keep(self, key: Any, heard: Heard) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._keeps = self._repeats > _MOST_KNOWN
            self._known.clear()
            self._repeats = 0
        self._known[key] = heard

    def _ask(self, said: Mapping[str, Any]) -> Heard:
        signals = tuple(rule.alone(said) for rule in self.own)
        asks = tuple(rule for rule in self.others if rule.alone(said) is not None)
        return Heard(None if YES in signals else signals, asks)


class RuleSet:
    """Compiled rules of one community: one time zone, one holiday list.

    Raises:
        InvalidRuleError: two rules share an id, or a condition does not compile.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        timezone: str = "Asia/Shanghai",
        holidays: Iterable[date] = (),
    ) -> None:
        zone, days = ZoneInfo(timezone), frozenset(holidays)
        self._rules: dict[str, CompiledRule] = {}
        for rule in rules:
            if rule.id in self._rules:
                raise InvalidRuleError(f"rule {rule.id!r} is given twice")
            self._rules[rule.id] = CompiledRule(rule, zone, days)
        self._by_kind: dict[_Shape, Meeting] = {}

    @classmethod
    def sharing(cls, compiled: Iterable[CompiledRule]) -> "RuleSet":
        """Make a set of rules that are compiled already, and may be of other sets too."""
        found = cls(())
        found._rules = {rule.rule.id: rule for rule in compiled}
        return found

    def find(self, rule_id: str) -> CompiledRule | None:
        """Give a rule by its id, or nothing when no such rule is in force."""
        return self._rules.get(rule_id)

    def get(self, rule_id: str) -> CompiledRule:
        """Give a rule by its id.

        Raises:
            InvalidRuleError: no such rule is in force.
        """
        try:
            return self._rules[rule_id]
        except KeyError:
            raise InvalidRuleError(f"no rule {rule_id!r} is in force") from None

    def matching(self, fact: Fact) -> Sequence[CompiledRule]:
        """Give the rules this reading may change."""
        return self.meeting(fact.model, fact.event, fact.values, fact.data).rules

    def meeting(
        self, model: str, event: str | None, values: Mapping[str, Any], data: Mapping[str, Any]
    ) -> Meeting:
        """Give the rules that a reading of a device of this model may change.

        What it depends on (model, event, names of values and data) is looked up once per
        shape of reading: devices say the same few shapes over and over.
        """
        shape = (model, event, tuple(values), tuple(data) if data else ())
        found = self._by_kind.get(shape)
        if found is None:
            names = frozenset(values) | frozenset(data)
            rules = [r for r in self._rules.values() if _may_match(r, model, event, names)]
            found = Meeting(rules, tuple(values))
            if len(self._by_kind) > _MOST_SHAPES:
                self._by_kind.clear()
            self._by_kind[shape] = found
        return found

    def watching(self, model: str) -> Sequence[CompiledRule]:
        """Give the absence rules that watch a device of this model from its first moment."""
        return [r for r in self._rules.values() if r.rule.waits_for_word and is_of(r, model)]


def is_of(rule: CompiledRule, model: str) -> bool:
    """Tell whether a rule is about devices of this model."""
    named = rule.rule.models
    return model in named or ("*" in named and model not in rule.rule.except_models)


def _may_match(rule: CompiledRule, model: str, event: str | None, names: frozenset[str]) -> bool:
    if not is_of(rule, model):
        return False
    return any(_may_hold(condition, event, names) for condition in rule.reader.conditions())


def _may_hold(condition: Condition, event: str | None, names: frozenset[str]) -> bool:
    if condition.events is not None:
        return event in condition.events
    mentioned = condition.names("m")
    if HOME_M in mentioned:
        mentioned |= FROM
    if not mentioned - {"device", "model"}:
        return True
    return bool(mentioned & names) or ("event" in mentioned and event is not None)
