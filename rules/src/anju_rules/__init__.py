"""What readings mean: a pure rule kernel in event time, and the built-in rule library."""

from anju_rules.condition import Condition, compile_condition
from anju_rules.engine import CompiledRule
from anju_rules.errors import ConditionError, InvalidRuleError, RuleError
from anju_rules.facts import Context, Fact, Finding, FindingKind, Outcome
from anju_rules.loading import load_library, load_rules
from anju_rules.memory import Moment, Signal
from anju_rules.rule import Rule
from anju_rules.ruleset import Meeting, RuleSet
from anju_rules.trials import Trial, run_trials

__all__ = [
    "CompiledRule",
    "Condition",
    "ConditionError",
    "Context",
    "Fact",
    "Finding",
    "FindingKind",
    "InvalidRuleError",
    "Meeting",
    "Moment",
    "Outcome",
    "Rule",
    "RuleError",
    "RuleSet",
    "Signal",
    "Trial",
    "compile_condition",
    "load_library",
    "load_rules",
    "run_trials",
]
