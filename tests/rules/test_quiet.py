"""What a reading says alone, it says whatever else there is to look at."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anju_rules import Context, Fact, Rule, RuleSet, load_library
from anju_rules.fitting import decode
from anju_rules.memory import NEITHER, NO, UNKNOWN, YES

QUIET = (NO, NEITHER, UNKNOWN)
HEAD = "title: {zh: 它, en: It}\nicon: flame\nseverity: 4\nmodels: [box]\n"
NOW = 1_767_225_600_000
CONDITIONS = (
    "m.v >= 10",
    "m.v >= d.most",
    "has(d.most) && m.v > 5",
    "!has(d.most)",
    "has(m.w) && m.w == true",
    'm.v >= 10 && s.home == "in"',
    "m.v >= 10 || p.alone == true",
    "m.w == false",
    "m.v > b.v_p95",
    "!(m.v < d.most)",
    "(d.most > 3 ? m.v : m.u) > 4",
    "m.v + d.most > 12",
)
EXTRAS = (
    "",
    "clear: '{}'\n",
    "for: 10s\nat_once: '{}'\n",
    "unless: {{when: '{}', within: 10s}}\n",
    "sequence: {{after: ['{}'], within: 10s}}\n",
)


def _number() -> st.SearchStrategy[Any]:
    return st.sampled_from([None, 0, 4, 5, 9.5, 10, 12, "much", True])


def _namespace(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), _number() | st.sampled_from(["in", "out"]))


def _rule(text: str) -> Rule:
    return msgspec.convert(yaml.safe_load(f"id: it\n{HEAD}{text}"), Rule, dec_hook=decode)


def _rules() -> st.SearchStrategy[Rule]:
    condition = st.sampled_from(CONDITIONS)
    return st.builds(
        lambda when, extra, other: _rule(f"when: '{when}'\n{extra.format(other)}"),
        condition,
        st.sampled_from(EXTRAS),
        condition,
    )


@settings(max_examples=400, deadline=None)
@given(
    rule=_rules(),
    values=_namespace("u", "v", "w"),
    device=_namespace("most"),
    person=_namespace("alone"),
    site=_namespace("home"),
    usual=_namespace("v_p95"),
)
def test_alone_it_says_the_same_as_with_everything(
    *,
    rule: Rule,
    values: dict[str, Any],
    device: dict[str, Any],
    person: dict[str, Any],
    site: dict[str, Any],
    usual: dict[str, Any],
) -> None:
    compiled = RuleSet([rule]).get("it")
    fact = Fact("a", "box", {"device": "a"}, NOW, NOW, values)
    alone = compiled.alone(fact.said())
    if alone is YES:
        return  # it is asked
    context = Context(NOW, device, {}, person, site, lambda _: 0, lambda _: usual)
    mark = compiled.reader.read(fact, context)
    assert alone == (mark.signal if mark else None)
    assert mark is None or not mark.steps


def test_most_readings_of_a_day_are_quiet_to_the_library() -> None:
    """Or keeping them apart would be of no use."""
    rules = RuleSet(load_library())
    said: list[tuple[str, dict[str, Any]]] = [
        ("pir", {"motion": False, "battery": 80, "rssi": -60}),
        ("climate", {"temperature": 22.5, "humidity": 50, "battery": 90}),
        ("door_contact", {"contact": "closed", "battery": 90, "rssi": -70}),
    ]
    for model, values in said:
        met = rules.meeting(model, None, values, {})
        signals, asks = met.hear("a", model, values)
        assert met.followers, model
        assert signals is not None, model
        assert set(signals) <= {*QUIET, None}, model
        assert not asks, (model, [rule.rule.id for rule in asks])


def test_what_is_kept_of_an_answer_is_of_what_the_rules_look_at() -> None:
    met = RuleSet([_rule("when: m.v >= 10")]).meeting("box", None, {"v": 1, "x": 1}, {})
    for x in range(3):
        assert met.hear("a", "box", {"v": 9, "x": x}).signals == (NO,)
        assert met.hear("a", "box", {"v": 10, "x": x}).signals is None
    by_name = RuleSet([_rule("when: m.device == 'b' && m.v >= 1")])
    met = by_name.meeting("box", None, {"v": 1}, {})
    assert met.hear("a", "box", {"v": 1}).signals == (NO,)
    assert met.hear("b", "box", {"v": 1}).signals is None
