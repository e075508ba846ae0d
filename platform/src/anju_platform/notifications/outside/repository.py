"""SQL of deliveries: planning them, what is said, how it ended, and what that says of a channel."""

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
from anju_platform.database import Json
from anju_platform.notifications.model import (
    Address,
    Channel,
    Delivery,
    DeliveryState,
    Letter,
    Notification,
)
from anju_platform.notifications.outside.routing import LEAST
from anju_platform.registry.model import Community, Place

LIFE = 1
_FAILURES = 3
"""A channel fails when so many messages in a row were not taken."""
_AT_ONCE = 500
"""So many rows are inserted by one statement; each column of each is a parameter, of 65,535."""
_FOR_THE_DESK = ("escalated", "expired", "unshelved")
"""What is said because nobody has it: of no use to a family once somebody has."""
IN_VAIN = (DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.CANCELLED)

# Written out, not bound: the planner must see that the index of what is due serves.
IS_OPEN: ColumnElement[bool] = literal_column("deliveries.state IN ('queued', 'leased', 'retry')")
IS_LEASED: ColumnElement[bool] = literal_column("deliveries.state = 'leased'")

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
told_of = table("alerts", *(column(name) for name in _OF_AN_ALERT))
"""What a message speaks of: alerts know of messages, so messages know only this of alerts."""
_other = aliased(Delivery)
_later = told_of.alias("later")


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
            Delivery.state.not_in(IN_VAIN),
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


def is_due(at: datetime) -> ColumnElement[bool]:
    """Say that something is to be said now, or was begun by somebody who is gone."""
    when = case((IS_LEASED, Delivery.leased_until), else_=Delivery.next_attempt_at)
    return and_(IS_OPEN, when <= at)


def is_needless(at: datetime) -> ColumnElement[bool]:
    """Say that something need not be said any more; joined to all that an errand is made of.

    Nobody is called of what somebody has, what is muted, a test, or over by itself (as
    ``alerts.life.people_are_called`` says). What a life does not hang on is not said to whoever
    has it: on a screen (of a step, only to whoever looked), or on another way.
    """
    kind = Notification.payload["kind"].astext
    people_are_called = and_(
        told_of.c.mode != "test",
        func.jsonb_array_length(told_of.c.overlays) == 0,
        or_(told_of.c.condition != "clear", told_of.c.latched),
    )
    nobody_has_it = and_(told_of.c.handling == "unacked", people_are_called)
    was_sent = and_(kind == "dispatched", told_of.c.handling == "acked")
    # whoever has it at the desk, the family is to know; and one of them knows for no other
    is_family = func.coalesce(User.role, "") == Role.FAMILY
    family_is_told = and_(
        is_family, kind.not_in(_FOR_THE_DESK), told_of.c.handling != "closed", people_are_called
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


def with_all_of_it(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Join to deliveries what decides whether they need be said, and what is said."""
    return (
        query.select_from(Delivery)
        .outerjoin(Notification, Notification.id == Delivery.notification_id)
        .outerjoin(told_of, told_of.c.id == Delivery.alert_id)
        .outerjoin(Letter, Letter.id == Delivery.letter_id)
        .join(Channel, Channel.id == Delivery.channel_id)
        .outerjoin(Address, Address.id == Delivery.address_id)
        .outerjoin(User, User.id == Delivery.user_id)
    )


def tidy(session: Session, at: datetime) -> None:
    """Give up what is due and need not be said any more."""
    needless = (
        with_all_of_it(select(Delivery.id))
        .where(is_due(at), is_needless(at))
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


def errands(session: Session, said: Sequence[Delivery], at: datetime) -> list[Errand]:
    """Gather what leased deliveries of one message need to be said, the worst first."""
    query = with_all_of_it(
        select(
            Delivery,
            Channel,
            Address,
            Letter,
            Notification.payload["kind"].astext,
            User.role,
            User.locale,
            told_of.c.title,
            told_of.c.title_en,
            func.coalesce(Place.label, ""),
            func.coalesce(Place.label_en, ""),
            told_of.c.severity,
            told_of.c.mode,
            told_of.c.handling,
            told_of.c.detected_at,
            Community.timezone,
            Community.desk_phone,
            is_needless(at),
        )
    )
    query = (
        query.join(Community, Community.id == Delivery.community_id)
        .outerjoin(Place, Place.id == told_of.c.place_id)
        .where(Delivery.id.in_([one.id for one in said]))
        .order_by(told_of.c.severity, Delivery.id)
    )
    return [Errand(*row) for row in session.execute(query)]


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


def leave_out(session: Session, word: str) -> None:
    """Let what was given up be no part of the message that is now said under that word.

    It is not named, so that no receipt of it speaks for it. The message's rows are locked.
    """
    session.execute(
        update(Delivery)
        .where(Delivery.together == word, Delivery.state.in_(IN_VAIN))
        .values(together=None)
        .execution_options(synchronize_session=False)
    )


def bring_forward(session: Session, one: Delivery, at: datetime) -> None:
    """Let the next way to a person be taken now: this one leads nowhere.

    Not while the same channel has another way to them, such as a second browser.
    """
    of_them = and_(
        Delivery.notification_id == one.notification_id,
        Delivery.user_id.is_not_distinct_from(one.user_id),
    )
    beside = select(Delivery.id).where(
        of_them, Delivery.channel_id == one.channel_id, Delivery.state.not_in(IN_VAIN)
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
        .where(IS_OPEN, ~IS_LEASED, Delivery.severity <= LIFE)
        .group_by(Delivery.community_id)
    )
    found: dict[int, float] = {}
    for community_id, since in (*session.execute(failing), *session.execute(waiting)):
        found[community_id] = max(found.get(community_id, 0.0), (at - since).total_seconds())
    return found
