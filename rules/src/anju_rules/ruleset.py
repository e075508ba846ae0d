"""The rules in force, found by what a reading says: a reading meets only those it can match."""

from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from anju_rules.condition import Condition
from anju_rules.engine import CompiledRule
from anju_rules.errors import InvalidRuleError
from anju_rules.facts import Fact
from anju_rules.geography import FROM, HOME_M
from anju_rules.rule import Rule

_Shape = tuple[str, str | None, tuple[str, ...], tuple[str, ...]]
_MOST_SHAPES = 10_000
"""Shapes of readings are the devices' to choose; so many, and the index starts anew."""


def compile_rule(rule: Rule, timezone: str, holidays: Iterable[date] = ()) -> CompiledRule:
    """Make a rule ready to evaluate in one time zone; any number of rule sets may share it.

    Raises:
        InvalidRuleError: a condition does not compile.
    """
    return CompiledRule(rule, ZoneInfo(timezone), frozenset(holidays))


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
        self._by_kind: dict[_Shape, tuple[CompiledRule, ...]] = {}

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
        """Give the rules this reading may change.

        What it depends on (model, event, names of values and data) is looked up once per
        shape of reading: devices say the same few shapes over and over.
        """
        data = fact.data
        shape = (fact.model, fact.event, tuple(fact.values), tuple(data) if data else ())
        found = self._by_kind.get(shape)
        if found is None:
            names = frozenset(fact.values) | frozenset(fact.data)
            found = tuple(
                r for r in self._rules.values() if _may_match(r, fact.model, fact.event, names)
            )
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
