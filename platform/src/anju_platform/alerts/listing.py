"""SQL of alerts as people read them: rows of lists, counts, history, and one in full."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Session, aliased

from anju_platform.alerts.model import Alert, FeedEntry, TimelineEntry
from anju_platform.alerts.schemas import (
    AlertCounts,
    AlertPage,
    AlertView,
    DeliveryView,
    HistoryFilter,
    TimelineView,
)
from anju_platform.auth.model import User
from anju_platform.auth.repository import people_on_duty
from anju_platform.database import now
from anju_platform.registry.listing import Position, positions
from anju_platform.registry.model import Device, Place

MOST_OPEN = 1000
"""No wall can show more; the counts still tell all."""

_ON_DUTY = timedelta(minutes=10)
_LOAD_SPAN = timedelta(hours=1)
_LOAD_UNITS = 6  # ten-minute units in the span

_owner = aliased(User)
_acker = aliased(User)
_closer = aliased(User)
# Written out, not bound: the planner must see that the index of open alerts serves.
_IS_OPEN: ColumnElement[bool] = Alert.handling != literal_column("'closed'")

# Of the outbox and the snapshots a few columns are read, by name.
_notifications = table(
    "notifications",
    column("id"),
    column("alert_id"),
    *(column(name) for name in DeliveryView.model_fields),
)
_media = table("media", column("id"), column("community_id"), column("expires_at"))


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Alert,
            Place.slug,
            Place.label,
            Place.label_en,
            Device.slug,
            Device.name,
            Device.name_en,
            _owner.name,
            _acker.name,
            _closer.name,
        )
        .outerjoin(Place, Place.id == Alert.place_id)
        .outerjoin(Device, Device.id == Alert.device_id)
        .outerjoin(_owner, _owner.id == Alert.owner_id)
        .outerjoin(_acker, _acker.id == Alert.acked_by)
        .outerjoin(_closer, _closer.id == Alert.closed_by)
    )


def _views(session: Session, rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[AlertView, ...]:
    places = {row[0].place_id for row in rows if row[0].place_id is not None}
    where = positions(session, places)
    return tuple(_view(row, where) for row in rows)


def _view(row: Row[*tuple[Any, ...]], where: dict[int, Position]) -> AlertView:
    alert: Alert = row[0]
    place, label, label_en, device, name, name_en, owner, acker, closer = row[1:]
    x, y = where.get(alert.place_id or 0, (None, None))
    return AlertView(
        id=alert.id,
        version=alert.version,
        rule_id=alert.rule_id,
        severity=alert.severity,
        title=alert.title,
        title_en=alert.title_en,
        icon=alert.icon,
        condition=alert.condition,
        handling=alert.handling,
        overlays=tuple(alert.overlays),
        mode=alert.mode,
        latched=alert.latched,
        place=label,
        place_en=label_en,
        place_slug=place,
        x=x,
        y=y,
        device=device,
        device_name=name,
        device_name_en=name_en,
        household=alert.household_id is not None,
        observed_at=alert.observed_at,
        detected_at=alert.detected_at,
        activated_at=alert.activated_at,
        cleared_at=alert.cleared_at,
        acked_at=alert.acked_at,
        acked_by=acker,
        owner_id=alert.owner_id if alert.owner_id is not None else alert.acked_by,
        owner=owner or acker,
        closed_at=alert.closed_at,
        closed_by=closer,
        cause=alert.cause,
        note=alert.note,
        occurrences=alert.occurrences,
        late_s=float(alert.evidence.get("late_s") or 0.0),
        previous_id=alert.previous_id,
        media_id=alert.media_id,
    )


_ONE = _rows().where(Alert.community_id == bindparam("community"), Alert.id == bindparam("alert"))
"""Built once: it is asked for every change of every alert, while somebody waits for it."""


def one_alert(session: Session, community_id: int, alert_id: UUID) -> AlertView | None:
    """Give one alert as a row, or nothing when the community has no such alert."""
    rows = session.execute(_ONE, {"community": community_id, "alert": alert_id}).all()
    return _views(session, rows)[0] if rows else None


def open_alerts(session: Session, community_id: int, *, limit: int = MOST_OPEN) -> list[AlertView]:
    """Give the open alerts, P1 first, newest first."""
    query = (
        _rows()
        .where(Alert.community_id == community_id, _IS_OPEN)
        .order_by(Alert.severity, Alert.detected_at.desc(), Alert.id)
        .limit(limit)
    )
    return list(_views(session, session.execute(query).all()))


def counts(session: Session, community_id: int, *, at: datetime | None = None) -> AlertCounts:
    """Give the numbers at the top of the wall."""
    moment = at or now()
    unacked = Alert.handling == "unacked"
    query = (
        select(
            Alert.severity,
            func.count(),
            func.count().filter(unacked),
            func.min(Alert.activated_at).filter(unacked),
        )
        .where(Alert.community_id == community_id, _IS_OPEN)
        .group_by(Alert.severity)
    )
    by_severity = dict.fromkeys(range(1, 5), 0)
    waiting, oldest = 0, []
    for severity, total, unseen, first in session.execute(query):
        by_severity[severity] = total
        waiting += unseen
        oldest += [first] if first is not None else []
    recent = session.scalar(
        select(func.count()).where(
            Alert.community_id == community_id, Alert.detected_at >= moment - _LOAD_SPAN
        )
    )
    people = max(1, people_on_duty(session, community_id, moment - _ON_DUTY))
    return AlertCounts(
        by_severity=by_severity,
        open=sum(by_severity.values()),
        unacked=waiting,
        oldest_unacked_at=min(oldest, default=None),
        load=round((recent or 0) / _LOAD_UNITS / people, 2),
    )


def history(
    session: Session,
    community_id: int,
    wanted: HistoryFilter | None = None,
    *,
    page: int = 1,
    size: int = 50,
) -> AlertPage:
    """Give one page of all alerts that match, newest first."""
    wanted = wanted or HistoryFilter()
    conditions = [Alert.community_id == community_id, *_conditions(wanted)]
    total = session.scalar(
        select(func.count())
        .select_from(Alert)
        .outerjoin(Place, Place.id == Alert.place_id)
        .outerjoin(Device, Device.id == Alert.device_id)
        .where(*conditions)
    )
    query = (
        _rows()
        .where(*conditions)
        .order_by(Alert.detected_at.desc(), Alert.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    rows = _views(session, session.execute(query).all())
    return AlertPage(rows=rows, total=total or 0, page=page, size=size)


def _conditions(wanted: HistoryFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for values, attribute in (
        (wanted.severity, Alert.severity),
        (wanted.handling, Alert.handling),
        (wanted.cause, Alert.cause),
    ):
        if values:
            found.append(attribute.in_(values))
    for value, name in (
        (wanted.rule_id, Alert.rule_id),
        (wanted.device, Device.slug),
        (wanted.place, Place.slug),
        (wanted.mode, Alert.mode),
    ):
        if value is not None:
            found.append(name == value)
    if wanted.start is not None:
        found.append(Alert.detected_at >= wanted.start)
    if wanted.end is not None:
        found.append(Alert.detected_at < wanted.end)
    if wanted.text:
        texts = (Alert.title, Alert.title_en, Place.label, Place.label_en, Device.name, Device.slug)
        found.append(or_(*(t.icontains(wanted.text, autoescape=True) for t in texts)))
    return found


def timeline(session: Session, alert_id: UUID) -> tuple[TimelineView, ...]:
    """Give an alert's steps with the names of who took them, oldest first."""
    query = (
        select(TimelineEntry, User.name)
        .outerjoin(User, User.id == TimelineEntry.user_id)
        .where(TimelineEntry.alert_id == alert_id)
        .order_by(TimelineEntry.id)
    )
    return tuple(
        TimelineView(at=entry.at, kind=entry.kind, user=name, screen=entry.screen, data=entry.data)
        for entry, name in session.execute(query)
    )


def deliveries(session: Session, alert_id: UUID) -> tuple[DeliveryView, ...]:
    """Give who was told of an alert and whether it arrived, oldest first."""
    query = (
        select(*(_notifications.c[name] for name in DeliveryView.model_fields))
        .where(_notifications.c.alert_id == alert_id)
        .order_by(_notifications.c.id)
    )
    return tuple(DeliveryView(**row) for row in session.execute(query).mappings())


def media_ready(session: Session, community_id: int, media_id: str) -> bool:
    """Tell whether a snapshot is here and not expired."""
    query = select(_media.c.id).where(
        _media.c.id == media_id,
        _media.c.community_id == community_id,
        _media.c.expires_at > now(),
    )
    return session.scalar(query) is not None


def alerts_of_snapshot(session: Session, community_id: int, media_id: str) -> list[UUID]:
    """Give the alerts of the last day or open that wait for a snapshot."""
    query = select(Alert.id).where(
        Alert.community_id == community_id,
        Alert.media_id == media_id,
        or_(_IS_OPEN, Alert.detected_at >= now() - timedelta(days=1)),
    )
    return list(session.scalars(query))


def doors_near(session: Session, community_id: int, place_id: int) -> list[Device]:
    """Give the doors and lanes at a place or at any place it lies in (its entrance's door)."""
    up = select(Place.id, Place.parent_id).where(Place.id == place_id).cte("up", recursive=True)
    up = up.union_all(select(Place.id, Place.parent_id).join(up, Place.id == up.c.parent_id))
    query = select(Device).where(
        Device.community_id == community_id,
        Device.place_id.in_(select(up.c.id)),
        Device.model.in_(("door", "vehicle_lane")),
    )
    return list(session.scalars(query))


def feed_since(session: Session, community_id: int, after: int, *, limit: int) -> list[FeedEntry]:
    """Give what changed on screens after a position, in order."""
    query = (
        select(FeedEntry)
        .where(FeedEntry.community_id == community_id, FeedEntry.seq > after)
        .order_by(FeedEntry.seq)
        .limit(limit)
    )
    return list(session.scalars(query))
