"""How soon a silence in a real home is noticed, with a learned baseline and without.

A recorded home (van Kasteren et al., UbiComp 2008, house A) is replayed through the rule
kernel in virtual time. Some of the days teach the baseline, the others test: there the rule
should ring for nothing, and where the stream is cut, as if the person had fallen and moved
no more, it should ring soon. ``python -m tests.bench inactivity``
"""

from __future__ import annotations

import csv
import random
import statistics
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_rules import Context, Fact, Finding, FindingKind, Rule, RuleSet, load_library
from anju_rules.baseline import Learned, Profile, learn_peaks, percentile
from anju_rules.durations import Duration
from anju_rules.home import HomeState, home, observe, quiet_h
from anju_rules.operators.absence import Absence
from anju_rules.silence import QUANTITY, Silences

ZONE = ZoneInfo("Europe/Amsterdam")
FIRST_DAY = date(2008, 2, 25)
DAYS = 28
CUTS = 100
SEED = 1
HORIZON_H = 24
"""A cut that rang nothing for so long is undetected."""
ENTRY = "Front door"
_HOUR_MS, _MINUTE_MS = 3_600_000, 60_000
_NOT_WAKING = {"go-to-bed", "leave-house"}

LEARNED = next(rule for rule in load_library() if rule.id == "elder-inactive")
FIXED = msgspec.structs.replace(
    LEARNED,
    id="fixed-12h",
    absent_for=Absence(hold=Duration(12 * _HOUR_MS), condition='s.home == "in"'),
    schedule=None,
    steps=(),
)

Days = frozenset[int]
"""Numbers of days since the first."""


def _weeks(*numbers: int) -> Days:
    return frozenset(7 * number + day for number in numbers for day in range(7))


SPLITS: Mapping[str, tuple[Days, Days]] = {
    "weeks 1-2 / 3-4": (_weeks(0, 1), _weeks(2, 3)),
    "weeks 3-4 / 1-2": (_weeks(2, 3), _weeks(0, 1)),
    "odd / even weeks": (_weeks(0, 2), _weeks(1, 3)),
    "even / odd weeks": (_weeks(1, 3), _weeks(0, 2)),
    "week 1 / 2-4": (_weeks(0), _weeks(1, 2, 3)),
    "weeks 1-3 / 4": (_weeks(0, 1, 2), _weeks(3)),
}
"""(learn on, test on). The parameters of the rule were chosen within weeks 1-2 alone."""


@dataclass(frozen=True)
class Recording:
    """A recorded home: its facts in order, and what the person said they did (epoch ms)."""

    facts: Sequence[Fact]
    activities: Sequence[tuple[int, int, str]]

    @classmethod
    def load(cls, folder: Path) -> Recording:
        facts = []
        for row in _rows(folder / "house-a-sensors.csv"):
            began, ended = _millis(row["start"]), _millis(row["end"])
            if row["sensor"] == ENTRY:
                facts.append(_fact(ENTRY, "door_contact", "opened", began))
                facts.append(_fact(ENTRY, "door_contact", "closed", ended))
            else:
                facts.append(_fact(row["sensor"], "binary_sensor", "active", began))
        activities = [
            (_millis(row["start"]), _millis(row["end"]), row["activity"])
            for row in _rows(folder / "house-a-activities.csv")
        ]
        return cls(sorted(facts, key=lambda fact: fact.at), activities)

    def doing(self, at: int) -> set[str]:
        """Give what the person was doing at a moment."""
        return {what for began, ended, what in self.activities if began <= at < ended}

    def waking_moments(self, days: Days, number: int, seed: int) -> list[int]:
        """Choose moments in which the person was at home and up."""
        chance = random.Random(seed)
        began, ended = self.activities[0][0], max(end for _, end, _ in self.activities)
        found: list[int] = []
        while len(found) < number:
            at = chance.randrange(began, ended)
            if day_of(at) in days and not self.doing(at) & _NOT_WAKING:
                found.append(at)
        return found


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def _millis(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def _fact(sensor: str, model: str, event: str, at: int) -> Fact:
    entities = {"device": sensor, "household": "home"}
    return Fact(sensor, model, entities, at, at, {}, event=event)


def day_of(at: int) -> int:
    return (datetime.fromtimestamp(at / 1000, ZONE).date() - FIRST_DAY).days


def teach(recording: Recording, days: Days) -> Profile:
    """Learn the home's silences of some days."""
    every = Silences().take(recording.facts, lambda _since, _until: 0)
    profile = learn_peaks([one for one in every if day_of(one[0]) in days], ZONE)
    assert profile is not None
    return profile


class Play:
    """One rule, one home, in virtual time."""

    def __init__(self, rule: Rule, profile: Profile | None) -> None:
        self._rules = RuleSet([rule], timezone=str(ZONE))
        self._rule = self._rules.get(rule.id)
        self._learned = Learned({QUANTITY: profile} if profile else {}, ZONE)

    def run(self, facts: Sequence[Fact], until: int) -> list[Finding]:
        """Give what the rule finds; time goes on to ``until`` after the last fact."""
        self._home: HomeState | None = None
        start = facts[0].at - 1
        self._found: list[Finding] = []
        self._take(self._rule.start("home", self._context(start), facts[0].device))
        for fact in facts:
            self._pass(fact.at - 1)
            self._home = observe(self._home, fact)
            if self._rule in self._rules.matching(fact):
                self._take(self._rule.step(self._state, fact, self._context(fact.at)))
        self._pass(until)
        return self._found

    def _take(self, outcome: Any) -> None:
        self._state, self._due = outcome.state, outcome.due
        self._found += outcome.findings

    def _pass(self, until: int) -> None:
        while self._due is not None and self._due <= until:
            self._take(self._rule.tick(self._state, self._context(self._due)))

    def _context(self, now: int) -> Context:
        site: dict[str, Any] = {"gateway_online": True, "home": home(self._home, now)}
        quiet = quiet_h(self._home, now)
        if quiet is not None:
            site["quiet_h"] = quiet
        return Context(
            now=now,
            attributes={},
            current={},
            person={"lives_alone": True},
            site=site,
            blind=lambda _: 0,
            baseline=self._learned.read,
        )


def false_alerts(play: Play, recording: Recording, days: Days) -> list[Finding]:
    """Give what rings on days on which nothing happened."""
    end = _millis((FIRST_DAY + timedelta(days=DAYS)).isoformat())
    found = play.run(recording.facts, end)
    return [f for f in found if f.kind is FindingKind.active and day_of(f.at) in days]


def delays(play: Play, recording: Recording, cuts: Sequence[int]) -> tuple[list[float], int]:
    """Give the hours from each cut until it rings, and how often it was ringing already.

    Infinite where it does not ring, also where it rang already: for nothing, as it seemed.
    Only the days just before matter to what is remembered at the cut.
    """
    times = [fact.at for fact in recording.facts]
    found, ringing = [], 0
    for cut in cuts:
        first = bisect_right(times, cut - 4 * 24 * _HOUR_MS)
        before = recording.facts[first : bisect_right(times, cut)]
        findings = play.run(before, cut + HORIZON_H * _HOUR_MS)
        rung = [f.at - cut for f in findings if f.kind is FindingKind.active and f.at > cut]
        found.append(min(rung, default=inf) / _HOUR_MS)
        earlier = [f.kind for f in findings if f.at <= cut]
        ringing += bool(earlier) and earlier[-1] is not FindingKind.cleared
    return found, ringing


def sum_up(
    name: str, false: Sequence[Finding], waits: Sequence[float], ringing: int
) -> dict[str, Any]:
    """Give the figures of one rule; an undetected cut counts as waiting for ever."""
    return {
        "rule": name,
        "false": len(false),
        "median_h": round(statistics.median(waits), 2),
        "p90_h": round(percentile(waits, 0.9), 2),
        "undetected": sum(wait == inf for wait in waits),
        "ringing": ringing,
    }


def measure(recording: Recording, learn_on: Days, test_on: Days, seed: int) -> list[dict[str, Any]]:
    """Give the figures of the fixed and the learned rule on the same cuts."""
    cuts = recording.waking_moments(test_on, CUTS, seed)
    figures = []
    for rule, profile in ((FIXED, None), (LEARNED, None), (LEARNED, teach(recording, learn_on))):
        play = Play(rule, profile)
        name = "fixed 12 h" if rule is FIXED else "learned" if profile else "library, untaught"
        false = false_alerts(play, recording, test_on)
        figures.append(sum_up(name, false, *delays(play, recording, cuts)))
    fixed = figures[0]["median_h"]
    for one in figures:
        one["ratio"] = round(fixed / one["median_h"], 2)
    return figures


def confusion(recording: Recording) -> dict[str, float]:
    """Give how often the home state agrees with what the person said, per minute, in %.

    ``said out, state in`` is what an inactivity rule must fear.
    """
    began, ended = recording.activities[0][0], max(end for _, end, _ in recording.activities)
    counts: dict[str, int] = {}
    state, facts = None, iter(recording.facts)
    fact = next(facts, None)
    minutes = range(began, ended, _MINUTE_MS)
    for now in minutes:
        while fact is not None and fact.at <= now:
            state, fact = observe(state, fact), next(facts, None)
        said = "out" if "leave-house" in recording.doing(now) else "in"
        key = f"said {said}, state {home(state, now)}"
        counts[key] = counts.get(key, 0) + 1
    return {key: round(100 * n / len(minutes), 2) for key, n in sorted(counts.items())}


def run(folder: Path) -> dict[str, Any]:
    """Measure every split, and more seeds of the first."""
    recording = Recording.load(folder)
    result: dict[str, Any] = {"home": confusion(recording)}
    for name, (learn_on, test_on) in SPLITS.items():
        result[name] = measure(recording, learn_on, test_on, SEED)
    learn_on, test_on = SPLITS["weeks 1-2 / 3-4"]
    for seed in range(2, 6):
        result[f"seed {seed}"] = measure(recording, learn_on, test_on, seed)
    return result


def show(result: Mapping[str, Any]) -> None:
    """Print the figures."""
    print(f"\nHouse A, {DAYS} days; {CUTS} cuts at waking moments at home, horizon {HORIZON_H} h")
    for key, share in result["home"].items():
        print(f"  {key:<34} {share:>8} % of minutes")
    head = ("false", "median_h", "p90_h", "undetected", "ringing", "ratio")
    print(f"\n  {'learn / test':<18} {'rule':<18}" + "".join(f"{name:>12}" for name in head))
    for split, rows in result.items():
        if split != "home":
            for row in rows:
                line = "".join(f"{row[name]:>12}" for name in head)
                print(f"  {split:<18} {row['rule']:<18}{line}")
