"""A rule's own tests, in virtual time: given readings at t, expect findings at t'.

::

    tests:
      - name: a press rings at once
        given:
          - {t: 0, event: pressed}
          - {t: 10m, blind: 5m}        # cannot be heard from t, for so long
        expect:
          - {t: 0, kind: active, severity: 1}
        until: 1h
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anju_rules.durations import Duration
from anju_rules.engine import CompiledRule
from anju_rules.facts import Context, Fact, Finding
from anju_rules.memory import State
from anju_rules.rule import Rule
from anju_rules.ruleset import RuleSet

START = 1_767_225_600_000
"""2026-01-01 08:00 in Shanghai: where the virtual clock begins unless a test says otherwise."""
_TOLERANCE_MS = 61_000
_KNOWN = {"name", "given", "expect", "until", "start", "d", "p", "s", "b"}


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of one rule; ``problem`` is empty when it passed."""

    rule: str
    name: str
    problem: str


def run_trials(rule: Rule, *, restart: bool = False) -> Iterator[Trial]:
    """Run a rule's tests; with ``restart`` the state is stored and loaded before each step."""
    for test in rule.tests:
        stage = _Stage(rule, test, restart=restart)
        yield Trial(rule.id, str(test.get("name", "?")), stage.run())


class _Stage:
    """The virtual world of one test: a clock, one entity, readings and ticks."""

    def __init__(self, rule: Rule, test: Mapping[str, Any], *, restart: bool) -> None:
        unknown = set(test) - _KNOWN
        if unknown:
            raise ValueError(f"rule {rule.id}: test has unknown keys {sorted(unknown)}")
        self._test = test
        self._restart = restart
        self._rules = RuleSet([rule])
        self._compiled: CompiledRule = self._rules.get(rule.id)
        self._start = int(test.get("start", START))
        self._states: dict[str, State] = {}
        self._due: dict[str, int] = {}
        self._current: dict[str, Any] = {}
        self._blind: list[tuple[int, int]] = []
        self._model = rule.models[0]
        self.findings: list[Finding] = []

    def run(self) -> str:
        given = sorted(
            self._test.get("given", []), key=lambda g: Duration.read(g.get("arrives", g["t"]))
        )
        for one in given:
            if "blind" in one:
                begin = self._start + Duration.read(one["t"])
                self._blind.append((begin, begin + Duration.read(one["blind"])))
        self._watch()
        for one in given:
            if "blind" not in one:
                self._pass(self._start + Duration.read(one.get("arrives", one["t"])))
                self._read(one)
        last = max((Duration.read(g.get("arrives", g["t"])) for g in given), default=Duration(0))
        self._pass(self._start + Duration.read(self._test.get("until", last / 1000 + 60)))
        return self._compare()

    def _context(self, now: int) -> Context:
        online = not any(begin <= now < end for begin, end in self._blind)
        site = {"gateway_online": online, "home": "in", "armed": True, **self._test.get("s", {})}
        return Context(
            now=now,
            attributes={"interval_s": 60, **self._test.get("d", {})},
            current=self._current,
            person=self._test.get("p", {}),
            site=site,
            blind=lambda since: sum(max(0, min(e, now) - max(b, since)) for b, e in self._blind),
            baseline=lambda _: self._test.get("b", {}),
        )

    def _watch(self) -> None:
        rule = self._compiled
        if rule.rule.absent_for is not None:
            self._take("entity", rule.start("entity", self._context(self._start), "device"))

    def _read(self, one: Mapping[str, Any]) -> None:
        at = self._start + Duration.read(one["t"])
        received = self._start + Duration.read(one.get("arrives", one["t"]))
        fact = Fact(
            device="device",
            model=str(one.get("model", self._model)),
            entities=dict.fromkeys(("device", "place", "household", "gateway"), "entity"),
            at=at,
            received_at=received,
            values=one.get("values", {}),
            event=one.get("event"),
            data=one.get("data", {}),
            id=one.get("id"),
            retained=bool(one.get("retained", False)),
        )
        self._current.update(fact.values)
        if self._compiled in self._rules.matching(fact):
            key = self._compiled.key(fact) or ""
            outcome = self._compiled.step(self._states.get(key), fact, self._context(received))
            self._take(key, outcome)

    def _pass(self, until: int) -> None:
        while self._due:
            key = min(self._due, key=self._due.__getitem__)
            due = self._due[key]
            if due > until:
                return
            del self._due[key]
            self._take(key, self._compiled.tick(self._states[key], self._context(due)))

    def _take(self, key: str, outcome: Any) -> None:
        self._due.pop(key, None)
        if outcome.state is not None:
            state = outcome.state
            if self._restart:
                state = self._compiled.load(self._compiled.dump(state))
            self._states[key] = state
            if outcome.due is not None:
                self._due[key] = outcome.due
        self.findings += outcome.findings

    def _compare(self) -> str:
        expected = list(self._test.get("expect", []))
        found = [
            f"{(f.at - self._start) / 1000:g}s {f.kind} P{f.severity} {f.discriminator}".strip()
            for f in self.findings
        ]
        if len(expected) != len(found):
            return f"expected {len(expected)} findings, found {found}"
        for want, one, text in zip(expected, self.findings, found, strict=True):
            wanted_at = self._start + Duration.read(want["t"])
            wrong = (
                str(one.kind) != want["kind"]
                or one.severity != want.get("severity", one.severity)
                or one.discriminator != str(want.get("discriminator", one.discriminator))
                or not -1
                <= one.at - wanted_at
                <= _TOLERANCE_MS * bool(self._compiled.rule.absent_for)
                or bool(one.late_s) != bool(want.get("late", bool(one.late_s)))
            )
            if wrong:
                return f"expected {want}, found {text}; all: {found}"
        return ""
