"""Whatever order readings come in, the same alerts: every operator, generated streams.

A run is one rule, its entities and a clock of our own. The run things are compared with is
``in order``: each reading comes when it was made, is judged at once, and each timer is ticked
when it is due. What is equal, and in which sense:

* **batch borders, duplicates, restarts** change no finding at all: kind, severity and event
  time of every finding of every key are the same, in the same order. A batch is judged at its
  own ``now``, all its readings before the timers that came due meanwhile; a restart is
  dump, JSON, load.
* **reordering** within the lateness (each reading delayed by less than it, any permutation
  that gives) may raise at once what a straggler then takes back (ADR 10), so findings differ.
  Equal is what an operator has before him when all has settled (:func:`held`: per key the
  condition and the severity), both 40 s of event time after the last reading and at the end;
  and no alarm is lost: for each alarm of the run in order there is one of the same key whose
  event time is less than the lateness away. All of it together is no different.
* **absence** is judged on our clock, so only what is settled is equal, and duplicates and
  restarts change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anju_rules import Context, Fact, Finding, Outcome, Rule, RuleSet
from anju_rules.fitting import decode
from anju_rules.memory import State

START = 1_767_225_600_000  # 08:00 in Shanghai
HEAD = "title: {zh: 它, en: It}\nicon: flame\nseverity: 4\nmodels: [box]\n"
LATENESS = 5_000
SETTLED = 40_000
LONG = 3_600_000

RULES = {
    "hold": "when: m.v >= 10\nfor: 20s\nclear_for: 8s\nmax_gap: 30s\n",
    "hold-short": "when: m.v >= 10\nclear: m.v < 5\nfor: 2s\nmax_gap: 20s\n",
    "hold-at-once": "when: m.v >= 10\nfor: 20s\nat_once: m.v >= 20\n",
    "hold-of-pulse": "when: m.event == 'on'\nclear: m.event == 'off'\nfor: 6s\nquiet_for: 30s\n",
    "plain": "when: m.v >= 10\n",
    "plain-clear-for": "when: m.v >= 10\nclear: m.v < 5\nclear_for: 10s\n",
    "gap": "when: m.v >= 10\nmax_gap: 9s\nrepeat_after: 20s\n",
    "pulse": (
        "when: m.event == 'on'\nclear: m.event == 'off'\ndiscriminator: zone\nquiet_for: 25s\n"
        "repeat_after: 12s\n"
    ),
    "pulse-alone": "when: m.event == 'on'\nquiet_for: 15s\n",
    "latch": "when: m.event == 'on'\nlatch: true\nquiet_for: 20s\n",
    "count": (
        "when: m.event == 'on'\ncount: {n: 2, within: 20s}\n"
        "steps: [{severity: 3, n: 3}, {severity: 1, n: 4}]\n"
    ),
    "count-clear": "when: m.v >= 10\nclear: m.v == 0\ncount: {n: 2, within: 15s}\n",
    "count-hold": "when: m.v >= 10\ncount: {n: 2, within: 30s}\nfor: 10s\nmax_gap: 30s\n",
    "distinct": (
        "entity: place\nwhen: m.event == 'on'\ndistinct: {of: zone, n: 2, within: 20s}\n"
        "steps: [{severity: 2, n: 3}]\n"
    ),
    "sequence": (
        "entity: place\nwhen: m.event == 'on'\nquiet_for: 30s\n"
        "sequence: {after: [\"m.event == 'off'\", \"m.event == 'grant'\"], within: 30s}\n"
    ),
    "sequence-lasting": (
        'entity: place\nwhen: m.v >= 10\nsequence: {after: ["m.v == 0", "m.v == 5"], within: 40s}\n'
    ),
    "sequence-hold": (
        "entity: place\nwhen: m.v >= 10\nclear: m.v == 5\nfor: 7s\n"
        'sequence: {after: ["m.v == 0"], within: 40s}\n'
    ),
    "rate-above": "when: m.v >= 0\nrate: {of: v, within: 20s, above: 8}\n",
    "rate-below": "when: m.v >= 0\nrate: {of: v, within: 20s, below: 6, coverage: 0.5}\n",
    "rate-counter": (
        "when: m.v >= 0\nrate: {of: v, within: 30s, above: 4, counter: true}\nclear_for: 6s\n"
    ),
    "travel": "entity: person\nwhen: has(m.credential)\ntravel: {faster_m_s: 5, slack: 1s}\n",
    "dwell": "when: m.v >= 10\ndwell: {for: 25s, within: 50s}\nsteps: [{severity: 2, for: 35s}]\n",
    "dwell-clear": (
        "when: m.v >= 10\nclear: m.v == 0\ndwell: {for: 15s, within: 40s}\nclear_for: 6s\n"
    ),
    "hold-from": ("when: m.event == 'on'\nclear: m.event == 'off'\nhold_from: until\nfor: 10s\n"),
    "unless": "when: m.event == 'on'\nunless: {when: \"m.event == 'grant'\", within: 10s}\n",
    "unless-clear": (
        "when: m.v >= 10\nclear: m.v == 0\nmax_gap: 25s\n"
        "unless: {when: \"m.event == 'grant'\", within: 10s}\n"
    ),
    "unless-hold": (
        "entity: place\nwhen: m.v >= 10\nfor: 12s\n"
        "unless: {when: \"m.event == 'grant'\", within: 15s}\n"
    ),
    "schedule": 'when: m.v >= 10\nschedule: {hours: "08:01-08:02"}\n',
    "schedule-hold": 'when: m.v >= 10\nfor: 9s\nschedule: {hours: "08:01-08:03"}\n',
    "schedule-pulse": "when: m.event == 'on'\nquiet_for: 9s\nschedule: {hours: \"08:01-08:02\"}\n",
    "steps-by-time": (
        "when: m.v >= 10\nfor: 3s\nsteps: [{severity: 3, for: 15s}, {severity: 1, for: 30s}]\n"
        "max_gap: 20s\n"
    ),
    "steps-by-level": (
        "when: m.v >= 5\nsteps: [{severity: 3, when: m.v >= 10}, {severity: 1, when: m.v >= 20}]\n"
    ),
    "steps-fall-slowly": (
        "when: m.v >= 5\nclear_for: 7s\n"
        "steps: [{severity: 2, when: m.v >= 20}, {severity: 3, for: 12s}]\n"
    ),
    "absent": "when: m.v >= 0\nabsent_for: {for: 20s}\n",
}
COMPILED = {
    name: RuleSet(
        [msgspec.convert(yaml.safe_load(f"id: {name}\n{HEAD}{text}"), Rule, dec_hook=decode)]
    )
    for name, text in RULES.items()
}
IN_EVENT_TIME = [name for name in RULES if name != "absent"]
SPOTS = {"one": {"x": 0, "y": 0}, "two": {"x": 60, "y": 0}, "three": {"x": 0, "y": 90}}


@dataclass
class Run:
    """One rule, its entities, a clock of our own."""

    name: str
    restarts: frozenset[int] = frozenset()
    states: dict[str, State] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        self.rules = COMPILED[self.name]
        self.rule = self.rules.get(self.name)

    def judge(self, fact: Fact, now: int) -> None:
        """Let one reading in at ``now``."""
        self.steps += 1
        if self.steps in self.restarts:
            self._restart()
        key = self.rule.key(fact)
        if key is not None and self.rule in self.rules.matching(fact):
            context = self._context(now, fact.device)
            self._keep(key, self.rule.step(self.states.get(key), fact, context))

    def wait(self, until: int) -> Run:
        """Tick every timer when it is due, up to ``until``."""
        while (key := self._next()) is not None and self.due[key] <= until:
            self._tick(key, self.due[key])
        return self

    def catch_up(self, now: int) -> None:
        """Tick what is due at ``now``, as late as it is."""
        for key in [key for key, due in self.due.items() if due <= now]:
            self._tick(key, now)

    def settle(self, at: int) -> list[tuple[str, str, int]]:
        """Let event time come to ``at`` for every key; give what then holds."""
        for key in list(self.states):
            while key in self.due and key in self.states:
                if self.due[key] > at + LATENESS + self.states[key].skew_ms:
                    break
                self._tick(key, self.due[key])
        return held(self.findings)

    def said(self) -> list[tuple[str, str, int, int]]:
        """Give every finding: key, kind, severity, event time (s); in order per key."""
        rows = [(key, str(f.kind), f.severity, f.at) for key, f in self.findings]
        return sorted(rows, key=lambda row: row[0])

    def alarms(self) -> list[tuple[str, int]]:
        return [(key, at) for key, kind, _, at in self.said() if kind == "active"]

    def _next(self) -> str | None:
        return min(self.due, key=lambda key: (self.due[key], key), default=None)

    def _tick(self, key: str, now: int) -> None:
        state = self.states[key]
        self._keep(key, self.rule.tick(state, self._context(now, state.device or "one")))

    def _keep(self, key: str, outcome: Outcome) -> None:
        self.due.pop(key, None)
        self.states.pop(key, None)
        if outcome.state is not None:
            self.states[key] = outcome.state
            if outcome.due is not None:
                self.due[key] = outcome.due
        self.findings += [(key, finding) for finding in outcome.findings]

    def _restart(self) -> None:
        for key, state in self.states.items():
            self.states[key] = self.rule.load(json.loads(json.dumps(self.rule.dump(state))))

    def _context(self, now: int, device: str) -> Context:
        site = {"gateway_online": True, "home": "in"}
        return Context(now, SPOTS[device], {}, {}, site, lambda _: 0)


def held(findings: Iterable[tuple[str, Finding]]) -> list[tuple[str, str, int]]:
    """Give what the platform makes of findings: (key, condition, severity) of what is open."""
    open_: dict[str, tuple[str, int]] = {}
    for key, finding in findings:
        if finding.kind == "active":
            open_[key] = ("active", finding.severity)
        elif finding.kind == "cleared":
            open_.pop(key, None)
        elif key in open_:
            condition = "unknown" if finding.kind == "unknown" else open_[key][0]
            open_[key] = (condition, finding.severity)
    return sorted((key, *what) for key, what in open_.items())


# -- streams of readings --------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """A reading: when it was made (tenths of a second), and how long it takes to come (ms)."""

    at: int
    device: str
    values: dict[str, Any]
    event: str | None
    data: dict[str, Any]
    has_id: bool
    delay: int
    copy: int | None  # how much later (ms) it comes once more

    def fact(self, number: int, lag: int, delay: int) -> Fact:
        at = START + self.at * 100
        return Fact(
            device=self.device,
            model="box",
            entities={"device": self.device, "place": "place", "person": "anna"},
            at=at,
            received_at=at + lag + delay,
            values=self.values,
            event=self.event,
            data=self.data,
            id=f"e{number}" if self.has_id else None,
        )


VALUES = st.one_of(
    st.sampled_from([{"v": v} for v in (0, 5, 10, 20)]),
    st.sampled_from([{"v": v} for v in (0, 5, 10, 20)]),
    st.sampled_from([{}, {"v": None}, {"v": "dirt"}, {"w": 1}]),
)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "zone": st.sampled_from(["x", "y", "z", None]),
        "credential": st.sampled_from(["a", "b"]),
        "until": st.one_of(st.none(), st.integers(0, 60).map(lambda s: START + s * 1000)),
    },
)
ACTS = st.builds(
    Act,
    at=st.one_of(st.integers(0, 150), st.integers(0, 1_300)),
    device=st.sampled_from(["one", "one", "two", "three"]),
    values=VALUES,
    event=st.sampled_from([None, "on", "on", "off", "grant"]),
    data=DATA,
    has_id=st.booleans(),
    delay=st.sampled_from([0, 0, 300, 1_500, 3_200, 4_999]),
    copy=st.sampled_from([None, None, 0, 700, 4_000]),
)
STREAMS = st.lists(ACTS, min_size=1, max_size=14, unique_by=lambda act: (act.at, act.device))
LAGS = st.sampled_from([0, 0, 2_000, -20_000])


def come(
    acts: Sequence[Act], lag: int, *, delayed: bool = False, copied: bool = False
) -> list[Fact]:
    """Give the readings as they come."""
    facts = []
    for number, act in enumerate(acts):
        delay = act.delay if delayed else 0
        facts.append(act.fact(number, lag, delay))
        if copied and act.copy is not None:
            room = LATENESS - 1 - delay
            facts.append(act.fact(number, lag, delay + min(act.copy, room)))
    return sorted(facts, key=lambda fact: fact.received_at)


def one_by_one(name: str, facts: Sequence[Fact], restarts: frozenset[int] = frozenset()) -> Run:
    """Judge each reading as it comes, and tick each timer when it is due."""
    run = Run(name, restarts)
    for fact in facts:
        run.wait(fact.received_at - 1)
        run.judge(fact, fact.received_at)
    return run


def in_batches(
    name: str, facts: Sequence[Fact], sizes: Sequence[int], restarts: frozenset[int] = frozenset()
) -> Run:
    """Judge batch after batch: all its readings at its ``now``, then what is due."""
    run = Run(name, restarts)
    for batch, now in batches(facts, sizes):
        for fact in batch:
            run.judge(fact, now)
        run.catch_up(now)
    return run


def batches(facts: Sequence[Fact], sizes: Sequence[int]) -> Iterator[tuple[Sequence[Fact], int]]:
    """Cut into batches, each judged when its last reading has come or up to 2 s later."""
    begin = 0
    for number in range(len(facts)):
        size = sizes[number % len(sizes)]
        batch = facts[begin : begin + size]
        if not batch:
            return
        begin += size
        following = (
            facts[begin].received_at if begin < len(facts) else batch[-1].received_at + 2_000
        )
        yield batch, min(following, batch[-1].received_at + 700 * (size - 1))


SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=4)
RESTARTS = st.frozensets(st.integers(1, 20), max_size=6)
fast = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def same_settled(run: Run, reference: Run, acts: Sequence[Act]) -> None:
    """Say that what is settled is the same, soon and at the end."""
    last = START + max(act.at for act in acts) * 100
    for at in (last + SETTLED, last + LONG):
        assert run.settle(at) == reference.settle(at)


def none_lost(run: Run, reference: Run) -> None:
    """Say that each alarm of the reference is among the run's."""
    rang = run.alarms()
    for key, at in reference.alarms():
        assert any(key == other and abs(at - when) < LATENESS for other, when in rang), (key, at)


@pytest.mark.parametrize("name", IN_EVENT_TIME)
@given(acts=STREAMS, lag=LAGS, sizes=SIZES)
@fast
def test_batch_borders_change_nothing(
    name: str, acts: list[Act], lag: int, sizes: list[int]
) -> None:
    facts = come(acts, lag)
    reference, run = one_by_one(name, facts), in_batches(name, facts, sizes)
    same_settled(run, reference, acts)
    assert run.said() == reference.said()


@pytest.mark.parametrize("name", list(RULES))
@given(acts=STREAMS, lag=LAGS)
@fast
def test_duplicates_change_nothing(name: str, acts: list[Act], lag: int) -> None:
    run = one_by_one(name, come(acts, lag, copied=True))
    reference = one_by_one(name, come(acts, lag))
    same_settled(run, reference, acts)
    if name in IN_EVENT_TIME:
        assert run.said() == reference.said()


@pytest.mark.parametrize("name", list(RULES))
@given(acts=STREAMS, lag=LAGS, restarts=RESTARTS)
@fast
def test_restarts_change_nothing(
    name: str, acts: list[Act], lag: int, restarts: frozenset[int]
) -> None:
    facts = come(acts, lag, delayed=True)
    run, reference = one_by_one(name, facts, restarts), one_by_one(name, facts)
    same_settled(run, reference, acts)
    assert run.said() == reference.said()


@pytest.mark.parametrize("name", list(RULES))
@given(acts=STREAMS, lag=LAGS)
@fast
def test_order_within_the_lateness_changes_nothing_that_holds(
    name: str, acts: list[Act], lag: int
) -> None:
    run = one_by_one(name, come(acts, lag, delayed=True))
    reference = one_by_one(name, come(acts, lag))
    same_settled(run, reference, acts)
    if name in IN_EVENT_TIME:
        none_lost(run, reference)


@pytest.mark.parametrize("name", IN_EVENT_TIME)
@given(acts=STREAMS, lag=LAGS, sizes=SIZES, restarts=RESTARTS)
@fast
def test_all_of_it_together_changes_nothing_that_holds(
    name: str, acts: list[Act], lag: int, sizes: list[int], restarts: frozenset[int]
) -> None:
    run = in_batches(name, come(acts, lag, delayed=True, copied=True), sizes, restarts)
    reference = one_by_one(name, come(acts, lag))
    same_settled(run, reference, acts)
    none_lost(run, reference)
