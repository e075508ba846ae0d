"""Brings roll-ups up to date: what was stored lately, and what came late."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import Engine

from anju_platform.database import now, reading, transaction
from anju_platform.telemetry import storage
from anju_platform.telemetry.rollups import repository
from anju_platform.telemetry.rollups.cover import DAY, HOUR, floor
from anju_platform.telemetry.rollups.repository import Mark

log = logging.getLogger(__name__)

SETTLED = timedelta(minutes=1)
"""An hour that readings still pour into, as after an outage, is summed up when they end."""


def bring_up_to_date(
    engine: Engine, *, settled: timedelta = SETTLED, keep_days: int | None = None
) -> int:
    """Sum up the hours that are over and stale, and their days; gives how many hours.

    An hour whose readings may be gone, being past ``keep_days``, is not summed up again: it
    would know less than before.

    A community's day is one transaction, in which nothing waits that ingest wants. Whoever is
    killed in the middle goes on where it was; of two at once one does it.
    """
    at = now()
    with reading(engine) as session:
        marks = repository.settled(session, began_before=at - HOUR, touched_before=at - settled)
    sum_up = _refresh if storage.is_hypertable(engine) else _sum_up
    done = 0
    for of_day in _by_day(marks):
        wanted = of_day
        if keep_days is not None and of_day[0][1] < at - keep_days * DAY:
            wanted = _unknown(engine, of_day)
        if wanted and not sum_up(engine, wanted):
            return done
        with transaction(engine) as session:
            done += repository.take_marks_away(session, of_day)
    if done:
        log.info("summed up %d hours of readings", done)
    return done


def _unknown(engine: Engine, marks: Sequence[Mark]) -> list[Mark]:
    with reading(engine) as session:
        known = repository.known(session, marks)
    return [mark for mark in marks if mark[:2] not in known]


def _by_day(marks: Sequence[Mark]) -> Iterator[list[Mark]]:
    for _, of_day in groupby(marks, key=lambda mark: floor(mark[1], DAY)):
        yield list(of_day)


def _sum_up(engine: Engine, marks: Sequence[Mark]) -> bool:
    """Sum up hours of one day; False when another process does so now."""
    day = floor(marks[0][1], DAY)
    for community in sorted({community for community, _, _ in marks}):
        with transaction(engine) as session:
            if not repository.is_alone(session):
                return False
            for hour in _hours(marks, community):
                repository.sum_hour(session, community, hour, hour + HOUR)
            repository.sum_day(session, community, day, day + DAY)
    return True


def _hours(marks: Sequence[Mark], community: int) -> list[datetime]:
    return sorted(hour for of, hour, _ in marks if of == community)


def _refresh(engine: Engine, marks: Sequence[Mark]) -> bool:
    """Refresh the aggregates of one day, of which TimescaleDB knows what has changed."""
    day = floor(marks[0][1], DAY)
    until = max(hour for _, hour, _ in marks) + HOUR
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        repository.refresh(connection, "telemetry_hourly", day, until)
        repository.refresh(connection, "telemetry_daily", day, day + DAY)
    return True
