"""The product under load: for minutes, in a burst, and when a day's readings come at once.

Buttons behind another gateway are pressed meanwhile. Every point is counted in the database:
one too few or one too many ends the measurement without a figure.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.bench.alarms import Alarms
from tests.bench.crew import Crew, alerts_by_rule, estate_points
from tests.bench.estate import Estate
from tests.bench.feeder import Fed
from tests.bench.shares import Shares
from tests.bench.site import conditions, staged
from tests.bench.supply import Day, Phases, Sustained, Task

from anju_edge.spool import LINGER_S
from anju_platform.demo.stage import Stage

Result = dict[str, Any]

PER_S = 3.0
"""Alarms a second."""
BURST = 10
"""So many times the base rate."""
COMMUNITY = 5_000
"""Devices of the community whose day is drained."""
_BIN_S = 10.0
_DAY_GATEWAYS = 5


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured: ``seconds`` of a load or of each phase, ``hours`` of a backlog.

    ``rate`` is in points a second of all gateways: at most, or before the burst; 0: as fast
    as they are committed.
    """

    seconds: float
    gateways: int = 10
    devices: int = 10_000
    rate: float = 0.0
    hours: float = 24.0
    readings: int = 500
    ingests: int = 1
    calm_s: float = 10.0
    """Before the load, in which there are only alarms."""


@dataclass(frozen=True)
class Course:
    """What a load did; times are epoch seconds."""

    fed: Sequence[Fed]
    begun: float
    ended: float
    figures: Result
    alarms: Alarms


@contextmanager
def _stage(
    folder: Path, estate: Estate, scale: Scale, say: Callable[[str], None], buttons: int
) -> Iterator[tuple[Stage, Result]]:
    load = f"{os.getloadavg()[0]:.1f}"
    with staged(folder, buttons, say, estate, scale.ingests) as stage:
        fed = {
            "communities_fed": estate.communities,
            "gateways_fed": estate.gateways,
            "devices_fed": estate.devices,
        }
        yield stage, {**conditions(stage), "load_before": load, **fed}


def _course(stage: Stage, estate: Estate, task: Task, scale: Scale, per_s: float) -> Course:
    """Let alarms come, then the load too, then alarms alone again."""
    crew = Crew(stage, estate.by_gateway(), task, readings=scale.readings)
    stored, alerts = estate_points(stage), alerts_by_rule(stage)
    with Alarms(stage, per_s=per_s) as alarms:
        time.sleep(scale.calm_s)
        shares = Shares(stage)
        begun = time.time()
        crew.go()
        fed = crew.finish()
        ended = time.time()
        taken = shares.taken()
        time.sleep(scale.calm_s)
    sent = sum(one.points for one in fed)
    if not sent:
        raise SystemExit("no batch was full within that time: nothing was sent")
    stored = estate_points(stage) - stored
    if stored != sent:
        raise SystemExit(f"{sent} points were committed, {stored} are in the database")
    seconds = max(one.seconds for one in fed)
    figures = {
        "points_sent": sent,
        "points_stored": stored,
        "seconds": round(seconds, 1),
        "points_per_s": round(stored / seconds),
        "alerts_by_rule": dict(alerts_by_rule(stage) - alerts),
        "share_of_the_machine_percent": taken,
    }
    return Course(fed, begun, ended, figures, alarms)


def _estate(scale: Scale) -> Estate:
    """Give as many communities as gateways where several ingests are to share them."""
    communities = scale.gateways if scale.ingests > 1 else 1
    return Estate(gateways=scale.gateways, devices=scale.devices, communities=communities)


def sustained(folder: Path, scale: Scale, say: Callable[[str], None]) -> Result:
    """Feed as fast as is committed, or at a rate, for so many seconds."""
    estate = _estate(scale)
    each = scale.rate / 3 / scale.gateways
    if scale.rate:
        fit = max(1, round(each * LINGER_S))  # an agent does not wait longer for more
        scale = replace(scale, readings=min(scale.readings, fit))
    task = Phases([(scale.seconds, each)]) if scale.rate else Sustained(scale.seconds)
    with _stage(folder, estate, scale, say, _buttons(scale.seconds, PER_S)) as (stage, given):
        course = _course(stage, estate, task, scale, PER_S)
    slowest = min(_rates(course), default=course.figures["points_per_s"])
    return {
        "conditions": given,
        **course.figures,
        "points_per_s_in_the_slowest_10_s": round(slowest),
        "alarms_ms": {
            "alone": course.alarms.figures(until=course.begun),
            "under load": course.alarms.figures(course.begun, course.ended),
        },
    }


def burst(folder: Path, scale: Scale, say: Callable[[str], None]) -> Result:
    """Feed at a rate, then ten times as much, then at the rate again."""
    estate = _estate(scale)
    each, s = scale.rate / 3 / scale.gateways, scale.seconds
    phases = Phases([(s, each), (s, BURST * each), (s, each)])
    with _stage(folder, estate, scale, say, _buttons(5 * s, PER_S)) as (stage, given):
        course = _course(stage, estate, phases, scale, PER_S)
    begins, ends = course.begun + s, course.begun + 2 * s
    waiting = [_at(one, ends) for one in course.fed]
    caught_up = max(_committed_at(one, _at(one, ends)[0]) for one in course.fed)
    figures = course.alarms.figures
    return {
        "conditions": given,
        **course.figures,
        "base_points_per_s": scale.rate,
        "burst_points_per_s": BURST * scale.rate,
        "burst_seconds": s,
        "points_waiting_at_its_end": 3 * sum(due - done for due, done in waiting),
        "seconds_until_all_of_it_was_committed": round(max(0.0, caught_up - ends), 1),
        "alarms_ms": {
            "before": figures(course.begun, begins),
            "during": figures(begins, ends),
            "until it was committed": figures(ends, caught_up),
            "after": figures(caught_up, course.begun + 3 * s),
        },
    }


def drain(folder: Path, scale: Scale, say: Callable[[str], None]) -> Result:
    """Let the gateways of a community come back with all its devices said in some hours."""
    estate = Estate(gateways=_DAY_GATEWAYS, devices=scale.devices, models=("climate",))
    day = Day(round(60 * scale.hours))
    per_s = 1 / 3
    with _stage(folder, estate, scale, say, _buttons(30 * scale.hours, per_s)) as (stage, given):
        course = _course(stage, estate, day, scale, per_s)
    return {
        "conditions": given,
        **course.figures,
        "hours": scale.hours,
        "times_real_time": round(3_600 * scale.hours / course.figures["seconds"]),
        "alarms_ms": {
            "alone": course.alarms.figures(until=course.begun),
            "while it drains": course.alarms.figures(course.begun, course.ended),
        },
    }


def _buttons(seconds: float, per_s: float) -> int:
    return min(9_999, round(1.5 * (seconds + 60) * per_s))


def _rates(course: Course) -> list[float]:
    """Give the points a second of each full 10 s from the first on."""
    edges = [course.begun + n * _BIN_S for n in range(int((course.ended - course.begun) / _BIN_S))]
    done = [sum(_at(one, edge)[1] for one in course.fed) for edge in edges]
    return [3 * (after - before) / _BIN_S for before, after in pairwise(done)]


def _at(fed: Fed, at: float) -> tuple[int, int]:
    """Give a feeder's readings due and committed by a time."""
    before = [(due, done) for moment, due, done in fed.samples if moment <= at]
    return before[-1] if before else (0, 0)


def _committed_at(fed: Fed, readings: int) -> float:
    """Give when so many of a feeder's readings were committed."""
    return next(at for at, _, done in fed.samples if done >= readings)
