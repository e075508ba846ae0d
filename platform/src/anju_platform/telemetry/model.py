"""Tables of the time series.

``telemetry`` itself is made by the migration (hypertable or partitions); it is described
here so that queries can name its columns.
"""

from datetime import datetime
from enum import IntFlag, StrEnum

from sqlalchemy import (
    BigInteger,
    DateTime,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    TableClause,
    column,
    table,
)
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class Flag(IntFlag):
    """What is to be known of a stored reading, besides its value.

    ``FUTURE``: its time cannot be true. ``BEHIND``: its gateway's clock was.
    """

    ESTIMATED = 1
    STALE = 2
    FUTURE = 4
    LATE = 8
    RETAINED = 16
    BEHIND = 32


class TelemetryPoint(Table):
    """One value of one field of one device; narrow, without a key: the lanes make it unique.

    ``observed_at`` is the device's clock, unchanged; ``flags`` is a :class:`Flag`.
    """

    __tablename__ = "telemetry"
    community_id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(primary_key=True)
    field_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    observed_at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float]
    flags: Mapped[int] = mapped_column(SmallInteger)


class Kept(StrEnum):
    """What is kept for a time of its own. Alerts go with their timelines and messages."""

    READINGS = "readings"
    HEALTH = "health"
    ROLLUPS = "rollups"
    HEALTH_ROLLUPS = "health_rollups"
    EVENTS = "events"
    ALERTS = "alerts"


class KeepRule(Table):
    """For how many days a community keeps something, where that differs from the settings."""

    __tablename__ = "keep_rules"
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    keep_days: Mapped[int]


class ForgottenDays(Table):
    """Up to which day readings of a community are deleted before others' of the same day."""

    __tablename__ = "forgotten_days"
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class StaleHour(Table):
    """An hour of a community in which readings came that its roll-ups do not know yet.

    Whoever stores readings says so in the same transaction; what summed an hour up takes its
    mark away, unless it was touched again meanwhile.
    """

    __tablename__ = "stale_hours"
    community_id: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    touched_at: Mapped[datetime]


def _rollup(name: str) -> TableClause:
    time = DateTime(timezone=True)
    return table(
        name,
        column("community_id", BigInteger),
        column("device_id", BigInteger),
        column("field_id", SmallInteger),
        column("bucket", time),
        column("count", BigInteger),
        column("low", Float),
        column("low_at", time),
        column("high", Float),
        column("high_at", time),
        column("total", Float),
        column("last", Float),
        column("last_at", time),
    )


HOURLY = _rollup("telemetry_hourly")
DAILY = _rollup("telemetry_daily")
"""What a field of a device did in an hour or day of UTC, beginning at ``bucket``: how many
readings, the lowest and highest and when, their sum, the last and when. Tables, or continuous
aggregates of TimescaleDB; therefore made by the migration alone."""


class DeviceEvent(Table):
    """Something that happened, said by a device or detector."""

    __tablename__ = "device_events"
    __table_args__ = (
        Index("ix_device_events_device", "community_id", "device_id", "observed_at"),
        Index("ix_device_events_observed", "community_id", "observed_at"),
    )
    id: Mapped[Key]
    community_id: Mapped[int]
    device_id: Mapped[int]
    observed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    event: Mapped[str]
    event_id: Mapped[str | None]
    data: Mapped[Json]
    flags: Mapped[int] = mapped_column(SmallInteger)


class DeviceState(Table):
    """What a device last said: ``latest`` maps field to ``[value, observed_at millis]``.

    Under load it is some seconds old: what was said since is in :class:`DeviceStateLog`.
    """

    __tablename__ = "device_states"
    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    community_id: Mapped[int]
    last_seen_at: Mapped[datetime]
    latest: Mapped[Json]


class DeviceStateLog(Table):
    """What devices of a partition said that their rows in ``device_states`` do not know yet.

    One row for each transaction, ``number`` in their order; ``said`` is JSON
    (:mod:`anju_platform.telemetry.statelog`).
    """

    __tablename__ = "device_state_log"
    partition: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    said: Mapped[bytes] = mapped_column(LargeBinary)
