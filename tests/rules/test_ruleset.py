"""Rule sets of several communities share what they have in common."""

from __future__ import annotations

from anju_rules import RuleSet, load_library
from anju_rules.ruleset import compile_rule, is_of

LIBRARY = {rule.id: rule for rule in load_library()}


def test_a_compiled_rule_may_be_of_two_sets() -> None:
    smoke = compile_rule(LIBRARY["smoke"], "Asia/Shanghai")
    battery = compile_rule(LIBRARY["battery-low"], "Asia/Shanghai")
    one, other = RuleSet.sharing([smoke, battery]), RuleSet.sharing([smoke])
    assert one.get("smoke") is other.get("smoke") is smoke
    assert other.find("battery-low") is None


def test_a_rule_about_everything_is_not_about_what_it_leaves_out() -> None:
    silent = compile_rule(LIBRARY["device-silent"], "Asia/Shanghai")
    assert is_of(silent, "pir")
    assert not is_of(silent, "door")
