"""Runs a rule's own tests in virtual time: given readings at t, expect findings at t'.

What a test may say is in ``script.py``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from anju_rules.engine import CompiledRule
from anju_rules.facts import Context, Fact, Finding
from anju_rules.fitting import decode
from anju_rules.home import as_of
from anju_rules.memory import State
from anju_rules.rule import Rule
from anju_rules.ruleset import RuleSet
from anju_rules.script import PROOFS, Expected, Item, Proof, Script

_TOLERANCE_MS = 61_000
"""How much later than it says an absence may be found: it looks once a minute, with a grain."""
_KINDS = ("device", "place", "household", "person", "gate", "gateway")


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of one rule; ``problem`` is empty when it passed.

    ``timeline`` tells what was given, expected and found, in order of time: (time, what, which).
    """

    rule: str
    name: str
    problem: str
    timeline: tuple[tuple[str, str, str], ...] = ()


def run_trials(rule: Rule, *, restart: bool = False) -> Iterator[Trial]:
    """Run a rule's tests; with ``restart`` the state is stored and loaded before each step."""
    for test in rule.tests:
        script = read_script(test)
        stage = _Stage(rule, script, restart=restart)
        problem = stage.run()
        yield Trial(rule.id, script.name, problem, stage.timeline() if problem else ())


def read_script(test: Mapping[str, Any]) -> Script:
    """Give a test as typed values; loading has checked it.

    Raises:
        msgspec.ValidationError: it is no test (of a rule that was not loaded from a file).
    """
    return msgspec.convert(dict(test), Script, dec_hook=decode)


def missing_proofs(rule: Rule) -> tuple[Proof, ...]:
    """Give which of the five proofs no test of the rule shows, in their usual order."""
    shown = {proof for test in rule.tests for proof in read_script(test).proofs}
    return tuple(proof for proof in PROOFS if proof not in shown)


class _Stage:
    """The virtual world of one test: a clock, devices and entities, readings and ticks."""

    def __init__(self, rule: Rule, script: Script, *, restart: bool) -> None:
        self._rule = rule
        self._script = script
        self._restart = restart
        self._open()
        self._states: dict[str, State] = {}
        self._due: dict[str, int] = {}
        self._current: dict[str, dict[str, Any]] = {}
        self._attributes: dict[str, dict[str, Any]] = {}
        self._site = {"home": "in", "armed": True, **script.s}
        self._person = dict(script.p)
        self._baseline = dict(script.b)
        self._blind = [
            (self._at(item.t), self._at(item.t + item.blind))
            for item in script.given
            if item.blind is not None
        ]
        self.findings: list[Finding] = []

    def _open(self) -> None:
        script = self._script
        self._rules = RuleSet([self._rule], script.timezone, script.holidays)
        self._compiled: CompiledRule = self._rules.get(self._rule.id)

    def _at(self, offset: int) -> int:
        return self._script.start + offset

    def run(self) -> str:
        """Play the test; give what is wrong, or nothing."""
        given = sorted(self._script.given, key=lambda item: item.comes_at)
        for item in given:
            self._attributes.setdefault(item.device, {})
        self._watch(given)
        for item in given:
            if item.blind is None:
                self._pass(self._at(item.comes_at))
                self._happen(item)
        last = given[-1].comes_at if given else 0
        until = self._script.until
        self._pass(self._at(last + 60_000 if until is None else until))
        return self._compare()

    def _happen(self, item: Item) -> None:
        self._site.update(item.s)
        self._person.update(item.p)
        self._baseline.update(item.b)
        spot = {"x": item.at_place.x, "y": item.at_place.y} if item.at_place else {}
        self._attributes[item.device].update({**item.d, **spot})
        if item.restart:
            self._start_again()
        if item.is_reading:
            self._read(item)

    def _start_again(self) -> None:
        """Everything goes to disk as JSON and comes back into a new rule set."""
        dumped = {key: self._compiled.dump(state) for key, state in self._states.items()}
        text = json.dumps({"states": dumped, "due": self._due})
        self._open()
        stored = json.loads(text)
        self._states = {key: self._compiled.load(one) for key, one in stored["states"].items()}
        self._due = stored["due"]

    def _context(self, now: int, device: str | None) -> Context:
        online = not any(begin <= now < end for begin, end in self._blind)
        return Context(
            now=now,
            attributes={
                "interval_s": 60,
                **self._script.d,
                **self._attributes.get(device or "device", {}),
            },
            current=dict(self._current.get(device or "device", {})),
            person=dict(as_of(self._person, now)),
            site={"gateway_online": online, **self._site},
            blind=lambda since: sum(max(0, min(e, now) - max(b, since)) for b, e in self._blind),
            baseline=lambda _: dict(self._baseline),
        )

    def _watch(self, given: list[Item]) -> None:
        """An absence rule watches everything there is from the first moment."""
        if not self._rule.waits_for_word:
            return
        watched = {
            _entities(item).get(self._rule.entity, "entity"): item.device
            for item in given
            if item.is_reading
        }
        for entity, device in (watched or {"entity": "device"}).items():
            context = self._context(self._script.start, device)
            self._take(entity, self._compiled.start(entity, context, device))

    def _read(self, item: Item) -> None:
        received = self._at(item.comes_at)
        fact = Fact(
            device=item.device,
            model=item.model or self._rule.models[0],
            entities=_entities(item),
            at=self._at(item.t),
            received_at=received,
            values=item.values or {},
            event=item.event,
            data=item.data or {},
            id=item.id,
            retained=item.retained,
        )
        self._current.setdefault(item.device, {}).update(fact.values)
        if self._compiled in self._rules.matching(fact):
            key = self._compiled.key(fact)
            if key is not None:
                context = self._context(received, item.device)
                self._take(key, self._compiled.step(self._states.get(key), fact, context))

    def _pass(self, until: int) -> None:
        while self._due:
            key = min(self._due, key=self._due.__getitem__)
            due = self._due[key]
            if due > until:
                return
            del self._due[key]
            state = self._states[key]
            self._take(key, self._compiled.tick(state, self._context(due, state.device)))

    def _take(self, key: str, outcome: Any) -> None:
        self._due.pop(key, None)
        if outcome.state is not None:
            state = outcome.state
            if self._restart:
                state = self._compiled.load(json.loads(json.dumps(self._compiled.dump(state))))
            self._states[key] = state
            if outcome.due is not None:
                self._due[key] = outcome.due
        else:
            self._states.pop(key, None)
        self.findings += outcome.findings

    # -- what was expected ----------------------------------------------------------------

    def _compare(self) -> str:
        expected = self._script.expect
        found = [self._said(one) for one in self.findings]
        if len(expected) != len(found):
            return f"expected {len(expected)} findings, found {len(found)}"
        for want, one in zip(expected, self.findings, strict=True):
            wrong = self._wrong(want, one)
            if wrong:
                return f"expected {_wanted(want)}, found {self._said(one)} ({wrong})"
        return ""

    def _wrong(self, want: Expected, one: Finding) -> str:
        """Name what differs, or nothing."""
        tolerance = _TOLERANCE_MS if self._rule.waits_for_word else 0
        differs = {
            "kind": str(one.kind) != want.kind,
            "severity": want.severity not in {None, one.severity},
            "discriminator": want.discriminator is not None
            and one.discriminator != str(want.discriminator),
            "entity": want.entity not in {None, one.entity},
            "time": not -1 <= one.at - self._at(want.t) <= tolerance,
            "late": want.late is not None and bool(one.late_s) != want.late,
        }
        return ", ".join(name for name, wrong in differs.items() if wrong)

    def _said(self, one: Finding) -> str:
        offset = one.at - self._script.start
        late = " late" if one.late_s else ""
        text = f"{clock(offset)} {one.kind} P{one.severity} {one.discriminator}".strip()
        return text + late

    def timeline(self) -> tuple[tuple[str, str, str], ...]:
        """Give what was given, expected and found, in order of time."""
        rows = [(item.comes_at, 0, "given", _told(item)) for item in self._script.given]
        rows += [(int(want.t), 1, "expected", _wanted(want)) for want in self._script.expect]
        rows += [(f.at - self._script.start, 2, "found", self._said(f)) for f in self.findings]
        # what is expected and found begins with its time, which stands at the left already
        return tuple(
            (clock(at), what, text.removeprefix(f"{clock(at)} "))
            for at, _, what, text in sorted(rows)
        )


def _entities(item: Item) -> dict[str, str]:
    own = {kind: getattr(item, kind) or "entity" for kind in _KINDS}
    if item.device == "device":  # nobody is named: the one device and its one entity
        own["device"] = "entity"
    return own


def _wanted(want: Expected) -> str:
    severity = f" P{want.severity}" if want.severity is not None else ""
    about = "".join(f" {one}" for one in (want.discriminator, want.entity) if one is not None)
    return f"{clock(want.t)} {want.kind}{severity}{about}{' late' if want.late else ''}"


def _told(item: Item) -> str:
    """Give what an item says, shortly."""
    parts = [f"event {item.event}"] if item.event else []
    for said in (item.values, item.data):
        parts += [f"{name}={value}" for name, value in (said or {}).items()]
    parts += [f"{root}.{name}={v}" for root in "spbd" for name, v in getattr(item, root).items()]
    if item.blind is not None:
        parts.append(f"blind for {clock(item.blind)}")
    if item.restart:
        parts.append("restart")
    if item.arrives is not None:
        parts.append(f"(of {clock(item.t)})")
    who = f"{item.device}: " if item.device != "device" else ""
    return who + " ".join(parts)


def clock(offset_ms: int) -> str:
    """Give a moment of the virtual clock as h:mm:ss, with a fraction where there is one."""
    sign, rest = ("-", -offset_ms) if offset_ms < 0 else ("", offset_ms)
    minutes, ms = divmod(rest, 60_000)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{ms % 1000:03}".rstrip("0") if ms % 1000 else ""
    return f"{sign}{hours}:{minutes:02}:{ms // 1000:02}{fraction}"
