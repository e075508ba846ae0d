"""SQL of alerts as people read them: rows of lists, counts, history, and one in full."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
    true,
    tuple_,
)
from sqlalchemy.orm import Session, aliased

from anju_platform.alerts.load.repository import load
from anju_platform.alerts.model import Alert, Condition, FeedEntry, Handling, Mode, TimelineEntry
from anju_platform.alerts.schemas import (
    AlertCounts,
    AlertPage,
    AlertView,
    DeliveryView,
    HistoryFilter,
    HistorySort,
    TimelineView,
)
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import User
from anju_platform.database import Json, now
from anju_platform.notifications.model import Channel, Delivery, Notification
from anju_platform.paging import Column
from anju_platform.registry.listing import below, nearest_placed
from anju_platform.registry.model import Device, Place
from anju_platform.rulebook.texts import INGEST_DOWN

ANSWERS = ("acked", "closed")
"""Steps by which somebody answers an alert."""
MOST_OPEN = 1000
"""No wall can show more; the counts still tell all."""

_UPKEEP = 4
"""At this severity it is about a device, not about somebody."""
SILENT = ("door-duress",)
"""Nobody on site, nor a relative who may be there, is told that a cry for help was heard."""
_OPEN_FOR = timedelta(days=31)

_owner = aliased(User)
_acker = aliased(User)
_closer = aliased(User)
_goer = aliased(User)
# Written out, not bound: the planner must see that the index of open alerts serves.
_IS_OPEN: ColumnElement[bool] = Alert.handling != literal_column("'closed'")

# Of the snapshots a few columns are read, by name.
_media = table(
    "media", column("id"), column("community_id"), column("alert_id"), column("expires_at")
)


_spot = nearest_placed(Alert.place_id)

_OWN = AlertView.model_fields.keys() - {"acked_by", "closed_by", "owner_id"}
_VIEW = (
    *(each for each in Alert.__table__.c if each.key in _OWN),
    Place.label.label("place"),
    Place.label_en.label("place_en"),
    Place.slug.label("place_slug"),
    func.coalesce(Device.x, _spot.c.x).label("x"),
    func.coalesce(Device.y, _spot.c.y).label("y"),
    Device.slug.label("device"),
    Device.name.label("device_name"),
    Device.name_en.label("device_name_en"),
    Alert.household_id.is_not(None).label("household"),
    _acker.name.label("acked_by"),
    func.coalesce(Alert.owner_id, Alert.acked_by).label("owner_id"),
    func.coalesce(_owner.name, _acker.name).label("owner"),
    _closer.name.label("closed_by"),
    _goer.name.label("going"),
    func.coalesce(Alert.evidence["late_s"].as_float(), 0.0).label("late_s"),
    func.coalesce(Alert.evidence["flapping"].as_boolean(), literal_column("false")).label(
        "flapping"
    ),
)
"""The columns of a row, named as :class:`AlertView` names them."""


_OF_A_FAMILY = (
    Alert.mode != Mode.TEST,
    Alert.severity < _UPKEEP,
    Alert.rule_id.not_in(SILENT),
)
"""Of a home's alerts, those its family sees."""


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(*_VIEW)
        .select_from(Alert)
        .outerjoin(Place, Place.id == Alert.place_id)
        .outerjoin(Device, Device.id == Alert.device_id)
        .outerjoin(_owner, _owner.id == Alert.owner_id)
        .outerjoin(_acker, _acker.id == Alert.acked_by)
        .outerjoin(_closer, _closer.id == Alert.closed_by)
        .outerjoin(_goer, _goer.id == Alert.going_by)
        .outerjoin(_spot, true())
    )


def _views(session: Session, query: Executable, values: Json | None = None) -> list[AlertView]:
    return [AlertView(**row) for row in session.execute(query, values).mappings()]


_ONE = _rows().where(Alert.community_id == bindparam("community"), Alert.id == bindparam("alert"))


def one_alert(session: Session, community_id: int, alert_id: UUID) -> AlertView | None:
    """Give one alert as a row, or nothing when the community has no such alert."""
    found = _views(session, _ONE, {"community": community_id, "alert": alert_id})
    return found[0] if found else None


def alerts_by_id(session: Session, alerts: Collection[UUID]) -> list[AlertView]:
    """Give some alerts, of whichever communities."""
    return _views(session, _rows().where(Alert.id.in_(alerts))) if alerts else []


def _in_reach(actor: Actor) -> ColumnElement[bool]:
    """Say which alerts somebody may read: all, or those they are sent to, near or at home with."""
    here = Alert.community_id == actor.community_id
    if actor.reaches_all:
        return here
    mine: list[ColumnElement[bool]] = [Alert.owner_id == actor.user_id]
    if actor.places:
        tops = select(Place.id).where(Place.id.in_(actor.places))
        mine.append(Alert.place_id.in_(below(tops)))
    if actor.homes:
        mine.append(and_(Alert.household_id.in_(actor.homes), *_OF_A_FAMILY))
    return and_(here, or_(*mine))


def is_in_reach(session: Session, actor: Actor, alert_id: UUID) -> bool:
    """Tell whether somebody may read an alert."""
    query = select(Alert.id).where(Alert.id == alert_id, _in_reach(actor))
    return session.scalar(query) is not None


def open_alerts(session: Session, actor: Actor, *, limit: int = MOST_OPEN) -> list[AlertView]:
    """Give the open alerts that somebody may read, P1 first, newest first."""
    query = (
        _rows()
        .where(_in_reach(actor), _IS_OPEN)
        .order_by(Alert.severity, Alert.detected_at.desc(), Alert.id)
        .limit(limit)
    )
    return _views(session, query)


def closed_since(session: Session, actor: Actor, since: datetime) -> list[AlertView]:
    """Give the alerts that somebody may read and that were closed since then, the last first.

    What had been open for more than a month is left out: it would be looked for in all there is.
    """
    query = (
        _rows()
        .where(
            _in_reach(actor),
            Alert.handling == Handling.CLOSED,
            Alert.closed_at >= since,
            Alert.detected_at >= since - _OPEN_FOR,
        )
        .order_by(Alert.closed_at.desc(), Alert.id)
        .limit(MOST_OPEN)
    )
    return _views(session, query)


def home_alerts(
    session: Session, household_id: int, *, closed_since: datetime
) -> tuple[list[AlertView], list[AlertView]]:
    """Give what a home's family sees: the open alerts, the worst first, and those closed lately."""
    of_home = (Alert.household_id == household_id, *_OF_A_FAMILY)
    is_open = _rows().where(*of_home, _IS_OPEN).order_by(Alert.severity, Alert.detected_at.desc())
    was_closed = (
        _rows()
        .where(*of_home, Alert.handling == Handling.CLOSED, Alert.closed_at >= closed_since)
        .order_by(Alert.closed_at.desc())
    )
    return _views(session, is_open.limit(20)), _views(session, was_closed.limit(5))


def week_of_home(
    session: Session, community_id: int, household_id: int, since: datetime
) -> list[AlertView]:
    """Give the real alerts of a home since then, and those still open, the first ones first.

    Those about its devices, too, which its family is not told of one by one.
    """
    query = _rows().where(
        Alert.community_id == community_id,
        Alert.household_id == household_id,
        Alert.mode == Mode.ACTUAL,
        Alert.rule_id.not_in(SILENT),
        or_(Alert.detected_at >= since, _IS_OPEN),
    )
    return _views(session, query.order_by(Alert.detected_at, Alert.id).limit(1000))


def receives_nothing(session: Session, community_id: int) -> bool:
    """Tell whether the platform says of itself that it receives nothing from a community."""
    query = select(Alert.id).where(
        Alert.community_id == community_id,
        Alert.rule_id == INGEST_DOWN,
        Alert.condition != Condition.CLEAR,
        _IS_OPEN,
    )
    return session.scalars(query.limit(1)).first() is not None


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
    found = load(session, community_id, moment)
    return AlertCounts(
        by_severity=by_severity,
        open=sum(by_severity.values()),
        unacked=waiting,
        oldest_unacked_at=min(oldest, default=None),
        load=found.now if found.is_flood else found.usual,
        flood=found.is_flood,
    )


def put_aside(session: Session, actor: Actor) -> list[AlertView]:
    """Give the open alerts that are shelved, or wished to be, the soonest over first."""
    query = _rows().where(_in_reach(actor), _IS_OPEN, Alert.shelf.is_not(None))
    return _views(session, query.order_by(Alert.due_at, Alert.id))


def history(
    session: Session,
    actor: Actor,
    wanted: HistoryFilter | None = None,
    *,
    page: int = 1,
    size: int = 50,
    after: UUID | None = None,
    sort: HistorySort = HistorySort.DETECTED,
    descending: bool = True,
) -> AlertPage:
    """Give one page of all alerts that match and somebody may read, by default newest first.

    ``after`` an alert come those before it, whatever has happened since; then ``page`` is 1.
    """
    wanted = wanted or HistoryFilter()
    conditions = [_in_reach(actor), *_conditions(wanted)]
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
        .order_by(*(key.desc() if descending else key for key in _keys(Alert, sort)))
        .limit(size + 1)
        .offset((page - 1) * size if after is None else 0)
    )
    if after is not None:
        query = query.where(_comes_after(actor, after, sort, descending=descending))
    rows = _views(session, query)
    following = rows[size - 1].id if len(rows) > size else None
    return AlertPage(
        rows=tuple(rows[:size]), next=following, total=total or 0, page=page, size=size
    )


def _keys(of: type[Alert], sort: HistorySort) -> tuple[Column, ...]:
    """Build what orders alerts; all of it one way, the worst severity being the greatest."""
    newest = (of.detected_at, of.id)
    return newest if sort is HistorySort.DETECTED else (-of.severity, *newest)


def _comes_after(
    actor: Actor, alert_id: UUID, sort: HistorySort, *, descending: bool
) -> ColumnElement[bool]:
    there = aliased(Alert)
    last = (
        select(*_keys(there, sort))
        .where(there.id == alert_id, there.community_id == actor.community_id)
        .scalar_subquery()
    )
    own = tuple_(*_keys(Alert, sort))
    return own < last if descending else own > last


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


def first_answer() -> Select[datetime]:
    """Build when the first person did something about an alert, ``at``; to be correlated."""
    return select(func.min(TimelineEntry.at).label("at")).where(
        TimelineEntry.alert_id == Alert.id,
        TimelineEntry.kind.in_(ANSWERS),
        TimelineEntry.user_id.is_not(None),
    )


def answered_at(session: Session, alert_id: UUID) -> datetime | None:
    """Give when the first person did something about an alert."""
    return session.scalar(first_answer().where(Alert.id == alert_id))


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
    on_screens = [
        DeliveryView.model_validate(one, from_attributes=True)
        for one in session.scalars(
            select(Notification).where(Notification.alert_id == alert_id).order_by(Notification.id)
        )
    ]
    named = aliased(Delivery)
    others = select(func.count(named.alert_id.distinct())).where(
        named.together == Delivery.together, named.alert_id != Delivery.alert_id
    )
    outside = (
        select(Delivery, Channel, Notification.recipient, others.scalar_subquery())
        .join(Channel, Channel.id == Delivery.channel_id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Delivery.alert_id == alert_id)
        .order_by(Delivery.id)
    )
    return (
        *on_screens,
        *(_outside(*row) for row in session.execute(outside)),
    )


def _outside(one: Delivery, channel: Channel, recipient: str, others: int) -> DeliveryView:
    return DeliveryView(
        transition=one.transition,
        recipient=recipient if one.user_id is None else f"user:{one.user_id}",
        channel=channel.kind,
        name=channel.name,
        state=one.state,
        created_at=one.created_at,
        accepted_at=one.accepted_at,
        delivered_at=one.delivered_at,
        seen_at=one.seen_at,
        error=one.error,
        others=others,
    )


def media_ready(session: Session, community_id: int, media_id: str) -> bool:
    """Tell whether a snapshot is here and not expired."""
    query = select(_media.c.id).where(
        _media.c.id == media_id,
        _media.c.community_id == community_id,
        _media.c.expires_at > now(),
    )
    return session.scalar(query) is not None


def photos_here(session: Session, alert_id: UUID) -> tuple[str, ...]:
    """Give the ids of an alert's photos that are not past their time."""
    query = select(_media.c.id).where(_media.c.alert_id == alert_id, _media.c.expires_at > now())
    return tuple(session.scalars(query.order_by(_media.c.id)))


def is_open_in_reach(session: Session, actor: Actor, *, media_id: str, of: UUID | None) -> bool:
    """Tell whether a picture belongs to an open alert in the actor's reach: ``of`` it, or shown."""
    query = select(Alert.id).where(
        Alert.community_id == actor.community_id,
        or_(Alert.media_id == media_id, Alert.id == of) if of else Alert.media_id == media_id,
        _IS_OPEN,
        _in_reach(actor),
    )
    return session.scalars(query.limit(1)).first() is not None


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


def _changes() -> Select[int, str, str, datetime, Json | None]:
    """Build what changed after a position, in order; an alert with its row as it is now."""
    ref = case((FeedEntry.kind == "alert", cast(FeedEntry.ref, Uuid)))
    row = (
        _rows()
        .where(Alert.community_id == FeedEntry.community_id, Alert.id == ref)
        .correlate(FeedEntry)
        .lateral("alert")
    )
    return (
        select(
            FeedEntry.seq,
            FeedEntry.kind,
            FeedEntry.ref,
            FeedEntry.at,
            func.row_to_json(row.table_valued()),
        )
        .outerjoin(row, true())
        .where(FeedEntry.community_id == bindparam("community"), FeedEntry.seq > bindparam("after"))
        .order_by(FeedEntry.seq)
        .limit(bindparam("limit"))
    )


CHANGES = _changes()
"""``seq, kind, ref, at, alert`` of a ``community``'s feed ``after`` a position, up to ``limit``.

``alert`` holds the fields of an :class:`AlertView`, null for what is no alert.
"""
