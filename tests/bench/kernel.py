"""What the rules cost: per reading, per rule in force, and to come back after a crash.

No broker and no edge agent: the kernel alone, and the kernel's state in a real PostgreSQL.
Figures are medians of several rounds; what is compared takes turns within each round.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from anju_devices.sim import site as grounds
from anju_devices.sim.describe import describe
from anju_devices.sim.world import World
from anju_rules import Context, Fact, Rule, RuleSet, load_library
from anju_rules.fitting import decode
from anju_rules.memory import State

START = 1_767_225_600_000
ROUNDS = 7
_NO_ONE: dict[str, Any] = {}
_HEARD = {"gateway_online": True, "gateway_present": True, "home": "in", "armed": True}


def library(directory: Path, *, hours: float = 1.0) -> dict[str, float]:
    """Give what a reading costs (µs) against the built-in rules: a community's own mix."""
    facts, attributes = community(directory, hours)
    costs: list[int] = []
    means = []
    for _ in range(ROUNDS):
        costs, seconds = _each(RuleSet(load_library()), facts, attributes)
        means.append(seconds / len(facts) * 1e6)
    costs.sort()
    rules = RuleSet(load_library())
    matched = statistics.mean(len(rules.matching(fact)) for fact in facts)
    return {
        "rules": len(load_library()),
        "devices": len(attributes),
        "readings": len(facts),
        "rules_met_per_reading": round(matched, 2),
        "mean_us": round(statistics.median(means), 2),
        "median_us": round(costs[len(costs) // 2] / 1e3, 2),
        "p95_us": round(costs[len(costs) * 95 // 100] / 1e3, 2),
        "p99_us": round(costs[len(costs) * 99 // 100] / 1e3, 2),
        "empty_call_ns": round(_empty_call_ns(), 1),
    }


def _empty_call_ns(times: int = 200_000) -> float:
    """Give what calling a function that does nothing costs: how fast the machine is just now."""

    def nothing() -> None:
        pass

    began = time.perf_counter_ns()
    for _ in range(times):
        nothing()
    return (time.perf_counter_ns() - began) / times


def scale(*, devices: int = 10_000, readings: int = 30_000) -> dict[str, float]:
    """Give what 1,000 rules cost a reading against 50, when the same few can match it."""
    few, many = numbered_rules(50), numbered_rules(1_000)
    facts = [_numbered(number, devices) for number in range(readings)]
    attributes: dict[str, Mapping[str, Any]] = {}
    gc.collect()
    tracemalloc.start()
    RuleSet(many)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.perf_counter()
    sets = RuleSet(few), RuleSet(many)
    compiling = time.perf_counter() - began
    cost: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 * ROUNDS):
        which = turn % 2
        _, seconds = _all(sets[which], facts, attributes)
        cost[which].append(seconds / readings * 1e6)
    first, second = (statistics.median(one) for one in cost)
    return {
        "devices": devices,
        "rules_met_per_reading": len(sets[1].matching(facts[0])),
        "us_of_50_rules": round(first, 2),
        "us_of_1000_rules": round(second, 2),
        "ratio": round(second / first, 3),
        "compile_1000_s": round(compiling * 1_000 / 1_050, 2),
        "mib_of_1000_rules": round(kept / 2**20, 1),
    }


def community(directory: Path, hours: float) -> tuple[list[Fact], dict[str, Mapping[str, Any]]]:
    """Give what a simulated community says, and what the registry knows of its devices."""
    path = directory / "kernel-community.json"
    path.write_text(json.dumps(describe(1)), "utf-8")
    site = grounds.load(path)
    entries = {entry.slug: entry for entry in site.devices.values()}
    entities = {
        entry.slug: {
            "device": entry.slug,
            "place": entry.place,
            "gateway": entry.gateway,
            **({"household": entry.household} if entry.household else {}),
        }
        for entry in entries.values()
    }
    facts = []
    for number, reading in enumerate(World(site, 1, START).until(START + round(hours * 3_600_000))):
        entry = entries[reading.device]
        facts.append(
            Fact(
                device=entry.slug,
                model=entry.model,
                entities=entities[entry.slug],
                at=reading.at,
                received_at=reading.at + 20,
                values=reading.values,
                event=reading.event,
                data=reading.data,
                id=reading.id or f"r{number}",
            )
        )
    attributes = {slug: {"interval_s": 60, **entry.attributes} for slug, entry in entries.items()}
    return facts, attributes


def _each(
    rules: RuleSet, facts: Sequence[Fact], attributes: Mapping[str, Mapping[str, Any]]
) -> tuple[list[int], float]:
    """Judge each reading; give its cost in ns, and the seconds of all."""
    judge = _judge(rules, attributes)
    clock = time.perf_counter_ns
    costs = []
    gc.collect()
    gc.freeze()  # as ingest does: what was there before is not looked through again
    for fact in facts:
        began = clock()
        judge(fact)
        costs.append(clock() - began)
    gc.unfreeze()
    return costs, sum(costs) / 1e9


def _all(
    rules: RuleSet, facts: Sequence[Fact], attributes: Mapping[str, Mapping[str, Any]]
) -> tuple[int, float]:
    judge = _judge(rules, attributes)
    began = time.perf_counter()
    for fact in facts:
        judge(fact)
    return len(facts), time.perf_counter() - began


def _judge(rules: RuleSet, attributes: Mapping[str, Mapping[str, Any]]) -> Callable[[Fact], None]:
    """What the platform does with a reading as far as rules go: index, key, context, step."""
    states: dict[tuple[str, str], State | None] = {}

    def judge(fact: Fact) -> None:
        matching = rules.matching(fact)
        if not matching:
            return
        said = fact.said()
        known = attributes.get(fact.device, _NO_ONE)
        context = Context(fact.received_at, known, fact.values, _NO_ONE, dict(_HEARD), lambda _: 0)
        for rule in matching:
            entity = rule.key(fact)
            if entity is not None:
                key = (rule.rule.id, entity)
                states[key] = rule.step(states.get(key), fact, context, said).state

    return judge


def numbered_rules(number: int) -> list[Rule]:
    """Give rules of which three are about what the devices say, the others about other names."""
    made = []
    for n in range(number):
        name = "temperature" if n < 3 else f"reading_{n}"
        rule = {
            "id": f"rule-{n}",
            "title": {"zh": "它", "en": "It"},
            "icon": "flame",
            "severity": 3,
            "models": ["climate"],
            "when": f"m.{name} > {40 + n % 7} && d.interval_s > 0",
            "for": "60s",
            "clear_for": "30s",
        }
        made.append(msgspec.convert(rule, Rule, dec_hook=decode))
    return made


def _numbered(number: int, devices: int) -> Fact:
    device = f"climate-{number % devices:05d}"
    at = START + number * 10
    values = {"temperature": 20 + number % 10, "humidity": 40.0, "battery": 90}
    return Fact(device, "climate", {"device": device}, at, at + 20, values, id=f"r{number}")
