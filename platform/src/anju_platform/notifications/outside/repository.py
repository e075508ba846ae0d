"""SQL of deliveries: planning, leasing within what a provider takes, settling, receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, column, exists, func, or_, select, table, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.auth.model import User
from anju_platform.database import Json
from anju_platform.notifications.model import (
    Address,
    Channel,
    Delivery,
    DeliveryState,
    Kind,
    Notification,
)
from anju_platform.notifications.outside.routing import Outlet, Reachable
from anju_platform.registry.model import Community, Place

OPEN_STATES = (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.RETRY)
RESERVED = 0.2
"""This share of what a provider takes in a minute is kept for what a life hangs on."""
_LIFE = 1

_OF_AN_ALERT = (
    "id",
    "place_id",
    "title",
    "title_en",
    "severity",
    "handling",
    "overlays",
    "mode",
    "detected_at",
)
_alerts = table("alerts", *(column(name) for name in _OF_AN_ALERT))
"""What a message speaks of: alerts know of messages, so messages know only this of alerts."""


@dataclass(frozen=True, slots=True)
class Errand:
    """All that is needed to say one thing to somebody outside."""

    delivery: Delivery
    channel: Channel
    address: Address | None
    kind: str
    """What happened to the alert: ``raised``, ``escalated``, ``dispatched`` ..."""
    locale: str | None
    title: str
    title_en: str
    place: str
    place_en: str
    severity: int
    mode: str
    detected_at: datetime
    timezone: str


def outlets(session: Session, community_id: int) -> list[Outlet]:
    """Give the channels of a community that can be used."""
    query = select(Channel).where(
        Channel.community_id == community_id, Channel.enabled, Channel.removed_at.is_(None)
    )
    return [
        Outlet(each.id, Kind(each.kind), each.position, frozenset(each.roles))
        for each in session.scalars(query)
    ]


def reachable(session: Session, community_id: int) -> list[Reachable]:
    """Give the people of a community who have addresses outside."""
    query = (
        select(User.id, User.role, Address.kind, Address.id)
        .join(Address, Address.user_id == User.id)
        .where(
            or_(User.community_id == community_id, User.community_id.is_(None)),
            User.disabled.is_(False),
            Address.gone_at.is_(None),
            Address.removed_at.is_(None),
        )
        .order_by(User.id, Address.id)
    )
    found: dict[tuple[int, str], list[tuple[str, int]]] = {}
    for user_id, role, kind, address_id in session.execute(query):
        found.setdefault((user_id, role), []).append((kind, address_id))
    return [Reachable(user, role, tuple(each)) for (user, role), each in found.items()]


def add(session: Session, planned: Sequence[Json], since: datetime) -> None:
    """Insert what is not there yet: who is named twice of the same hears it once.

    A step of escalation tells nobody again who is told, or about to be, ``since`` then: where
    no wall is watched it is taken in the second in which the alert is raised.
    """
    first = [one for one in planned if one["step"] == 0]
    _insert(session, first)
    again = [one for one in planned if one["step"] > 0]
    if not again:
        return
    query = select(Delivery.alert_id, Delivery.user_id, Delivery.channel_id, Delivery.address_id)
    told = {
        tuple(row)
        for row in session.execute(
            query.where(
                Delivery.alert_id.in_({one["alert_id"] for one in again}),
                Delivery.created_at > since,
                Delivery.state.not_in(_IN_VAIN),
            )
        )
    }
    _insert(session, [one for one in again if _way(one) not in told])


_IN_VAIN = (DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.CANCELLED)


def _way(one: Json) -> tuple[Any, ...]:
    return one["alert_id"], one["user_id"], one["channel_id"], one["address_id"]


def _insert(session: Session, planned: Sequence[Json]) -> None:
    if planned:
        session.execute(insert(Delivery).values(list(planned)).on_conflict_do_nothing())


def tidy(session: Session, at: datetime) -> None:
    """Give up what is no longer worth saying, or need not be said: whatever is due and is so."""
    overdue = (
        select(Delivery.id)
        .where(_is_due(at), Delivery.expires_at <= at)
        .with_for_update(skip_locked=True)
    )
    _settle_all(session, overdue, DeliveryState.EXPIRED)
    other = Delivery.__table__.alias("other")
    heard = exists().where(
        other.c.notification_id == Delivery.notification_id,
        other.c.user_id.is_not_distinct_from(Delivery.user_id),
        other.c.delivered_at.is_not(None),
    )
    kind = Notification.payload["kind"].astext
    nobody_has_it = and_(
        _alerts.c.handling == "unacked", func.jsonb_array_length(_alerts.c.overlays) == 0
    )
    sent_there = and_(kind == "dispatched", _alerts.c.handling == "acked")
    needless = (
        select(Delivery.id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .join(_alerts, _alerts.c.id == Delivery.alert_id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .outerjoin(Address, Address.id == Delivery.address_id)
        .where(
            _is_due(at),
            or_(
                ~Channel.enabled,
                Channel.removed_at.is_not(None),
                Address.removed_at.is_not(None),
                Address.gone_at.is_not(None),
                ~or_(nobody_has_it, sent_there),
                and_(Delivery.severity > _LIFE, Notification.delivered_at.is_not(None)),
                and_(Delivery.severity > _LIFE, heard),
            ),
        )
        .with_for_update(skip_locked=True, of=Delivery)
    )
    _settle_all(session, needless, DeliveryState.CANCELLED)


def _settle_all(session: Session, chosen: Any, state: DeliveryState) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(chosen))
        .values(state=state, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def _is_due(at: datetime) -> Any:
    return or_(
        and_(
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.RETRY)),
            Delivery.next_attempt_at <= at,
        ),
        and_(Delivery.state == DeliveryState.LEASED, Delivery.leased_until <= at),
    )


def due(session: Session, at: datetime) -> list[tuple[int, Kind, int]]:
    """Give the channels that have something to say now: id, kind, how much."""
    query = (
        select(Channel.id, Channel.kind, func.count())
        .join(Delivery, Delivery.channel_id == Channel.id)
        .where(_is_due(at))
        .group_by(Channel.id)
    )
    return [(key, Kind(kind), count) for key, kind, count in session.execute(query)]


def lease(session: Session, channel_id: int, at: datetime, duration: timedelta) -> Delivery | None:
    """Take the most urgent delivery of a channel, if its provider takes one now.

    One whose lease ran out was begun by somebody who is gone: nobody knows whether it arrived.
    """
    # one after the other: a delivery that others hold is left to them, the channel's tokens not
    channel = session.scalars(
        select(Channel).where(Channel.id == channel_id).with_for_update(key_share=True)
    ).one()
    query = (
        select(Delivery)
        .where(Delivery.channel_id == channel_id, _is_due(at))
        .order_by(Delivery.severity, Delivery.next_attempt_at, Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        return None
    if (wait := _take_token(channel, found.severity, at)) is not None:
        _postpone(session, found, at, at + wait)
        return None
    if found.state == DeliveryState.LEASED:
        found.unsure += 1
    found.state = DeliveryState.LEASED
    found.leased_until = at + duration
    found.attempts += 1
    session.flush()
    return found


def _take_token(channel: Channel, severity: int, at: datetime) -> timedelta | None:
    """Take one of the tokens a provider's limit leaves us, or say when there is one."""
    if channel.per_minute is None:
        return None
    most = float(channel.per_minute)
    per_s = most / 60
    since = (at - channel.filled_at).total_seconds() if channel.filled_at else 60.0
    channel.tokens = min(most, channel.tokens + max(since, 0.0) * per_s)
    channel.filled_at = at
    needed = 1.0 if severity <= _LIFE else 1.0 + most * RESERVED
    needed = min(needed, most)  # a limit of one a minute can reserve nothing
    if channel.tokens >= needed:
        channel.tokens -= 1.0
        return None
    return timedelta(seconds=(needed - channel.tokens) / per_s)


def _postpone(session: Session, first: Delivery, at: datetime, until: datetime) -> None:
    """Let everything that is as little urgent wait for its token, too."""
    chosen = (
        select(Delivery.id)
        .where(
            Delivery.channel_id == first.channel_id,
            Delivery.severity >= first.severity,
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.RETRY)),
            Delivery.next_attempt_at <= at,
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(chosen))
        .values(next_attempt_at=until)
        .execution_options(synchronize_session=False)
    )


def errand(session: Session, delivery_id: int) -> Errand:
    """Gather what a leased delivery needs to be said."""
    query = (
        select(
            Delivery,
            Channel,
            Address,
            Notification.payload["kind"].astext,
            User.locale,
            _alerts.c.title,
            _alerts.c.title_en,
            func.coalesce(Place.label, ""),
            func.coalesce(Place.label_en, ""),
            _alerts.c.severity,
            _alerts.c.mode,
            _alerts.c.detected_at,
            Community.timezone,
        )
        .join(Channel, Channel.id == Delivery.channel_id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .join(_alerts, _alerts.c.id == Delivery.alert_id)
        .join(Community, Community.id == Delivery.community_id)
        .outerjoin(Address, Address.id == Delivery.address_id)
        .outerjoin(User, User.id == Delivery.user_id)
        .outerjoin(Place, Place.id == _alerts.c.place_id)
        .where(Delivery.id == delivery_id)
    )
    return Errand(*session.execute(query).one())


def settle(session: Session, one: Delivery, values: Json) -> bool:
    """Write how an attempt ended, if the lease is still ours; gives whether it was.

    A receipt that came first stays: who has it has it, whatever the service answered.
    """
    query = (
        update(Delivery)
        .where(
            Delivery.id == one.id,
            Delivery.state == DeliveryState.LEASED,
            Delivery.attempts == one.attempts,
        )
        .values(leased_until=None, **values)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(query) is not None


def bring_forward(session: Session, one: Delivery, at: datetime) -> None:
    """Let the next way to a person be taken now: this one leads nowhere."""
    waiting = (
        select(Delivery.id)
        .where(
            Delivery.notification_id == one.notification_id,
            Delivery.user_id.is_not_distinct_from(one.user_id),
            Delivery.state == DeliveryState.QUEUED,
            Delivery.next_attempt_at > at,
        )
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(next_attempt_at=at)
        .execution_options(synchronize_session=False)
    )


def note_health(session: Session, channel_id: int, at: datetime, error: str | None) -> None:
    """Note on a channel that its provider took something, or why it did not."""
    values: Json = {"error": error}
    if error is None:
        values |= {"ok_at": at, "failing_since": None}
    else:
        values["failing_since"] = func.coalesce(Channel.failing_since, at)
    session.execute(
        update(Channel)
        .where(Channel.id == channel_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def note_address(
    session: Session, address_id: int, at: datetime, error: str | None, *, gone: bool = False
) -> None:
    """Note on an address that it took something, or why not."""
    values: Json = {"error": error}
    if error is None:
        values["ok_at"] = at
    elif gone:
        values["gone_at"] = at
    session.execute(
        update(Address)
        .where(Address.id == address_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def take_receipt(session: Session, receipt: str, at: datetime, *, seen: bool) -> bool:
    """Note that a message was delivered, or seen; gives whether there is such a message."""
    one = session.scalars(
        select(Delivery).where(Delivery.receipt == receipt).with_for_update()
    ).one_or_none()
    if one is None:
        return False
    one.accepted_at = one.accepted_at or at
    one.delivered_at = one.delivered_at or at
    if seen:
        one.seen_at = one.seen_at or at
    one.state = DeliveryState.SEEN if one.seen_at is not None else DeliveryState.DELIVERED
    one.leased_until = None
    return True


def troubled_s(session: Session, at: datetime) -> dict[int, float]:
    """Give, by community, for how long the worst of its channels has taken nothing it was given."""
    failing = (
        select(Channel.community_id, func.min(Channel.failing_since).label("since"))
        .where(Channel.enabled, Channel.removed_at.is_(None), Channel.failing_since.is_not(None))
        .group_by(Channel.community_id)
    )
    waits = func.coalesce(Delivery.leased_until, Delivery.next_attempt_at)
    waiting = (
        select(Delivery.community_id, func.min(waits))
        .where(Delivery.state.in_(OPEN_STATES))
        .group_by(Delivery.community_id)
    )
    found: dict[int, float] = {}
    for community_id, since in (*session.execute(failing), *session.execute(waiting)):
        found[community_id] = max(found.get(community_id, 0.0), (at - since).total_seconds())
    return found
