"""SQL that writes the time series: many rows in one round trip."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import msgspec
import numpy as np
from psycopg import Copy
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_devices.messages import Value
from anju_platform.database import Json, as_json, driver, from_millis, to_millis, within
from anju_platform.registry.model import Device, DeviceField
from anju_platform.telemetry.model import (
    DeviceEvent,
    DeviceState,
    DeviceStateLog,
    TelemetryPoint,
)
from anju_platform.telemetry.rollups.repository import HOUR_MS, mark_stale

Column: TypeAlias = "Sequence[int] | np.ndarray[Any, Any]"


@dataclass(slots=True)
class Points:
    """Points to be stored, in columns: each by its device, its field and its time.

    ``at`` is in epoch milliseconds.
    """

    communities: Column = field(default_factory=list)
    devices: Column = field(default_factory=list)
    fields: Column = field(default_factory=list)
    at: Column = field(default_factory=list)
    values: Sequence[Value] = field(default_factory=list)
    flags: Column = field(default_factory=list)

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self.values)


class Event(msgspec.Struct, frozen=True):
    """A row of ``device_events``; times in epoch milliseconds."""

    community_id: int
    device_id: int
    observed_at: int
    received_at: int
    event: str
    event_id: str | None
    data: Json
    flags: int


class StateRow(msgspec.Struct, frozen=True):
    """A row of ``device_states``; ``last_seen`` in epoch milliseconds."""

    device_id: int
    community_id: int
    last_seen: int
    latest: Json


class LogRow(msgspec.Struct, frozen=True):
    """A row of ``device_state_log``."""

    partition: int
    number: int
    said: bytes


# PostgreSQL's binary COPY: a signature, rows (a column count, then length and bytes of each
# column, big-endian) and a trailer. The rows are one array whose columns are filled at once.
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_COLUMNS = {
    "community": "i8",
    "device": "i8",
    "field": "i2",
    "at": "i8",
    "value": "f8",
    "flags": "i2",
}
_ROW = np.dtype(
    [
        ("columns", ">i2"),
        *(
            part
            for name, kind in _COLUMNS.items()
            for part in ((f"{name}_bytes", ">i4"), (name, f">{kind}"))
        ),
    ]
)
_HOURS = 2**31
_BEFORE_1970 = 2**30
"""A community and an hour in one number: more hours than any date of PostgreSQL's."""
_EPOCH_2000_MS = 946_684_800_000

_COPY = (
    "COPY telemetry (community_id, device_id, field_id, observed_at, value, flags)"
    " FROM STDIN (FORMAT binary)"
)

_INSERT_EVENTS = """
    INSERT INTO device_events
        (community_id, device_id, observed_at, received_at, event, event_id, data, flags)
    SELECT community_id, device_id, to_timestamp(observed_at / 1000.0),
        to_timestamp(received_at / 1000.0), event, event_id, data, flags
    FROM json_to_recordset(%s) AS new (community_id bigint, device_id bigint,
        observed_at bigint, received_at bigint, event text, event_id text, data jsonb,
        flags smallint)
"""

_SAVE_STATES = """
    INSERT INTO device_states (device_id, community_id, last_seen_at, latest)
    SELECT device_id, community_id, to_timestamp(last_seen / 1000.0), latest
    FROM json_to_recordset(%s)
         AS new (device_id bigint, community_id bigint, last_seen bigint, latest jsonb)
    ON CONFLICT (device_id)
    DO UPDATE SET last_seen_at = excluded.last_seen_at, latest = excluded.latest
"""

# binary: in an array's text form every quotation mark of the JSON would be escaped
_LOG_STATES = """
    INSERT INTO device_state_log (partition, number, said)
    SELECT partition, %s, said FROM unnest(%b::smallint[], %b::bytea[]) AS new (partition, said)
"""

_FORGET_LOGGED = """
    DELETE FROM device_state_log
    WHERE partition = ANY (%s::smallint[]) AND number >= %s AND number < %s
"""


class PointsCopy:
    """A COPY into the time series; the database stores rows while others are made.

    Until :meth:`end`, nothing else may be asked in the transaction, not even to roll it back:
    the driver would wait for itself. Therefore a context, after which it has ended.
    ``hours`` are those (:func:`mark_stale`) that must be summed up anew.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open = ExitStack()
        self._copy: Copy | None = None
        self._ending: Future[None] | None = None
        self.hours: set[tuple[int, int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if error is None:
            try:
                self.end()
            except BaseException as raised:
                self._open.__exit__(type(raised), raised, raised.__traceback__)
                raise
        elif self._ending is not None:
            wait([self._ending])  # what came first is what is told
        else:
            self._open.__exit__(kind, error, error.__traceback__)

    def write(self, points: Points) -> None:
        """Append points to the time series."""
        if not len(points):
            return
        rows = _rows(points)
        if self._ending is not None:
            self.end()
        if self._copy is None:
            cursor = self._open.enter_context(driver(self._session).cursor())
            self._copy = self._open.enter_context(cursor.copy(_COPY))
            self._copy.write(_SIGNATURE)
        self._copy.write(rows)
        self.hours |= _hours(points)

    def end_soon(self) -> None:
        """Ask for the end and go on: the database still has rows to store, up to a thousand."""
        if self._copy is not None:
            self._copy.write(_TRAILER)
            self._copy = None
            self._ending = _patient.submit(self._open.close)

    def end(self) -> None:
        """Wait until all is stored; writing more begins anew."""
        self.end_soon()
        ending, self._ending = self._ending, None
        if ending is not None:
            ending.result()


_patient = ThreadPoolExecutor(1, "copy")
"""Waits for the end of a COPY while the writer goes on; one session has one at a time."""


def copy_points(session: Session, points: Points) -> None:
    """Append points to the time series, and note which hours are to be summed up anew."""
    with PointsCopy(session) as copy:
        copy.write(points)
    mark_stale(session, copy.hours)


def _hours(points: Points) -> set[tuple[int, int]]:
    """Give the (community id, hour) that points lie in, each once."""
    hours = np.asarray(points.at, np.int64) // HOUR_MS
    keys = np.unique(np.asarray(points.communities, np.int64) * _HOURS + hours + _BEFORE_1970)
    split = (divmod(key, _HOURS) for key in keys.tolist())
    return {(community, hour - _BEFORE_1970) for community, hour in split}


def _rows(points: Points) -> bytes:
    rows = np.empty(len(points), _ROW)
    rows["columns"] = len(_COLUMNS)
    for name, kind in _COLUMNS.items():
        rows[f"{name}_bytes"] = np.dtype(kind).itemsize
    rows["community"] = points.communities
    rows["device"] = points.devices
    rows["field"] = points.fields
    rows["at"] = (np.asarray(points.at, np.int64) - _EPOCH_2000_MS) * 1_000
    rows["value"] = points.values
    rows["flags"] = points.flags
    return rows.tobytes()


def insert_events(session: Session, events: Sequence[Event]) -> None:
    """Append events."""
    if not events:
        return
    driver(session).execute(_INSERT_EVENTS, [as_json(events)])


def device_states(session: Session, only: Collection[int] | None = None) -> list[StateRow]:
    """Give what every device last said, or those of some communities."""
    rows = session.execute(
        select(
            DeviceState.device_id,
            DeviceState.community_id,
            DeviceState.last_seen_at,
            DeviceState.latest,
        ).where(within(DeviceState.community_id, only))
    )
    return [
        StateRow(device, community, to_millis(seen), latest)
        for device, community, seen, latest in rows
    ]


def save_device_states(session: Session, rows: Sequence[StateRow]) -> None:
    """Write what devices last said."""
    driver(session).execute(_SAVE_STATES, [as_json(rows)])


def logged_states(session: Session, partitions: Collection[int]) -> list[LogRow]:
    """Give the rows of the state log of some partitions, oldest first."""
    log = DeviceStateLog
    rows = session.execute(
        select(log.partition, log.number, log.said)
        .where(log.partition.in_(partitions))
        .order_by(log.number, log.partition)
    )
    return [LogRow(partition, number, said) for partition, number, said in rows]


def log_states(session: Session, number: int, said: Mapping[int, bytes]) -> None:
    """Append a row to the state log of each partition."""
    driver(session).execute(_LOG_STATES, [number, list(said), list(said.values())])


def forget_logged(
    session: Session, partitions: Collection[int], *, first: int, before: int
) -> None:
    """Delete rows of the state log from ``first`` to those ``before`` a number.

    None is older than ``first``: to say so spares a look through those deleted long ago.
    """
    driver(session).execute(_FORGET_LOGGED, [sorted(partitions), first, before])


def existing_devices(
    session: Session, devices: Collection[int], only: Collection[int] | None = None
) -> set[int]:
    """Give which of some devices there are, in all communities or some."""
    query = select(Device.id).where(within(Device.id, devices), within(Device.community_id, only))
    return set(session.scalars(query))


def event_at(
    session: Session, community_id: int, device_id: int, at: int, event_id: str | None
) -> DeviceEvent | None:
    """Give an event by its id, else the one its device said at that moment (epoch ms)."""
    query = select(DeviceEvent).where(
        DeviceEvent.community_id == community_id, DeviceEvent.device_id == device_id
    )
    if event_id is not None:
        query = query.where(DeviceEvent.event_id == event_id)
    else:
        query = query.where(DeviceEvent.observed_at == from_millis(at))
    return session.scalars(query.order_by(DeviceEvent.id).limit(1)).first()


def points_at(session: Session, device_id: int, at: int) -> dict[str, float]:
    """Give the numbers a device's fields had at that moment (epoch ms), as they are stored."""
    query = (
        select(DeviceField.name, TelemetryPoint.value)
        .join(DeviceField, DeviceField.id == TelemetryPoint.field_id)
        .where(TelemetryPoint.device_id == device_id, TelemetryPoint.observed_at == from_millis(at))
    )
    return {row.name: row.value for row in session.execute(query)}
