"""SQL of deliveries: planning, leasing within what a provider takes, settling, receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    column,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from anju_platform.auth.model import HomeScope, Role, User
from anju_platform.database import Json, now
from anju_platform.notifications.model import (
    Address,
    Channel,
    Delivery,
    DeliveryState,
    Letter,
    Notification,
)
from anju_platform.notifications.outside.limits import wait_for_turn
from anju_platform.notifications.outside.routing import LEAST
from anju_platform.registry.model import Community, Place

LIFE = 1
_FAILURES = 3
"""A channel fails when so many messages in a row were not taken."""
_AT_ONCE = 500
"""So many rows are inserted by one statement; each column of each is a parameter, of 65,535."""
_FOR_THE_DESK = ("escalated", "expired", "unshelved")
"""What is said because nobody has it: of no use to a family once somebody has."""
_IN_VAIN = (DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.CANCELLED)

# Written out, not bound: the planner must see that the index of what is due serves.
IS_OPEN: ColumnElement[bool] = literal_column("deliveries.state IN ('queued', 'leased', 'retry')")
_IS_LEASED: ColumnElement[bool] = literal_column("deliveries.state = 'leased'")

_OF_AN_ALERT = (
    "id",
    "community_id",
    "place_id",
    "household_id",
    "title",
    "title_en",
    "severity",
    "condition",
    "latched",
    "handling",
    "overlays",
    "mode",
    "detected_at",
)
_alerts = table("alerts", *(column(name) for name in _OF_AN_ALERT))
"""What a message speaks of: alerts know of messages, so messages know only this of alerts."""
_other = aliased(Delivery)
_later = _alerts.alias("later")


@dataclass(frozen=True, slots=True)
class Errand:
    """All that is needed to say one thing to somebody outside: about an alert, or a ``letter``.

    ``kind`` is what happened to the alert (``raised``, ``escalated``, ``dispatched`` ...),
    ``role`` that of the person told;
    ``needless``: it need not be said any more.
    """

    delivery: Delivery
    channel: Channel
    address: Address | None
    letter: Letter | None
    kind: str
    role: str | None
    locale: str | None
    title: str
    title_en: str
    place: str
    place_en: str
    severity: int
    mode: str
    handling: str
    detected_at: datetime
    timezone: str
    desk_phone: str
    needless: bool


def add(session: Session, planned: Sequence[Json], since: datetime) -> None:
    """Insert what is not there yet: who is named twice of the same hears it once.

    A step of escalation tells nobody again who is told, or about to be, ``since`` then: where
    no wall is watched it is taken in the second in which the alert is raised.
    """
    _insert(session, [one for one in planned if one["step"] == 0])
    again = [one for one in planned if one["step"] > 0]
    if not again:
        return
    query = (
        select(Delivery)
        .where(
            Delivery.alert_id.in_({one["alert_id"] for one in again}),
            Delivery.created_at > since,
            Delivery.state.not_in(_IN_VAIN),
        )
        .order_by(Delivery.id)
        .with_for_update()
    )
    told = {
        (one.alert_id, one.user_id, one.channel_id, one.address_id): one
        for one in session.scalars(query)
    }
    new = []
    for one in again:
        had = told.get((one["alert_id"], one["user_id"], one["channel_id"], one["address_id"]))
        if had is None:
            new.append(one)
        elif had.state == DeliveryState.QUEUED:
            # what waits for its turn speaks for the step from now on: only who looked stops it
            had.notification_id, had.step = one["notification_id"], one["step"]
    session.flush()
    _insert(session, new)


def _insert(session: Session, planned: Sequence[Json]) -> None:
    for first in range(0, len(planned), _AT_ONCE):
        rows = list(planned[first : first + _AT_ONCE])
        session.execute(insert(Delivery).values(rows).on_conflict_do_nothing())


def _is_due(at: datetime) -> ColumnElement[bool]:
    when = case((_IS_LEASED, Delivery.leased_until), else_=Delivery.next_attempt_at)
    return and_(IS_OPEN, when <= at)


def _is_needless(at: datetime) -> ColumnElement[bool]:
    """Say that something need not be said any more; joined to all that an errand is made of.

    Nobody is called of what somebody has, what is muted, a test, or over by itself (as
    ``alerts.life.people_are_called`` says). What a life does not hang on is not said to whoever
    has it: on a screen (of a step, only to whoever looked), or on another way.
    """
    kind = Notification.payload["kind"].astext
    people_are_called = and_(
        _alerts.c.mode != "test",
        func.jsonb_array_length(_alerts.c.overlays) == 0,
        or_(_alerts.c.condition != "clear", _alerts.c.latched),
    )
    nobody_has_it = and_(_alerts.c.handling == "unacked", people_are_called)
    was_sent = and_(kind == "dispatched", _alerts.c.handling == "acked")
    # whoever has it at the desk, the family is to know; and one of them knows for no other
    is_family = func.coalesce(User.role, "") == Role.FAMILY
    family_is_told = and_(
        is_family, kind.not_in(_FOR_THE_DESK), _alerts.c.handling != "closed", people_are_called
    )
    is_theirs = exists().where(  # a letter about a home one belongs to no more is not sent
        HomeScope.user_id == Letter.user_id, HomeScope.household_id == Letter.household_id
    )
    was_overtaken = exists().where(  # nor one that says "well" of a home where it rang since
        _later.c.community_id == Letter.community_id,
        _later.c.household_id == Letter.household_id,
        _later.c.detected_at > Letter.created_at,
        _later.c.mode == "actual",
        _later.c.severity <= LEAST,
    )
    on_a_screen = case(
        (Notification.step > 0, Notification.seen_at), else_=Notification.delivered_at
    ).is_not(None)
    on_another_way = exists().where(
        _other.notification_id == Delivery.notification_id,
        _other.user_id.is_not_distinct_from(Delivery.user_id),
        _other.delivered_at.is_not(None),
    )
    return or_(
        Delivery.expires_at <= at,
        ~Channel.enabled,
        Channel.removed_at.is_not(None),
        Address.removed_at.is_not(None),
        Address.gone_at.is_not(None),
        func.coalesce(User.disabled, false()),
        and_(Delivery.letter_id.is_(None), ~or_(nobody_has_it, was_sent, family_is_told)),
        and_(Letter.household_id.is_not(None), or_(~is_theirs, was_overtaken)),
        and_(Delivery.severity > LIFE, or_(and_(on_a_screen, ~is_family), on_another_way)),
    )


def _with_all_of_it(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join to deliveries what decides whether they need be said, and what is said."""
    return (
        query.outerjoin(Notification, Notification.id == Delivery.notification_id)
        .outerjoin(_alerts, _alerts.c.id == Delivery.alert_id)
        .outerjoin(Letter, Letter.id == Delivery.letter_id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .outerjoin(Address, Address.id == Delivery.address_id)
        .outerjoin(User, User.id == Delivery.user_id)
    )


def tidy(session: Session, at: datetime) -> None:
    """Give up what is due and need not be said any more."""
    needless = (
        _with_all_of_it(select(Delivery.id))
        .where(_is_due(at), _is_needless(at))
        .with_for_update(skip_locked=True, of=Delivery)
    )
    state = case(
        (Delivery.expires_at <= at, literal_column("'expired'")),
        else_=literal_column("'cancelled'"),
    )
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(needless))
        .values(state=state, leased_until=None)
        .execution_options(synchronize_session=False)
    )


def due(session: Session, at: datetime) -> list[tuple[int, str, int]]:
    """Give the lanes that have something to say now, the worst first: channel, lane, how much."""
    query = (
        select(Delivery.channel_id, Delivery.lane, func.count())
        .where(_is_due(at))
        .group_by(Delivery.channel_id, Delivery.lane)
        .order_by(func.min(Delivery.severity), func.min(Delivery.next_attempt_at))
    )
    return [(channel, lane, count) for channel, lane, count in session.execute(query)]


def lease(session: Session, channel_id: int, lane: str, duration: timedelta) -> Delivery | None:
    """Take the most urgent delivery of a channel's lane, if its provider takes one now.

    One whose lease ran out was begun by somebody who is gone: nobody knows whether it arrived.
    """
    # the channel's row is locked: what its provider takes is counted by all workers together
    channel = session.scalars(
        select(Channel).where(Channel.id == channel_id).with_for_update(key_share=True)
    ).one()
    at = now()
    query = (
        select(Delivery)
        .where(Delivery.channel_id == channel_id, Delivery.lane == lane, _is_due(at))
        .order_by(Delivery.severity, Delivery.next_attempt_at, Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        return None
    if (wait := wait_for_turn(channel, at, for_life=found.severity <= LIFE)) is not None:
        _postpone(session, found, at, at + wait)
        return None
    if found.state == DeliveryState.LEASED:
        found.unsure += 1
    found.state = DeliveryState.LEASED
    found.leased_until = at + duration
    found.attempts += 1
    session.flush()
    return found


def _postpone(session: Session, first: Delivery, at: datetime, until: datetime) -> None:
    """Let everything that is as little urgent wait for its turn, too."""
    chosen = (
        select(Delivery.id)
        .where(
            Delivery.channel_id == first.channel_id,
            Delivery.severity >= first.severity,
            IS_OPEN,
            ~_IS_LEASED,
            Delivery.next_attempt_at <= at,
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(chosen))
        .values(next_attempt_at=until, held_at=func.coalesce(Delivery.held_at, at))
        .execution_options(synchronize_session=False)
    )


def errand(session: Session, delivery_id: int, at: datetime) -> Errand:
    """Gather what a leased delivery needs to be said."""
    query = _with_all_of_it(
        select(
            Delivery,
            Channel,
            Address,
            Letter,
            Notification.payload["kind"].astext,
            User.role,
            User.locale,
            _alerts.c.title,
            _alerts.c.title_en,
            func.coalesce(Place.label, ""),
            func.coalesce(Place.label_en, ""),
            _alerts.c.severity,
            _alerts.c.mode,
            _alerts.c.handling,
            _alerts.c.detected_at,
            Community.timezone,
            Community.desk_phone,
            _is_needless(at),
        )
    )
    query = (
        query.join(Community, Community.id == Delivery.community_id)
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
    """Let the next way to a person be taken now: this one leads nowhere.

    Not while the same channel has another way to them, such as a second browser.
    """
    of_them = and_(
        Delivery.notification_id == one.notification_id,
        Delivery.user_id.is_not_distinct_from(one.user_id),
    )
    beside = select(Delivery.id).where(
        of_them, Delivery.channel_id == one.channel_id, Delivery.state.not_in(_IN_VAIN)
    )
    if session.scalars(beside.limit(1)).first() is not None:
        return
    waiting = (
        select(Delivery.id)
        .where(of_them, Delivery.state == DeliveryState.QUEUED, Delivery.next_attempt_at > at)
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


def note_taken(session: Session, channel_id: int, at: datetime) -> None:
    """Note on a channel that its provider took something."""
    well: Json = {"ok_at": at, "failures": 0, "failing_since": None, "error": None}
    _note(session, channel_id, well)


def note_failure(
    session: Session, channel_id: int, at: datetime, error: str, *, after_s: float = 0.0
) -> None:
    """Note on a channel that its provider took nothing, and for how long it wants nothing."""
    values: Json = {
        "error": error,
        "failures": Channel.failures + 1,
        "failing_since": func.coalesce(Channel.failing_since, at),
        "failed_at": at,
    }
    if after_s:
        until = at + timedelta(seconds=after_s)
        values["not_before"] = func.greatest(Channel.not_before, until)
    _note(session, channel_id, values)


def _note(session: Session, channel_id: int, values: Json) -> None:
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


def troubled_s(session: Session, at: datetime) -> dict[int, float]:
    """Give, by community, for how long its worst channel has taken nothing, or a P1 has waited."""
    failing = (
        select(Channel.community_id, func.min(Channel.failing_since))
        .where(
            Channel.enabled,
            Channel.removed_at.is_(None),
            Channel.failing_since.is_not(None),
            Channel.failures >= _FAILURES,
        )
        .group_by(Channel.community_id)
    )
    waiting = (
        select(Delivery.community_id, func.min(Delivery.next_attempt_at))
        .where(IS_OPEN, ~_IS_LEASED, Delivery.severity <= LIFE)
        .group_by(Delivery.community_id)
    )
    found: dict[int, float] = {}
    for community_id, since in (*session.execute(failing), *session.execute(waiting)):
        found[community_id] = max(found.get(community_id, 0.0), (at - since).total_seconds())
    return found
