"""Deletes what is past its time: of each community and of each kind, in small transactions.

Days that nobody keeps any longer are dropped whole (``storage.py``); here goes what one
community or kind keeps less long than another. Roll-ups of what is deleted stay.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.database import UNAVAILABLE, is_deadlock, now, reading, transaction
from anju_platform.telemetry import storage
from anju_platform.telemetry.model import Kept
from anju_platform.telemetry.retention import repository
from anju_platform.telemetry.rollups.cover import DAY, floor
from anju_platform.telemetry.rollups.repository import oldest_stale_hour

log = logging.getLogger(__name__)

Defaults = Mapping[Kept, int]
"""Days that the settings say."""

_CLOCKS_SET = datetime(2020, 1, 1, tzinfo=UTC)
"""An earlier time is a clock that was never set: its readings stay anyhow."""
_MOST_LOST = 5
_PIECE_DEVICES = 50
"""Of so many devices a day's readings are deleted in one transaction."""
_PIECE_ROWS = 10_000
_ROLLUPS = ("telemetry_hourly", "telemetry_daily")
_READINGS = {Kept.READINGS: False, Kept.HEALTH: True}
_SUMS = {Kept.ROLLUPS: False, Kept.HEALTH_ROLLUPS: True}


@dataclass(frozen=True, slots=True)
class Keeper:
    """What one community keeps, in days."""

    community_id: int
    days: Mapping[Kept, int]

    def since(self, kind: Kept, at: datetime) -> datetime:
        """Give the midnight (UTC) from which on something is kept."""
        return floor(at, DAY) - self.days[kind] * DAY


def keepers(session: Session, defaults: Defaults) -> list[Keeper]:
    """Give every community with what it keeps."""
    own = repository.rules(session)
    return [
        Keeper(number, {kind: own.get((number, kind), days) for kind, days in defaults.items()})
        for number in repository.communities(session)
    ]


def longest(engine: Engine, defaults: Defaults) -> int:
    """Give for how many days readings are kept by whoever keeps them longest."""
    with reading(engine) as session:
        found = keepers(session, defaults)
    return max(keeper.days[kind] for keeper in [_settings(defaults), *found] for kind in _READINGS)


def shortest(engine: Engine, defaults: Defaults) -> int:
    """Give for how many days readings are kept by whoever keeps them least long."""
    with reading(engine) as session:
        found = keepers(session, defaults)
    return min(keeper.days[kind] for keeper in [_settings(defaults), *found] for kind in _READINGS)


def _settings(defaults: Defaults) -> Keeper:
    return Keeper(0, defaults)


def is_summed_up(engine: Engine, defaults: Defaults) -> bool:
    """Tell whether nothing that is to be deleted still waits to be summed up."""
    with reading(engine) as session:
        waits = oldest_stale_hour(session, _CLOCKS_SET)
    return waits is None or waits >= floor(now(), DAY) - shortest(engine, defaults) * DAY


def forget(engine: Engine, defaults: Defaults) -> None:
    """Delete what is past its time; harmless when done twice or broken off."""
    at = now()
    whole = floor(at, DAY) - longest(engine, defaults) * DAY
    with reading(engine) as session:
        found = keepers(session, defaults)
    for keeper in found:
        for kind in _READINGS:
            _forget_readings(engine, keeper, kind, whole, keeper.since(kind, at))
        for kind in _SUMS:
            _forget_rollups(engine, keeper, kind, keeper.since(kind, at))
        _forget_events(engine, keeper, keeper.since(Kept.EVENTS, at))


def _forget_readings(
    engine: Engine, keeper: Keeper, kind: Kept, start: datetime, end: datetime
) -> None:
    """Delete day by day, and remember how far: the next time begins there."""
    with reading(engine) as session:
        done = repository.forgotten_until(session, keeper.community_id, kind)
        devices = repository.devices(session, keeper.community_id)
        fields = repository.fields(session, health=_READINGS[kind])
    day = max(start, done or start)
    while day < end:
        deleted = 0
        for some in _pieces(devices):
            with transaction(engine) as session:
                deleted += repository.delete_readings(session, some, fields, day, day + DAY)
        day += DAY
        with transaction(engine) as session:
            repository.note_forgotten(session, keeper.community_id, kind, day)
        if deleted:
            log.info("deleted %d readings (%s) of a day past retention", deleted, kind)


def _forget_rollups(engine: Engine, keeper: Keeper, kind: Kept, before: datetime) -> None:
    is_hypertable = storage.is_hypertable(engine)
    with reading(engine) as session:
        devices = repository.devices(session, keeper.community_id)
        fields = repository.fields(session, health=_SUMS[kind])
        tables = [
            repository.table_of_rollup(session, name, is_hypertable=is_hypertable)
            for name in _ROLLUPS
        ]
    for table in tables:
        for some in _pieces(devices):
            with transaction(engine) as session:
                repository.delete_rollups(session, table, some, fields, before)


def _forget_events(engine: Engine, keeper: Keeper, before: datetime) -> None:
    in_pieces(
        engine,
        lambda session, limit: repository.delete_events(
            session, keeper.community_id, before, limit=limit
        ),
    )


def in_pieces(
    engine: Engine, remove: Callable[[Session, int], int], limit: int = _PIECE_ROWS
) -> None:
    """Remove by transactions of ``limit`` rows until none is left; ``remove`` gives how many.

    A piece that lost a deadlock (TimescaleDB locks a day's tables in an order of its own) is
    tried again.
    """
    lost = 0
    while True:
        try:
            with transaction(engine) as session:
                if remove(session, limit) < limit:
                    return
        except UNAVAILABLE as error:
            lost += 1
            if not is_deadlock(error) or lost > _MOST_LOST:
                raise
            log.info("retention gave way to others (%d); it tries again", lost)


def _pieces(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _PIECE_DEVICES):
        yield numbers[start : start + _PIECE_DEVICES]
