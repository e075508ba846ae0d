"""SQL of the time series as charts read it: thinned on the server, no extreme lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    Row,
    Select,
    TableClause,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_devices.model import Field, Kind
from anju_platform.auth.actor import Actor
from anju_platform.auth.rights import Right
from anju_platform.database import from_millis
from anju_platform.errors import ForbiddenError, InvalidRequestError, NotFoundError
from anju_platform.registry.listing import find_device
from anju_platform.registry.model import Device, DeviceField
from anju_platform.registry.privacy import (
    HEALTH_FIELDS,
    UPKEEP,
    UPKEEP_FIELDS,
    device_grounds,
    is_withheld,
    may_read,
    note_reading,
    sensor_of,
)
from anju_platform.sharing.repository import Sensor, readable
from anju_platform.telemetry.model import DAILY, HOURLY, DeviceEvent, Flag, TelemetryPoint
from anju_platform.telemetry.rollups.cover import DAY, HOUR, cover, floor
from anju_platform.telemetry.rollups.repository import stale_hours
from anju_platform.telemetry.schemas import EventView, Series

MOST_POINTS = 2000
LONGEST = timedelta(days=366)
_LOOK_BACK = timedelta(days=1)
_STEPS = {Kind.BOOLEAN, Kind.CHOICE}
_MILLIS = 1000.0
_ROLLUPS = {DAY: DAILY, HOUR: HOURLY}
"""Coarsest first."""
_FINER = 2
"""A roll-up serves a chart that might be up to this much finer: it reads far less."""
_Point = tuple[int, float]
"""(epoch ms, value)."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which field of which device, from when to when, by how many points at most.

    ``steps``: it holds a value until the next (a boolean or choice).
    """

    device: Device
    field_id: int
    steps: bool
    start: datetime
    end: datetime
    points: int
    shared: ColumnElement[bool]
    """Whether it is shared with whoever asks, at this moment."""

    @property
    def buckets(self) -> int:
        """How many buckets there may be, of two points each, of a step chart three.

        A step chart may get one more point in front: the value held at the start.
        """
        return max(1, (self.points - 1) // 3 if self.steps else self.points // 2)

    @property
    def widest(self) -> timedelta:
        """How wide so many buckets are."""
        return (self.end - self.start) / self.buckets

    @property
    def of_field(self) -> list[ColumnElement[bool]]:
        """Say which readings are meant."""
        return [
            TelemetryPoint.device_id == self.device.id,
            TelemetryPoint.field_id == self.field_id,
            self.shared,
        ]

    def raw(self, start: datetime, end: datetime) -> Select[*tuple[Any, ...]]:
        """Give the readings of a span as if each were a bucket of its own."""
        at, value = TelemetryPoint.observed_at, TelemetryPoint.value
        columns: dict[str, Any] = {
            "at": at,
            "low": value,
            "low_at": at,
            "high": value,
            "high_at": at,
            "last": value,
            "last_at": at,
            "number": literal(1, BigInteger),
        }
        named = [column.label(name) for name, column in columns.items()]
        return select(*named).where(*self.of_field, *_between(start, end))

    def rolled(
        self, table: TableClause, start: datetime, end: datetime
    ) -> Select[*tuple[Any, ...]]:
        """Give the buckets of a span."""
        own = table.c
        columns = (own.bucket.label("at"), own.low, own.low_at, own.high, own.high_at)
        return select(*columns, own.last, own.last_at, own["count"].label("number")).where(
            own.device_id == self.device.id,
            own.field_id == self.field_id,
            own.bucket >= start,
            own.bucket < end,
            self.shared,
        )


def series(
    session: Session,
    actor: Actor,
    slug: str,
    field: str,
    *,
    start: datetime,
    end: datetime,
    points: int = MOST_POINTS,
) -> Series:
    """Give at most ``points`` points of one field in ``[start, end)``.

    When more are stored, the span is cut into equal buckets and each gives its lowest and
    highest point (of a boolean or choice also its last), at their own times. Where buckets
    are wide, roll-ups tell, and the readings themselves only what those do not know yet.
    What whoever lives there does not share is not there (``shared`` is false). Reading what is
    of a home is audited: call it in a transaction.

    Raises:
        NotFoundError: no such device or field.
        ForbiddenError: it says something of a person that the actor may not see.
        InvalidRequestError: a span that is empty or over a year, or a bad ``points``.
    """
    _check(start, end, points)
    device = find_device(session, actor.community_id, slug)
    known = _field(device, field)
    grounds = device_grounds(session, actor, device)
    shown = may_read(actor, field, grounds)
    if not shown and not is_withheld(actor, field, grounds):
        raise ForbiddenError("what this says of a person is not shown to your role")
    reason = UPKEEP if field in UPKEEP_FIELDS else grounds.of(health=field in HEALTH_FIELDS)
    note_reading(session, actor, device, reason, field=field)
    asked = _Asked(
        device,
        _number(session, device, field),
        known.kind in _STEPS,
        start,
        end,
        points,
        shared=_shared(actor, device, field),
    )
    found, bucket_s = _read(session, asked)
    if asked.steps:
        found = [*_held(session, asked), *found][-points:]
    return Series(
        device=device.slug,
        field=field,
        title=known.title.zh,
        title_en=known.title.en,
        unit=known.unit,
        kind=known.kind,
        options=known.options,
        start=start,
        end=end,
        bucket_s=bucket_s,
        times=tuple(at for at, _ in found),
        values=tuple(value for _, value in found),
        shared=shown,
    )


def _check(start: datetime, end: datetime, points: int) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise InvalidRequestError("start and end need a time zone, such as ...Z")
    if not timedelta(0) < end - start <= LONGEST:
        raise InvalidRequestError("end must be after start, by a year at most")
    if not 3 <= points <= MOST_POINTS:  # noqa: PLR2004 - a step bucket's three points
        raise InvalidRequestError("points must be 3 to {most}", most=MOST_POINTS)


def _shared(actor: Actor, device: Device, field: str) -> ColumnElement[bool]:
    """Say in the query itself that a field is shared: what ends meanwhile is not read."""
    if device.household_id is None or field in UPKEEP_FIELDS:
        return true()
    sensor = Sensor.of(device.household_id, device.slug, device.model)
    return readable(actor, sensor, health=field in HEALTH_FIELDS)


def _field(device: Device, name: str) -> Field:
    model = MODELS.get(device.model)
    known = model.field(name) if model else None
    if known is None:
        raise NotFoundError("{model} has no field {name!r}", model=device.model, name=name)
    return known


def _number(session: Session, device: Device, name: str) -> int:
    query = select(DeviceField.id).where(
        DeviceField.model == device.model, DeviceField.name == name
    )
    return session.scalar(query) or 0


def _read(session: Session, asked: _Asked) -> tuple[list[_Point], float | None]:
    """Give points in order, and the width of buckets in s if there were too many."""
    grains = [grain for grain in _ROLLUPS if grain <= asked.widest * _FINER]
    if grains:
        width, rows = _summed(session, asked, grains)
        if sum(row.number for row in rows) > asked.points:
            return _flat(rows, steps=asked.steps), width.total_seconds()
    found = _stored(session, asked)
    if _are_past_retention(session, asked, found[0][0] if found else None):
        width, rows = _summed(session, asked, grains or [HOUR])
        return _flat(rows, steps=asked.steps), width.total_seconds()
    if len(found) <= asked.points:
        return found, None
    width = asked.widest
    rows = session.execute(_extremes([asked.raw(asked.start, asked.end)], width, asked.start)).all()
    return _flat(rows, steps=asked.steps), width.total_seconds()


def _are_past_retention(session: Session, asked: _Asked, first: int | None) -> bool:
    """Tell whether a roll-up knows of readings before the first (epoch ms) that is stored."""
    until = asked.end if first is None else from_millis(first)
    own = HOURLY.c
    query = select(own.bucket).where(
        own.device_id == asked.device.id,
        own.field_id == asked.field_id,
        own.bucket >= asked.start,
        own.bucket <= until - HOUR,
        asked.shared,
    )
    return session.scalar(query.limit(1)) is not None


def _stored(session: Session, asked: _Asked) -> list[_Point]:
    """Give the first readings, one more than may be shown."""
    query = (
        select(TelemetryPoint.observed_at, TelemetryPoint.value)
        .where(*asked.of_field, *_between(asked.start, asked.end))
        .order_by(TelemetryPoint.observed_at)
        .limit(asked.points + 1)
    )
    return [(_millis(at), value) for at, value in session.execute(query)]


def _between(start: datetime, end: datetime) -> list[ColumnElement[bool]]:
    return [TelemetryPoint.observed_at >= start, TelemetryPoint.observed_at < end]


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _summed(
    session: Session, asked: _Asked, grains: Sequence[timedelta]
) -> tuple[timedelta, Sequence[Row[*tuple[Any, ...]]]]:
    """Thin by roll-ups; only what they do not know yet is read from the series itself."""
    grain = grains[0]
    origin = floor(asked.start, grain)
    width = -((origin - asked.end) // asked.buckets // grain) * grain
    stale = stale_hours(session, asked.device.community_id, floor(asked.start, HOUR), asked.end)
    parts = [
        asked.raw(piece.start, piece.end)
        if piece.grain is None
        else asked.rolled(_ROLLUPS[piece.grain], piece.start, piece.end)
        for piece in cover(asked.start, asked.end, grains, stale)
    ]
    return width, session.execute(_extremes(parts, width, origin)).all()


def _extremes(
    parts: Sequence[Select[*tuple[Any, ...]]], width: timedelta, origin: datetime
) -> Select[*tuple[Any, ...]]:
    """Compare (value, time) pairs as arrays, so that an extreme keeps the time it had."""
    part = union_all(*parts).subquery()
    columns = part.c
    bucket = func.date_bin(width, columns.at, origin)
    return (
        select(
            func.min(_pair(columns.low, _since_epoch(columns.low_at))).label("low"),
            func.max(_pair(columns.high, _since_epoch(columns.high_at))).label("high"),
            func.max(_pair(_since_epoch(columns.last_at), columns.last)).label("last"),
            cast(func.sum(columns.number), BigInteger).label("number"),
        )
        .group_by(bucket)
        .order_by(bucket)
    )


def _since_epoch(at: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.date_part("epoch", at, type_=Float) * _MILLIS  # as extract, without numeric


def _pair(first: ColumnElement[Any], second: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(array([first, second]), ARRAY(Float))


def _flat(rows: Sequence[Row[*tuple[Any, ...]]], *, steps: bool) -> list[_Point]:
    found: list[_Point] = []
    for row in rows:
        found += sorted(set(_points(row, steps=steps)))
    return found


def _points(row: Row[*tuple[Any, ...]], *, steps: bool) -> Iterable[_Point]:
    yield round(row.low[1]), row.low[0]
    yield round(row.high[1]), row.high[0]
    if steps:
        yield round(row.last[0]), row.last[1]


def _held(session: Session, asked: _Asked) -> list[_Point]:
    """Give the last point of the day before the start: what a door was when the chart begins."""
    query = (
        select(TelemetryPoint.observed_at, TelemetryPoint.value)
        .where(*asked.of_field, *_between(asked.start - _LOOK_BACK, asked.start))
        .order_by(TelemetryPoint.observed_at.desc())
        .limit(1)
    )
    return [(_millis(at), value) for at, value in session.execute(query)]


def events_of(
    session: Session,
    actor: Actor,
    device_ids: Iterable[int],
    *,
    start: datetime,
    end: datetime,
    names: Sequence[str] = (),
    limit: int = 50,
) -> list[DeviceEvent]:
    """Give events of these devices in ``[start, end]``, newest first; ``names`` filters.

    What devices in homes said is there only where it is shared with the actor.
    """
    wanted = list(device_ids)
    if not wanted:
        return []
    shared = select(Device.id).where(Device.id.in_(wanted), readable(actor, sensor_of()))
    query = select(DeviceEvent).where(
        DeviceEvent.community_id == actor.community_id,
        DeviceEvent.device_id.in_(shared),
        DeviceEvent.observed_at >= start,
        DeviceEvent.observed_at <= end,
    )
    if names:
        query = query.where(DeviceEvent.event.in_(names))
    query = query.order_by(DeviceEvent.observed_at.desc(), DeviceEvent.id.desc()).limit(limit)
    return list(session.scalars(query))


def device_events(
    session: Session,
    actor: Actor,
    slug: str,
    *,
    start: datetime,
    end: datetime,
    limit: int = 50,
    noted: bool = False,
) -> tuple[EventView, ...]:
    """Give what one device said has happened, newest first: nothing where it is not shared.

    Reading what is of a home is audited (unless the look is ``noted`` already): call it in a
    transaction.

    Raises:
        NotFoundError: no such device in the actor's community.
        ForbiddenError: it stands in a home, and the actor may not read what is said there.
    """
    device = find_device(session, actor.community_id, slug)
    grounds = device_grounds(session, actor, device)
    if grounds.in_home and grounds.values is None:
        actor.demand(Right.SEE_CARE)
    if not noted:
        note_reading(session, actor, device, grounds.reason, events=True)
    found = events_of(session, actor, [device.id], start=start, end=end, limit=limit)
    return tuple(_event_view(device, event) for event in found)


def _event_view(device: Device, event: DeviceEvent) -> EventView:
    model = MODELS.get(device.model)
    kind = model.event(event.event) if model else None
    return EventView(
        at=event.observed_at,
        received_at=event.received_at,
        event=event.event,
        title=kind.title.zh if kind else event.event,
        title_en=kind.title.en if kind else event.event,
        data=event.data,
        late=bool(event.flags & Flag.LATE),
    )
