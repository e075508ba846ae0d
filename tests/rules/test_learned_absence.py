"""A learned absence rings when it should: its ticks against looking every minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju_rules import Context, Fact, FindingKind, InvalidRuleError
from anju_rules.loading import read_rules
from anju_rules.ruleset import RuleSet

ZONE = ZoneInfo("Asia/Shanghai")
START = 1_767_225_600_000
"""2026-01-01 08:00 in Shanghai."""
MINUTE, HOUR = 60_000, 3_600_000
END_MINUTES = 3 * 1440
OPEN_H = range(6, 22)

RULE = """
id: quiet-home
title: {{zh: 无活动, en: Quiet home}}
icon: walk
severity: 3
models: [pir]
entity: household
when: m.motion == true
absent_for:
  for: 6h
  while: s.home == "in"
  learned: {{factor: 1.5, plus: 10m, least: 1h, most: 12h, all_hours: {always}}}
schedule: {{hours: "06:00-22:00"}}
steps: [{{severity: 2, for: 10h, times: 2}}]
"""


@dataclass
class Life:
    """What happens, minutes since START: signs, times nothing could be heard or nobody was in.

    ``usual`` is b.silence_p95 by the hour of the day, None where it is not known.
    """

    signs: list[int]
    blind: list[tuple[int, int]]
    out: list[tuple[int, int]]
    usual: list[float | None]
    always: bool
    looks: int = 0

    def __post_init__(self) -> None:
        """Add up, for each half minute, what was heard: of all hours, and of open ones."""
        self.heard, self.heard_open = [0], [0]
        for half in range(2 * END_MINUTES + 2):
            heard = not is_in(self.blind, half / 2)
            self.heard.append(self.heard[-1] + heard)
            self.heard_open.append(self.heard_open[-1] + (heard and hour_of(half / 2) in OPEN_H))

    # -- the kernel, by its timers ---------------------------------------------------------

    def play(self) -> list[tuple[float, int]]:
        """Give (minute, severity) of all that rings."""
        (rule,) = read_rules(RULE.format(always=str(self.always).lower()), "test")
        rules = RuleSet([rule], timezone=str(ZONE))
        compiled = rules.get(rule.id)
        outcome = compiled.start("home", self.context(START), "pir")
        rung = list(outcome.findings)
        for sign in [*self.signs, END_MINUTES]:
            until = START + sign * MINUTE
            while outcome.due is not None and outcome.due < until:
                assert self.looks < 2 * END_MINUTES
                self.looks += 1
                now = outcome.due
                outcome = compiled.tick(outcome.state, self.context(now))
                assert outcome.due is None or outcome.due > now
                rung += outcome.findings
            values = {"motion": True}
            fact = Fact("pir", "pir", {"household": "home"}, until, until, values)
            outcome = compiled.step(outcome.state, fact, self.context(until))
        kinds = {FindingKind.active, FindingKind.severity}
        return [((f.at - START) / MINUTE, f.severity) for f in rung if f.kind in kinds]

    def context(self, now: int) -> Context:
        minute = (now - START) / MINUTE
        apart = merged(self.blind)

        def blind(since: int) -> int:
            begin = (since - START) / MINUTE
            return round(sum(max(0, min(e, minute) - max(b, begin)) for b, e in apart) * MINUTE)

        def usual(at: int) -> dict[str, Any]:
            p95 = self.usual[datetime.fromtimestamp(at / 1000, ZONE).hour]
            return {"silence_days": 28} if p95 is None else {"silence_p95": p95}

        online = not is_in(self.blind, minute)
        home = "out" if is_in(self.out, minute) else "in"
        return Context(now, {}, {}, {}, {"home": home, "gateway_online": online}, blind, usual)

    # -- the same by looking every minute, in minutes and nothing else ---------------------

    def brute(self) -> list[tuple[float, int]]:
        rung: list[tuple[float, int]] = []
        began, severity = 0, 0
        for half in range(2 * END_MINUTES):
            if half % 2 == 0 and half // 2 in self.signs:
                began, severity = half, 0
                continue
            found = self.judged(began, half)
            if found and (severity == 0 or found < severity):
                severity = found
                rung.append((half / 2, found))
        return rung

    def judged(self, began: int, half: int) -> int:
        """Give the severity of a silence that began then, both in half minutes; 0 for none."""
        p95 = self.usual[hour_of(began / 2)]
        if is_in(self.blind, half / 2) or is_in(self.out, half / 2):
            return 0
        if hour_of(half / 2) not in OPEN_H and (p95 is None or not self.always):
            return 0
        if p95 is None:
            heard, own, step = self.heard_open[half] - self.heard_open[began], 720.0, 1200.0
        else:
            heard = self.heard[half] - self.heard[began]
            own = 2 * min(max(p95 * 90 + 10, 60), 720)
            step = 2 * own
        if heard >= round(step):
            return 2
        return 3 if heard >= round(own) + 1 else 0


def hour_of(minute: float) -> int:
    return int(8 + minute // 60) % 24


def is_in(spans: list[tuple[int, int]], minute: float) -> bool:
    return any(begin <= minute < end for begin, end in spans)


def merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


# On a grid of five minutes, so that looking again after a minute is never beaten by what follows.
minutes = st.integers(1, END_MINUTES // 5 - 1).map(lambda number: 5 * number)
spans = st.lists(
    st.tuples(minutes, st.integers(1, 120).map(lambda number: 5 * number)).map(
        lambda span: (span[0], span[0] + span[1])
    ),
    max_size=3,
)
lives = st.builds(
    Life,
    signs=st.lists(minutes, max_size=8, unique=True).map(sorted),
    blind=spans,
    out=spans,
    usual=st.lists(
        st.none() | st.integers(0, 90).map(lambda number: number / 9), min_size=24, max_size=24
    ),
    always=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(life=lives)
def test_timers_find_the_same_moments_as_looking_every_minute(life: Life) -> None:
    expected, found = life.brute(), life.play()
    assert [severity for _, severity in found] == [severity for _, severity in expected], (
        found,
        expected,
    )
    for (at, _), (wanted, _) in zip(found, expected, strict=True):
        assert -0.1 <= at - wanted <= 1.1, (found, expected)


def test_it_looks_seldom_while_nothing_is_due() -> None:
    life = Life([], [], [], [8.0] * 24, always=True)
    assert life.play() == [(720.5, 3), (1440, 2)]
    assert life.looks <= 10


def site(now: int, quiet_h: float) -> Context:
    said = {"home": "in", "quiet_h": quiet_h}
    return Context(now, {}, {}, {}, said, lambda _: 0, lambda _: {"silence_p95": 2})


def test_a_sign_this_rule_does_not_hear_of_ends_a_learned_silence_too() -> None:
    (rule,) = read_rules(RULE.format(always="true"), "test")
    compiled = RuleSet([rule]).get(rule.id)
    state = compiled.start("home", site(START, 0), "pir").state
    assert state is not None
    later = compiled.tick(state, site(START + 4 * HOUR, 0.5))
    assert later.findings == ()
    assert later.due == START + 4 * HOUR + (190 - 30) * MINUTE + 30_000
    rung = compiled.tick(state, site(START + 4 * HOUR, 3.5))
    assert [f.severity for f in rung.findings] == [3]


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("{least: 2h, most: 1h}", "least"),
        ("{least: 0, most: 1h}", "least"),
        ("{least: 1h, most: 2h, factor: 0}", "factor"),
        ("{least: 1h, most: 2h, of: 'x y'}", "of"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(given_: str, said: str) -> None:
    text = RULE.format(always="true")
    wrong = text.replace(text[text.index("{factor") : text.index("true}") + 5], given_)
    with pytest.raises(InvalidRuleError, match=said):
        read_rules(wrong, "test")


def test_times_of_a_step_goes_with_a_learned_threshold_alone() -> None:
    text = RULE.format(always="true")
    learned = text[text.index("  learned") : text.index("schedule")]
    with pytest.raises(InvalidRuleError, match="learned"):
        read_rules(text.replace(learned, ""), "test")


def test_a_fixed_step_does_not_come_before_what_is_usual() -> None:
    text = RULE.format(always="true").replace(", times: 2", "")
    (rule,) = read_rules(text, "test")
    assert rule.absent_for is not None
    compiled = RuleSet([msgspec.structs.replace(rule, schedule=None)]).get(rule.id)

    def context(now: int) -> Context:
        return Context(now, {}, {}, {}, {"home": "in"}, lambda _: 0, lambda _: {"silence_p95": 7.6})

    state = compiled.start("home", context(START), "pir").state
    assert state is not None
    assert compiled.tick(state, context(START + 11 * HOUR)).findings == ()
    assert compiled.tick(state, context(START + 12 * HOUR)).findings != ()
