"""What is usual: a profile by hour of the day and weekday, learned from samples.

A cell of the profile holds the median, the 95th percentile, the median absolute deviation
(MAD) and how much it was learned from. A cell that knows too few days borrows from the
days of its kind (workdays, or the weekend), then from the hour on all days; where that too
is too little, nothing is known. A profile younger than a week tells its ``days`` and
nothing else. Hours are those of the site's clocks: on the day a clock goes forward an hour
has no samples, on the day it goes back one has twice as many.

Percentiles are interpolated linearly between order statistics (Hyndman and Fan 1996, type
7), so p95 >= median always.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from math import isfinite
from statistics import fmean, median
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_rules.condition import compile_condition
from anju_rules.rule import Rule

YOUNG_DAYS = 7
"""A profile of fewer days is not believed."""
CELL_DAYS = 3
"""A cell of fewer days borrows."""
ACCIDENTS = 0.05
"""So many samples of an hour may lie far away and be left out; more are a habit, and stay."""
FAR_MADS = 10.0
"""Farther from the median than this many MADs is far away."""

_HOURS, _WEEKDAYS, _SATURDAY = 24, 7, 5
_ROUND = 6
_HOUR = timedelta(hours=1)
_NAME = re.compile(r"(.+)_(?:median|p95|mad|days)")

Sample = tuple[int, float]
"""(time in epoch milliseconds, value)."""


class Cell(msgspec.Struct, frozen=True, array_like=True):
    """What is usual in one hour of one weekday; ``samples`` on ``days`` different days."""

    median: float
    p95: float
    mad: float
    samples: int
    days: int


class Profile(msgspec.Struct, frozen=True):
    """What is usual, for all hours of a week.

    ``cells[24 * weekday + hour]``, Monday first, is what holds then, already borrowed where
    it had to be. ``since`` and ``until`` are the first and last sample (epoch ms).
    """

    days: int
    since: int
    until: int
    cells: tuple[Cell | None, ...]

    def at(self, hour: int, weekday: int) -> Cell | None:
        """Give what is usual in this hour of this weekday; None where it is not known."""
        return self.cells[_HOURS * weekday + hour] if self.cells else None


class Learned:
    """Profiles of an entity by quantity, read as ``b.*`` at a moment."""

    def __init__(self, profiles: Mapping[str, Profile], zone: ZoneInfo) -> None:
        self._profiles = profiles
        self._zone = zone

    def read(self, at: int) -> dict[str, Any]:
        """Give ``<quantity>_median``, ``_p95``, ``_mad`` and ``_days`` at a moment (epoch ms).

        The first three are left out, and so unknown to a condition, where nothing is known.
        """
        local = datetime.fromtimestamp(at / 1000, self._zone)
        found: dict[str, Any] = {}
        for quantity, profile in self._profiles.items():
            found[f"{quantity}_days"] = profile.days
            cell = profile.at(local.hour, local.weekday())
            if cell is not None:
                found[f"{quantity}_median"] = cell.median
                found[f"{quantity}_p95"] = cell.p95
                found[f"{quantity}_mad"] = cell.mad
        return found


def learn(samples: Iterable[Sample], zone: ZoneInfo) -> Profile | None:
    """Learn from values, such as an hour's mean of a sensor; None without any.

    In an hour, a few that lie far away are accidents and left out. Neither the order of
    samples nor samples told twice make a difference; of several at one time the mean counts.
    """
    by_hour: list[dict[date, list[float]]] = [{} for _ in range(_HOURS)]
    spread = _unique(samples)
    for at, value in spread.items():
        local = datetime.fromtimestamp(at / 1000, zone)
        by_hour[local.hour].setdefault(local.date(), []).append(value)
    return _profile(spread, zone, [_without_accidents(hour) for hour in by_hour])


def learn_peaks(samples: Iterable[Sample], zone: ZoneInfo) -> Profile | None:
    """Learn how far it goes: of each day's hour, and the hours beside it, the largest counts.

    So p95 is what is not passed on 95 of 100 days, which is what a threshold must know; and
    who goes to bed an hour earlier than ever is not far from what is known.
    """
    by_hour: list[dict[date, list[float]]] = [{} for _ in range(_HOURS)]
    spread = _unique(samples, largest=True)
    for at, value in spread.items():
        moment = datetime.fromtimestamp(at / 1000, zone)
        for beside in (-1, 0, 1):
            local = moment + beside * _HOUR
            peaks = by_hour[local.hour].setdefault(local.date(), [value])
            peaks[0] = max(peaks[0], value)
    return _profile(spread, zone, by_hour)


def _unique(samples: Iterable[Sample], *, largest: bool = False) -> dict[int, float]:
    values: dict[int, set[float]] = {}
    for at, value in samples:
        if isfinite(value):
            values.setdefault(at, set()).add(value)
    reduce: Callable[[Iterable[float]], float] = max if largest else fmean
    return {at: reduce(sorted(several)) for at, several in values.items()}


def _profile(
    samples: Mapping[int, float], zone: ZoneInfo, by_hour: list[dict[date, list[float]]]
) -> Profile | None:
    if not samples:
        return None
    days = len({datetime.fromtimestamp(at / 1000, zone).date() for at in samples})
    since, until = min(samples), max(samples)
    if days < YOUNG_DAYS:
        return Profile(days, since, until, ())
    cells = [
        _cell(by_hour[hour], weekday) for weekday in range(_WEEKDAYS) for hour in range(_HOURS)
    ]
    return Profile(days, since, until, tuple(cells))


def _cell(hour: Mapping[date, list[float]], weekday: int) -> Cell | None:
    """Give what holds in an hour of a weekday: its own, its kind's, or all days'."""
    free = weekday >= _SATURDAY
    own = [day for day in hour if day.weekday() == weekday]
    kind = [day for day in hour if (day.weekday() >= _SATURDAY) == free]
    for days in (own, kind, list(hour)):
        if len(days) >= CELL_DAYS:
            return _sum_up([value for day in days for value in hour[day]], len(days))
    return None


def _sum_up(values: list[float], days: int) -> Cell:
    middle = median(values)
    mad = median(abs(value - middle) for value in values)
    p95 = max(percentile(values, 0.95), middle)
    return Cell(round(middle, _ROUND), round(p95, _ROUND), round(mad, _ROUND), len(values), days)


def _without_accidents(hour: Mapping[date, list[float]]) -> dict[date, list[float]]:
    """Leave out what is far away and rare; what is far away and frequent stays."""
    values = [value for several in hour.values() for value in several]
    if not values:
        return {}
    middle = median(values)
    reach = FAR_MADS * median(abs(value - middle) for value in values)
    far = sum(abs(value - middle) > reach for value in values)
    if far == 0 or far > ACCIDENTS * len(values):
        return dict(hour)
    near = {
        day: [value for value in several if abs(value - middle) <= reach]
        for day, several in hour.items()
    }
    return {day: several for day, several in near.items() if several}


def percentile(values: Iterable[float], share: float) -> float:
    """Give the value below which a share of the values lies (type 7); at least one value."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def quantities(rule: Rule) -> frozenset[str]:
    """Give the quantities whose baseline a rule reads."""
    absence = rule.absent_for
    texts = [
        rule.when,
        rule.clear,
        rule.at_once,
        rule.unless.when if rule.unless else None,
        absence.condition if absence else None,
        *(rule.sequence.after if rule.sequence else ()),
        *(step.when for step in rule.steps),
    ]
    names = {
        name
        for text in texts
        if text is not None
        for name in compile_condition(text, rule.params).names("b")
    }
    found = {match.group(1) for name in names if (match := _NAME.fullmatch(name))}
    if absence is not None and absence.learned is not None:
        found.add(absence.learned.of)
    return frozenset(found)
