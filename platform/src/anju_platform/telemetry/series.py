"""SQL of the time series as charts read it: thinned on the server, no extreme lost."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Float, Row, Select, cast, extract, func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_devices.model import Field, Kind
from anju_platform.auth.actor import Actor
from anju_platform.errors import ForbiddenError, InvalidRequestError, NotFoundError
from anju_platform.registry.listing import find_device
from anju_platform.registry.model import Device, DeviceField
from anju_platform.registry.privacy import HEALTH_FIELDS
from anju_platform.telemetry.model import DeviceEvent, Flag, TelemetryPoint
from anju_platform.telemetry.schemas import EventView, Series

MOST_POINTS = 2000
LONGEST = timedelta(days=366)
_LOOK_BACK = timedelta(days=1)
_STEPS = {Kind.BOOLEAN, Kind.CHOICE}
_MILLIS = 1000.0


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
    highest point (of a boolean or choice also its last), at their own times.

    Raises:
        NotFoundError: no such device or field.
        ForbiddenError: a health value, and the actor may not see those.
        InvalidRequestError: a span that is empty or over a year, or a bad ``points``.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise InvalidRequestError("start and end need a time zone, such as ...Z")
    if not timedelta(0) < end - start <= LONGEST:
        raise InvalidRequestError("end must be after start, by a year at most")
    if not 3 <= points <= MOST_POINTS:  # noqa: PLR2004 - a step bucket's three points
        raise InvalidRequestError(f"points must be 3 to {MOST_POINTS}")
    device = find_device(session, actor.community_id, slug)
    known = _field(device, field)
    if field in HEALTH_FIELDS and not actor.may_see_health:
        raise ForbiddenError("health values are not shown to your role")
    of_field = _of_field(session, device, field)
    found = _stored(session, [*of_field, *_between(start, end)], points + 1)
    bucket_s = None
    if len(found) > points:
        found, bucket_s = _thinned(session, of_field, known, span=(start, end), points=points)
    if known.kind in _STEPS:
        found = [*_held(session, of_field, start), *found][-points:]
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
    )


def _field(device: Device, name: str) -> Field:
    model = MODELS.get(device.model)
    known = model.field(name) if model else None
    if known is None:
        raise NotFoundError(f"{device.model} has no field {name!r}")
    return known


def _of_field(session: Session, device: Device, name: str) -> list[ColumnElement[bool]]:
    number = session.scalar(
        select(DeviceField.id).where(DeviceField.model == device.model, DeviceField.name == name)
    )
    return [TelemetryPoint.device_id == device.id, TelemetryPoint.field_id == (number or 0)]


def _between(start: datetime, end: datetime) -> list[ColumnElement[bool]]:
    return [TelemetryPoint.observed_at >= start, TelemetryPoint.observed_at < end]


def _stored(
    session: Session, conditions: Sequence[ColumnElement[bool]], limit: int
) -> list[tuple[int, float]]:
    query = (
        select(TelemetryPoint.observed_at, TelemetryPoint.value)
        .where(*conditions)
        .order_by(TelemetryPoint.observed_at)
        .limit(limit)
    )
    return [(_millis(at), value) for at, value in session.execute(query)]


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _thinned(
    session: Session,
    of_field: Sequence[ColumnElement[bool]],
    field: Field,
    *,
    span: tuple[datetime, datetime],
    points: int,
) -> tuple[list[tuple[int, float]], float]:
    """Cut the span into buckets; give their extremes and the buckets' width in s."""
    start, end = span
    steps = field.kind in _STEPS
    # a step chart may get one more point in front: the value held at the start
    buckets = (points - 1) // 3 if steps else points // 2
    width = (end - start) / max(1, buckets)
    query = _extremes(of_field, start, end, width, last=steps)
    found: list[tuple[int, float]] = []
    for row in session.execute(query):
        found += sorted(set(_points(row, steps=steps)))
    return found, width.total_seconds()


def _extremes(
    of_field: Sequence[ColumnElement[bool]],
    start: datetime,
    end: datetime,
    width: timedelta,
    *,
    last: bool,
) -> Select[*tuple[Any, ...]]:
    """Compare (value, time) pairs as arrays, so that an extreme keeps the time it had."""
    at = cast(extract("epoch", TelemetryPoint.observed_at) * _MILLIS, Float)
    value = TelemetryPoint.value
    pair = cast(array([value, at]), ARRAY(Float))
    columns: list[ColumnElement[Any]] = [func.min(pair), func.max(pair)]
    if last:
        columns.append(func.max(cast(array([at, value]), ARRAY(Float))))
    bucket = func.date_bin(width, TelemetryPoint.observed_at, start)
    return (
        select(*columns).where(*of_field, *_between(start, end)).group_by(bucket).order_by(bucket)
    )


def _points(row: Row[*tuple[Any, ...]], *, steps: bool) -> Iterable[tuple[int, float]]:
    low, high = row[0], row[1]
    yield round(low[1]), low[0]
    yield round(high[1]), high[0]
    if steps:
        yield round(row[2][0]), row[2][1]


def _held(
    session: Session, of_field: Sequence[ColumnElement[bool]], start: datetime
) -> list[tuple[int, float]]:
    """Give the last point of the day before ``start``: what a door was when the chart begins."""
    query = (
        select(TelemetryPoint.observed_at, TelemetryPoint.value)
        .where(*of_field, *_between(start - _LOOK_BACK, start))
        .order_by(TelemetryPoint.observed_at.desc())
        .limit(1)
    )
    return [(_millis(at), value) for at, value in session.execute(query)]


def events_of(
    session: Session,
    community_id: int,
    device_ids: Iterable[int],
    *,
    start: datetime,
    end: datetime,
    names: Sequence[str] = (),
    limit: int = 50,
) -> list[DeviceEvent]:
    """Give events of these devices in ``[start, end]``, newest first; ``names`` filters."""
    wanted = list(device_ids)
    if not wanted:
        return []
    query = select(DeviceEvent).where(
        DeviceEvent.community_id == community_id,
        DeviceEvent.device_id.in_(wanted),
        DeviceEvent.observed_at >= start,
        DeviceEvent.observed_at <= end,
    )
    if names:
        query = query.where(DeviceEvent.event.in_(names))
    query = query.order_by(DeviceEvent.observed_at.desc(), DeviceEvent.id.desc()).limit(limit)
    return list(session.scalars(query))


def device_events(
    session: Session,
    community_id: int,
    slug: str,
    *,
    start: datetime,
    end: datetime,
    limit: int = 50,
) -> tuple[EventView, ...]:
    """Give what one device said has happened, newest first.

    Raises:
        NotFoundError: no such device.
    """
    device = find_device(session, community_id, slug)
    found = events_of(session, community_id, [device.id], start=start, end=end, limit=limit)
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
