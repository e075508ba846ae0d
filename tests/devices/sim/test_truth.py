"""The simulated community judged by the built-in rules: quiet days are quiet, incidents ring."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from anju_devices.catalog import model
from anju_devices.messages import Reading
from anju_devices.sim.describe import describe, document_text
from anju_devices.sim.incident import Incident
from anju_devices.sim.plan import Size
from anju_devices.sim.scenarios import SCENARIOS
from anju_devices.sim.site import Site, understand
from anju_devices.sim.world import World
from anju_rules import Context, Fact, Finding, FindingKind, RuleSet, load_library
from anju_rules.home import HomeState, home, observe

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
RULES = {
    "sos": "sos-pressed",
    "fall": "fall",
    "smoke": "smoke",
    "elder_inactive": "elder-inactive",
    "forced_door": "door-forced",
    "held_door": "door-held-open",
    "denied": "door-denials",
    "fire_lane": "fire-lane",
    "silent_device": "door-controller-silent",
    "camera_blocked": "camera-blocked",
    "ebike_in_lift": "lift-ebike",
    "lift_trapped": "lift-trapped",
    "leakage": "electrical-leakage",
}
TOLERANCE_MS = 65 * SECOND
"""A silence is judged from the last word before it, up to an interval earlier; ticks are coarse."""


class Judge:
    """Runs readings through the rules as the platform does, with the simulated clock."""

    def __init__(self, site: Site, start_ms: int) -> None:
        self._rules = RuleSet(load_library(), timezone="Asia/Shanghai")
        self._site = site
        self._people = {h.slug: h.attributes for h in site.homes}
        self._current: dict[str, dict[str, Any]] = {}
        self._homes: dict[str, HomeState | None] = {}
        self._states: dict[tuple[str, str], Any] = {}
        self._timers: list[tuple[int, int, str, str, str]] = []
        self._due: dict[tuple[str, str], int] = {}
        self._order = itertools.count()
        self.findings: list[Finding] = []
        for device in site.devices.values():
            for rule in self._rules.watching(device.model):
                entity = self._entities(device.slug).get(rule.rule.entity)
                if entity and (rule.rule.id, entity) not in self._states:
                    outcome = rule.start(entity, self._context(start_ms, device.slug), device.slug)
                    self._take(rule.rule.id, entity, device.slug, outcome)

    def hear(self, readings: Iterable[Reading], until: int) -> None:
        for reading in readings:
            self._tick(reading.at)
            self._hear(reading)
        self._tick(until)

    def _entities(self, device: str) -> dict[str, str]:
        entry = self._site.devices[device]
        found = {"device": device, "place": entry.place, "gateway": entry.gateway}
        return found | ({"household": entry.household} if entry.household else {})

    def _context(self, now: int, device: str) -> Context:
        entry = self._site.devices[device]
        state = self._homes.get(entry.household or "")
        kind = model(entry.model)
        return Context(
            now=now,
            attributes={
                **entry.attributes,
                "interval_s": kind.interval_s,
                "life_safety": kind.life_safety,
            },
            current=self._current.get(device, {}),
            person=self._people.get(entry.household or "", {}),
            site={"gateway_online": True, "home": home(state, now), "armed": True},
            blind=lambda _: 0,
        )

    def _hear(self, reading: Reading) -> None:
        entry = self._site.devices[reading.device]
        fact = Fact(
            device=reading.device,
            model=entry.model,
            entities=self._entities(reading.device),
            at=reading.at,
            received_at=reading.at,
            values=reading.values,
            event=reading.event,
            data=reading.data,
        )
        self._current.setdefault(reading.device, {}).update(reading.values)
        if entry.household:
            self._homes[entry.household] = observe(self._homes.get(entry.household), fact)
        for rule in self._rules.matching(fact):
            key = rule.key(fact)
            if key is not None:
                state = self._states.get((rule.rule.id, key))
                outcome = rule.step(state, fact, self._context(reading.at, reading.device))
                self._take(rule.rule.id, key, reading.device, outcome)

    def _tick(self, now: int) -> None:
        while self._timers and self._timers[0][0] <= now:
            due, _, rule_id, key, device = heapq.heappop(self._timers)
            if self._due.get((rule_id, key)) == due:
                del self._due[rule_id, key]
                rule = self._rules.get(rule_id)
                outcome = rule.tick(self._states[rule_id, key], self._context(due, device))
                self._take(rule_id, key, device, outcome)

    def _take(self, rule_id: str, key: str, device: str, outcome: Any) -> None:
        self._due.pop((rule_id, key), None)
        self._states[rule_id, key] = outcome.state
        if outcome.due is not None:
            self._due[rule_id, key] = outcome.due
            entry = (outcome.due, next(self._order), rule_id, key, device)
            heapq.heappush(self._timers, entry)
        self.findings += outcome.findings


@pytest.fixture(scope="module")
def site() -> Site:
    """A smaller community in which every scenario still finds a place."""
    return understand(document_text(describe(1, Size(buildings=2, floors=5))).encode())


def rung(judge: Judge, *, severity: int = 3) -> list[Finding]:
    kinds = (FindingKind.active, FindingKind.severity)
    return [f for f in judge.findings if f.kind in kinds and f.severity <= severity]


def test_a_whole_ordinary_day_rings_for_nobody(site: Site, monday: int) -> None:
    world, judge = World(site, 1, monday), Judge(site, monday)
    judge.hear(world.until(monday + 24 * HOUR), monday + 24 * HOUR)
    assert Counter(f.rule_id for f in rung(judge)) == {}
    notes = Counter(f.rule_id for f in rung(judge, severity=4))
    assert set(notes) <= {"battery-low"}
    assert notes.total() <= 8


def play(name: str, site: Site, monday: int) -> tuple[Incident, Judge]:
    start = monday + (6 if name == "elder_inactive" else 9) * HOUR
    world, judge = World(site, 3, start), Judge(site, start)
    at = start + (70 if name == "elder_inactive" else 15) * MINUTE
    judge.hear(world.until(at - MINUTE), at - MINUTE)
    incident = SCENARIOS[name](site, random.Random(7), at, world.free)
    assert incident is not None
    world.play(incident)
    end = min(incident.ends_at + MINUTE, monday + 22 * HOUR)
    judge.hear(world.until(end), end)
    return incident, judge


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_incident_rings_as_it_truly_is_and_nothing_else_does(
    name: str, site: Site, monday: int
) -> None:
    incident, judge = play(name, site, monday)
    found = [f for f in rung(judge, severity=4) if f.rule_id == RULES[name]]
    for truth in incident.truths:
        matching = [
            f
            for f in found
            if abs(f.detected_at - truth.at) <= TOLERANCE_MS and f.severity == truth.severity
        ]
        assert matching, (truth, found)
    others = {f.rule_id for f in rung(judge) if f.rule_id != RULES[name]}
    assert others <= {"lift-alarm"}, "pressing the lift's alarm is one more fact"
