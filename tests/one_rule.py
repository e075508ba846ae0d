"""One rule by itself, in a time of our own: many entities and devices, restarts at every step."""

from __future__ import annotations

from typing import Any

from anju_rules import Context, Fact, Finding, RuleSet
from anju_rules.loading import read_rules
from anju_rules.memory import State

START = 1_767_225_600_000  # 08:00 in Shanghai
HEAD = "id: it\ntitle: {zh: 它, en: It}\nicon: flame\nseverity: 3\n"


class Town:
    """One rule, many entities and devices, a clock of our own; restarts at every step."""

    def __init__(self, rule: str) -> None:
        self.rules = RuleSet(read_rules(HEAD + rule, "it.yaml"))
        self.rule = self.rules.get("it")
        self.states: dict[str, State] = {}
        self.due: dict[str, int] = {}
        self.findings: list[Finding] = []

    def _context(self, now: int, d: dict[str, Any], p: dict[str, Any]) -> Context:
        return Context(now, d, {}, p, {"gateway_online": True, "home": "in"}, lambda _: 0)

    def _keep(self, key: str, outcome: Any) -> None:
        self.due.pop(key, None)
        self.states.pop(key, None)
        if outcome.state is not None:
            self.states[key] = self.rule.load(self.rule.dump(outcome.state))
            if outcome.due is not None:
                self.due[key] = outcome.due
        self.findings += outcome.findings

    def wait(self, until: float) -> Town:
        while self.due:
            key = min(self.due, key=lambda one: self.due[one])
            if self.due[key] > START + int(until * 1000):
                break
            self._keep(key, self.rule.tick(self.states[key], self._context(self.due[key], {}, {})))
        return self

    def hear(
        self,
        at: float,
        event: str | None = None,
        *,
        device: str = "device",
        model: str | None = None,
        arrives: float | None = None,
        d: dict[str, Any] | None = None,
        p: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        **values: Any,
    ) -> Town:
        arrives = at if arrives is None else arrives
        self.wait(arrives)
        fact = Fact(
            device=device,
            model=model or self.rule.rule.models[0],
            entities={"device": device, "place": "place", "household": "home", "gate": "gate"},
            at=START + int(at * 1000),
            received_at=START + int(arrives * 1000),
            values=values,
            event=event,
            data=data or {},
            id=f"{device}-{at}-{event}",
        )
        key = self.rule.key(fact)
        if key is not None and self.rule in self.rules.matching(fact):
            context = self._context(fact.received_at, d or {}, p or {})
            self._keep(key, self.rule.step(self.states.get(key), fact, context))
        return self

    def said(self) -> list[tuple[float, str, int]]:
        return [((f.at - START) / 1000, str(f.kind), f.severity) for f in self.findings]
