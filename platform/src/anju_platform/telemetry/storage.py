"""The time series on disk: a hypertable where TimescaleDB is installed, else partitions by day.

Both have the same table name and columns. Partitions exist ahead of time; a default
partition takes readings of any other day, so an odd timestamp never stops a batch, and its
rows move to a day's partition when that is made.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from anju_platform.database import now

log = logging.getLogger(__name__)

OWN_NAMES = ("telemetry_", "ix_telemetry_")
"""How the names of partitions and of their indexes begin; no model describes them."""

_DAY = timedelta(days=1)
_PARTITION = "telemetry_%Y%m%d"
_LOCK = 0x616E6A75_00000002


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long readings are kept, and how many days of partitions stand ready."""

    keep_days: int = 730
    ahead_days: int = 7
    behind_days: int = 2


def keep_partitions(engine: Engine, retention: Retention | None = None) -> list[str]:
    """Make the partitions of the days to come and drop those past retention.

    Gives the names made or dropped; nothing where TimescaleDB does both by its own policies.
    Each step is a transaction of its own, so that ingest never waits long.
    """
    retention = retention or Retention()
    if _is_hypertable(engine):
        return []
    today = now().date()
    changed = []
    for offset in range(-retention.behind_days, retention.ahead_days + 1):
        with engine.begin() as connection:
            _alone(connection)
            changed += _make(connection, today + offset * _DAY)
    for day in _days(engine):
        if day < today - retention.keep_days * _DAY:
            with engine.begin() as connection:
                _alone(connection)
                changed += _drop(connection, day)
    with engine.begin() as connection:
        _empty_default(connection, today - retention.keep_days * _DAY)
    return changed


def _alone(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _is_hypertable(engine: Engine) -> bool:
    with engine.connect() as connection:
        kind = connection.scalar(text("SELECT relkind FROM pg_class WHERE relname = 'telemetry'"))
        return bool(kind == "r")


def _days(engine: Engine) -> list[date]:
    query = text(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'telemetry'::regclass AND c.relname <> 'telemetry_default'"
        " ORDER BY 1"
    )
    with engine.connect() as connection:
        names = connection.scalars(query).all()
    return [datetime.strptime(name, _PARTITION).replace(tzinfo=UTC).date() for name in names]


def _make(connection: Connection, day: date) -> list[str]:
    name = day.strftime(_PARTITION)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        return []
    bounds = f"'{day} 00:00+00'", f"'{day + _DAY} 00:00+00'"
    inside = f"observed_at >= {bounds[0]} AND observed_at < {bounds[1]}"
    connection.execute(text(f"CREATE TABLE {name} (LIKE telemetry INCLUDING DEFAULTS)"))
    connection.execute(
        text(
            f"WITH moved AS (DELETE FROM telemetry_default WHERE {inside} RETURNING *)"  # noqa: S608 - names and dates of our own
            f" INSERT INTO {name} SELECT * FROM moved"
        )
    )
    connection.execute(
        text(
            f"ALTER TABLE telemetry ATTACH PARTITION {name}"
            f" FOR VALUES FROM ({bounds[0]}) TO ({bounds[1]})"
        )
    )
    return [name]


def _drop(connection: Connection, day: date) -> list[str]:
    name = day.strftime(_PARTITION)
    connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    log.info("dropped %s: past retention", name)
    return [name]


def _empty_default(connection: Connection, oldest: date) -> None:
    """Drop what is past retention by our clock only if it is not a device's wrong clock.

    A reading far in the past may come from a device whose clock stood at its factory value;
    such rows stay in the default partition for as long as a true one would.
    """
    connection.execute(
        text(
            "DELETE FROM telemetry_default"
            " WHERE observed_at < :oldest AND observed_at >= '2020-01-01'"
        ),
        {"oldest": oldest},
    )
