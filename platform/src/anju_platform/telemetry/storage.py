"""The time series on disk: a hypertable where TimescaleDB is installed, else partitions by day.

Both have the same table name and columns. Partitions exist ahead of time; a default
partition takes readings of any other day, so an odd timestamp never stops a batch, and its
rows move to a day's partition when that is made.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from anju_platform.database import now

log = logging.getLogger(__name__)

OWN_NAMES = ("telemetry_", "ix_telemetry_")
"""How the names of partitions and of their indexes begin; no model describes them."""

_DAY = timedelta(days=1)
_PARTITION = "telemetry_%Y%m%d"
_LOCK = 0x616E6A75_00000002
_PATIENCE_MS = 500
"""How long ingest may have to wait behind us, who wait for somebody that reads."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long readings are kept (None: nothing is dropped), and which partitions stand ready."""

    keep_days: int | None = None
    ahead_days: int = 7
    behind_days: int = 2


def keep_partitions(engine: Engine, retention: Retention | None = None) -> list[str]:
    """Make the partitions of the days to come and drop those past retention.

    Gives the names made or dropped; nothing where TimescaleDB does both by its own policies,
    of which the one that drops is made to agree. Each step is a transaction of its own, so
    that ingest never waits long; while somebody reads the series for long, such as a backup,
    the rest is left for the next time.
    """
    retention = retention or Retention()
    if is_hypertable(engine):
        if retention.keep_days is not None:
            _set_policy(engine, retention.keep_days)
        return []
    changed = []
    try:
        for names in _steps(engine, retention, now().date()):
            changed += names
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        log.warning("somebody has been reading the series for long; partitions are kept later")
    return changed


def _steps(engine: Engine, retention: Retention, today: date) -> Iterator[list[str]]:
    for offset in range(-retention.behind_days, retention.ahead_days + 1):
        with engine.begin() as connection:
            _alone(connection)
            made = _make(connection, today + offset * _DAY)
        yield made
    if retention.keep_days is None:
        return
    oldest = today - retention.keep_days * _DAY
    for day in _days(engine):
        if day < oldest:
            with engine.begin() as connection:
                _alone(connection)
                dropped = _drop(connection, day)
            yield dropped
    with engine.begin() as connection:
        _empty_default(connection, oldest)


def _set_policy(engine: Engine, keep_days: int) -> None:
    """Let TimescaleDB drop what is older; a policy that says so already is left alone."""
    days = {"days": keep_days}
    same = text(
        "SELECT 1 FROM timescaledb_information.jobs WHERE hypertable_name = 'telemetry'"
        " AND proc_name = 'policy_retention'"
        " AND (config ->> 'drop_after')::interval = make_interval(days => :days)"
    )
    with engine.begin() as connection:
        _alone(connection)
        if connection.scalar(same, days) is not None:
            return
        connection.execute(text("SELECT remove_retention_policy('telemetry', if_exists => true)"))
        add = text("SELECT add_retention_policy('telemetry', make_interval(days => :days))")
        connection.execute(add, days)
        log.info("readings are kept for %d days", keep_days)


def _alone(connection: Connection) -> None:
    """Let nobody else do this, and wait for no table: whoever writes would wait behind us."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = {_PATIENCE_MS}"))


def is_hypertable(engine: Engine) -> bool:
    """Tell whether TimescaleDB keeps the series."""
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
    """Delete what is past retention, unless a device's clock stood at its factory value.

    Nothing tells when such a reading came, so it stays. They are few: devices set their clocks.
    """
    connection.execute(
        text(
            "DELETE FROM telemetry_default"
            " WHERE observed_at < :oldest AND observed_at >= '2020-01-01'"
        ),
        {"oldest": oldest},
    )
