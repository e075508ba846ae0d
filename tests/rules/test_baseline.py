"""What is learned: robust, indifferent to order and repetition, unknown while it is too little."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju_rules import CompiledRule, Context, Fact
from anju_rules.baseline import Learned, Profile, Sample, learn, learn_peaks, quantities
from anju_rules.loading import read_rules
from anju_rules.ruleset import RuleSet

ZONE = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = 1_767_542_400_000
"""2026-01-05 00:00 in Shanghai."""
HOUR, DAY = 3_600_000, 86_400_000

Teach = Callable[[Iterable[Sample], ZoneInfo], Profile | None]
samples = st.lists(
    st.tuples(
        st.integers(MONDAY, MONDAY + 28 * DAY),
        st.floats(-1000, 1000, allow_nan=False, allow_infinity=False),
    ),
    max_size=200,
)
learning = pytest.mark.parametrize("teach", [learn, learn_peaks])


def at(hour: float, day: int = 0) -> int:
    return MONDAY + day * DAY + round(hour * HOUR)


def usual(profile: Profile | None, moment: int, zone: ZoneInfo = ZONE) -> dict[str, float]:
    assert profile is not None
    return Learned({"x": profile}, zone).read(moment)


@learning
@given(given=samples, seed=st.integers(0, 99))
def test_neither_order_nor_repetition_matters(teach: Teach, given: list[Sample], seed: int) -> None:
    shuffled = [*given, *given[::2]]
    random.Random(seed).shuffle(shuffled)
    assert teach(shuffled, ZONE) == teach(given, ZONE)


@learning
@given(given=samples)
def test_p95_is_never_below_the_median_nor_the_mad_below_zero(
    teach: Teach, given: list[Sample]
) -> None:
    profile = teach(given, ZONE)
    for cell in profile.cells if profile else ():
        if cell is not None:
            assert cell.p95 >= cell.median
            assert cell.mad >= 0
            assert cell.days >= 3


@settings(max_examples=25)
@given(seed=st.integers(0, 999), far=st.floats(100, 1e9), sign=st.sampled_from([-1, 1]))
def test_five_in_a_hundred_outliers_change_little(seed: int, far: float, sign: int) -> None:
    chance = random.Random(seed)
    clean = [
        (at(hour, day), chance.gauss(20, 1)) for day in range(28) for hour in (7.0, 7.2, 7.4, 7.6)
    ]
    spoilt = list(clean)
    for number in chance.sample(range(len(spoilt)), len(spoilt) // 20):
        spoilt[number] = (spoilt[number][0], sign * far)
    for weekday in range(7):
        right, found = (usual(learn(s, ZONE), at(7, weekday)) for s in (clean, spoilt))
        assert abs(found["x_median"] - right["x_median"]) < 1
        assert abs(found["x_p95"] - right["x_p95"]) < 2
        assert found["x_mad"] < 3


def test_what_is_far_away_but_frequent_is_a_habit() -> None:
    washing = [(at(19, day), 2000.0 if day % 7 == 5 else 50.0 + day % 3) for day in range(28)]
    assert usual(learn(washing, ZONE), at(19, 5))["x_median"] == 2000


@learning
def test_it_says_only_its_age_while_it_is_young(teach: Teach) -> None:
    known = [(at(8, day), 5.0) for day in range(6)]
    assert usual(teach(known, ZONE), at(8)) == {"x_days": 6}
    known.append((at(8, 6), 5.0))
    assert usual(teach(known, ZONE), at(8))["x_median"] == 5
    assert teach([], ZONE) is None


def test_a_cell_borrows_from_its_kind_of_day_then_from_the_hour_then_from_nobody() -> None:
    def each(day: int) -> float:
        return 100.0 + day if day % 7 >= 5 else float(day % 7)

    month = learn([(at(8, day), each(day)) for day in range(28)], ZONE)
    assert usual(month, at(8, 2))["x_median"] == 2
    fortnight = learn([(at(8, day), each(day)) for day in range(14)], ZONE)
    assert usual(fortnight, at(8, 2))["x_median"] == 2  # of all workdays: 0 to 4
    assert usual(fortnight, at(8, 4))["x_median"] == 2
    assert usual(fortnight, at(8, 5))["x_median"] > 100
    week = learn([(at(8, day), each(day)) for day in range(7)], ZONE)
    assert usual(week, at(8, 5))["x_median"] == 3  # of all days: two of a weekend are too few
    assert usual(month, at(9, 2)) == {"x_days": 28}


def test_a_gap_of_days_leaves_what_is_known() -> None:
    known: list[Sample] = [(at(8, day), 5.0) for day in range(28) if not 7 <= day < 20]
    assert usual(learn(known, ZONE), at(8, 14))["x_median"] == 5


@pytest.mark.parametrize("start", [datetime(2026, 3, 9), datetime(2026, 10, 5)])  # noqa: DTZ001
def test_the_hours_are_those_of_the_clocks_on_the_wall(start: datetime) -> None:
    begin = start.replace(tzinfo=BERLIN)
    known = []
    for day in range(28):  # the clocks change in the third week
        for hour in range(24):
            local = begin + timedelta(days=day, hours=hour)
            known.append((round(local.timestamp() * 1000), float(hour)))
    profile = learn(known, BERLIN)
    later = begin + timedelta(days=21)
    for hour in range(24):
        moment = round((later + timedelta(hours=hour)).timestamp() * 1000)
        assert usual(profile, moment, BERLIN)["x_median"] == hour


def test_of_each_day_and_hour_only_the_peak_counts_and_hours_beside_it_know() -> None:
    naps = [(at(14 + minute / 60, day), 0.1) for day in range(10) for minute in range(30)]
    naps += [(at(14.5, day), 2.0) for day in range(10)]
    profile = learn_peaks(naps, ZONE)
    assert usual(profile, at(14))["x_median"] == 2
    assert usual(profile, at(13)) == usual(profile, at(15)) == usual(profile, at(14))
    assert "x_median" not in usual(profile, at(16))


@given(given=samples)
def test_it_is_stored_and_read_back_whole(given: list[Sample]) -> None:
    profile = learn(given, ZONE)
    if profile is not None:
        stored = msgspec.json.encode(msgspec.to_builtins(profile))
        assert msgspec.convert(msgspec.json.decode(stored), Profile) == profile


UNUSUAL = """
id: unusually-warm
title: {zh: 异常高温, en: Unusually warm}
icon: temperature
severity: 3
models: [climate]
when: m.temperature > b.temperature_p95 + 5 * b.temperature_mad
"""


def warm(rule: CompiledRule, profile: Profile | None, value: float, moment: int) -> list[str]:
    values = {"temperature": value}
    fact = Fact("d", "climate", {"device": "d"}, moment, moment, values)
    learned = Learned({"temperature": profile} if profile else {}, ZONE)
    context = Context(moment, {}, {}, {}, {}, lambda _: 0, learned.read)
    return [str(finding.kind) for finding in rule.step(None, fact, context).findings]


def test_a_condition_reads_what_is_usual_at_that_hour_and_nothing_before_it_is_known() -> None:
    (rule,) = read_rules(UNUSUAL, "test")
    assert quantities(rule) == {"temperature"}
    compiled = RuleSet([rule]).get(rule.id)
    days = [(at(h, d), 20 + h / 2 + d % 3 / 4) for d in range(28) for h in range(24)]
    profile = learn(days, ZONE)
    assert warm(compiled, profile, 28.4, at(3, 30)) == ["active"]
    assert warm(compiled, profile, 28.4, at(15, 30)) == []
    assert warm(compiled, None, 90, at(3, 30)) == []
    assert warm(compiled, learn(days[: 6 * 24], ZONE), 90, at(3, 30)) == []
