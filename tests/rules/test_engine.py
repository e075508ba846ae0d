"""The engine's promises: order, duplicates and restarts change nothing; lateness is honest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju_rules import (
    CompiledRule,
    Context,
    Fact,
    Finding,
    InvalidRuleError,
    Rule,
    RuleSet,
    load_library,
)
from anju_rules.loading import read_rules
from anju_rules.memory import State

START = 1_767_225_600_000
LIBRARY = {rule.id: rule for rule in load_library()}


def context(now: int, **site: Any) -> Context:
    return Context(
        now=now,
        attributes={},
        current={},
        person={},
        site={"gateway_online": True, "armed": True, **site},
        blind=lambda _: 0,
    )


class World:
    """One rule, one entity, a clock of our own."""

    def __init__(self, rule: Rule, *, restart: bool = False) -> None:
        self.rule: CompiledRule = RuleSet([rule]).get(rule.id)
        self.state: State | None = None
        self.due: int | None = None
        self.restart = restart
        self.findings: list[Finding] = []

    def take(self, outcome: Any) -> None:
        self.state, self.due = outcome.state, outcome.due
        self.findings += outcome.findings
        if self.restart and self.state is not None:
            self.state = self.rule.load(self.rule.dump(self.state))

    def read(self, fact: Fact) -> None:
        self.pass_time(fact.received_at)
        self.take(self.rule.step(self.state, fact, context(fact.received_at)))

    def pass_time(self, until: int) -> None:
        while self.due is not None and self.due <= until:
            assert self.state is not None
            self.take(self.rule.tick(self.state, context(self.due)))


def door(at: int, received: int, what: str, number: int) -> Fact:
    values = (
        {"door_state": {"opened": "open", "closed": "closed"}[what]}
        if what in {"opened", "closed"}
        else {}
    )
    return Fact(
        device="door-1",
        model="door",
        entities={"device": "door-1"},
        at=at,
        received_at=received,
        values=values,
        event=what,
        id=f"e{number}",
    )


def alerts(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    return sorted((str(f.kind), f.severity) for f in findings)


ACTS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 9_000), st.integers(0, 60)),  # tenths of a second, event time
        st.sampled_from(["opened", "closed", "access_granted", "access_denied"]),
        st.integers(0, 49),  # tenths of a second until it arrives
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda act: act[0],
)
RULES = st.sampled_from(["door-held-open", "door-forced", "door-denials"])


def play(rule: Rule, facts: Sequence[Fact], *, restart: bool = False) -> list[Finding]:
    world = World(rule, restart=restart)
    for fact in facts:
        world.read(fact)
    world.pass_time(START + 10_000_000)
    return world.findings


def facts_of(acts: Sequence[tuple[int, str, int]], most: int, lag: int = 0) -> list[Fact]:
    """Give the acts as they arrive: each delayed, at most by ``most`` ms, and all by ``lag``."""
    facts = [
        door(START + at * 100, START + at * 100 + lag + min(delay * 100, most), what, n)
        for n, (at, what, delay) in enumerate(acts)
    ]
    return sorted(facts, key=lambda fact: (fact.received_at, fact.at))


@given(acts=ACTS, name=RULES, lag=st.sampled_from([0, 3_000, -20_000]))
@settings(max_examples=400, deadline=None)
def test_alerts_do_not_depend_on_the_order_of_arrival_within_the_lateness(
    acts: list[tuple[int, str, int]], name: str, lag: int
) -> None:
    rule = LIBRARY[name]
    in_order = facts_of(acts, most=0, lag=lag)
    shuffled = facts_of(acts, most=int(rule.lateness) - 1, lag=lag)
    assert alerts(play(rule, shuffled)) == alerts(play(rule, in_order))


@given(acts=ACTS, name=RULES)
@settings(max_examples=150, deadline=None)
def test_alerts_do_not_depend_on_duplicates(acts: list[tuple[int, str, int]], name: str) -> None:
    once = facts_of(acts, most=0)
    twice = [copy for fact in once for copy in (fact, fact)]
    assert alerts(play(LIBRARY[name], twice)) == alerts(play(LIBRARY[name], once))


@given(acts=ACTS, name=RULES)
@settings(max_examples=150, deadline=None)
def test_alerts_do_not_depend_on_restarts(acts: list[tuple[int, str, int]], name: str) -> None:
    facts = facts_of(acts, most=4_900)
    assert play(LIBRARY[name], facts, restart=True) == play(LIBRARY[name], facts)


@given(acts=ACTS, name=RULES)
@settings(max_examples=150, deadline=None)
def test_an_alert_is_active_before_it_clears(acts: list[tuple[int, str, int]], name: str) -> None:
    facts = facts_of(acts, most=4_900)
    active = False
    for finding in play(LIBRARY[name], facts):
        if finding.kind == "cleared":
            assert active
        active = finding.kind != "cleared"


def test_a_late_reading_never_clears_a_newer_state() -> None:
    world = World(LIBRARY["smoke"])
    for at, arrives, alarm in ((60, 60, True), (30, 65, False)):
        world.read(
            Fact(
                device="s",
                model="smoke_alarm",
                entities={"device": "s"},
                at=START + at * 1000,
                received_at=START + arrives * 1000,
                values={"alarm": alarm},
            )
        )
    world.pass_time(START + 600_000)
    assert [str(f.kind) for f in world.findings] == ["active"]


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidRuleError, match="given twice"):
        RuleSet([LIBRARY["smoke"], LIBRARY["smoke"]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("severity: 7", r"severity"),
        ("for: soon", r"'soon' is not a duration"),
        ("wen: m.x", r"unknown key 'wen'; did you mean 'when'"),
        ("clear: m.x >", r"clear: expected a value, found the end"),
        ("for: params.hold", r"no parameter 'hold'"),
        ("schedule: {hours: '25:00-26:00'}", r"expected HH:MM-HH:MM"),
        ("steps: [{severity: 1}]", r"exactly one of for, n and when"),
        ("count: {n: 0, within: 5m}", r"count"),
        ("lateness: 10m\nunless: {when: m.temperature < 9, within: 5s}", r"less than late"),
    ],
)
def test_a_wrong_rule_is_refused_with_file_rule_and_key(change: str, message: str) -> None:
    text = (
        "id: hot\ntitle: {zh: 热, en: Hot}\nicon: flame\nmodels: [climate]\n"
        "when: m.temperature > 35\n"
        + ("severity: 3\n" if "severity: 7" not in change else "")
        + change
    )
    with pytest.raises(InvalidRuleError, match=message) as caught:
        read_rules(text, "hot.yaml")
    line = 7 if "severity: 7" not in change else 6
    assert str(caught.value).startswith(f"hot.yaml:{line}:")
    assert ": rule 'hot': " in str(caught.value)


def test_a_reading_meets_only_the_rules_it_can_match() -> None:
    rules = RuleSet(LIBRARY.values())
    pressed = Fact("b", "sos_button", {"device": "b"}, START, START, {}, event="pressed")
    found = {rule.rule.id for rule in rules.matching(pressed)}
    assert "sos-pressed" in found
    assert not found & {"battery-low", "smoke", "door-forced"}


def test_a_key_given_twice_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidRuleError, match=r"hot.yaml:3:1: the key 'when' is given twice"):
        read_rules("id: hot\nwhen: m.a > 1\nwhen: m.a > 2\n", "hot.yaml")
