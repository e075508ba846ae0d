"""SQL of leasing: what is said next, within what a provider takes, and which alerts it names.

Lesser alerts of one place and minute are told to the same address as one message (ADR 25). The
first goes when it is its turn, and takes along whatever is there by then; what comes later in
that minute waits until the minute is over, and then goes together.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from anju_platform.database import now
from anju_platform.notifications.model import Channel, Delivery, DeliveryState, Notification
from anju_platform.notifications.outside.limits import wait_for_turn
from anju_platform.notifications.outside.repository import (
    IN_VAIN,
    IS_LEASED,
    IS_OPEN,
    LIFE,
    is_due,
    is_needless,
    told_of,
    with_all_of_it,
)
from anju_platform.notifications.outside.routing import LEAST, PATIENCE

MINUTE = timedelta(minutes=1)
"""What is planned so soon after something of the same place goes with it, or waits for its end."""
MOST_TOGETHER = 20
"""A message names so many alerts at most; there is another one for the rest."""
_WORSE = "it became worse, which was told anew"

_CAN_JOIN = (
    IS_OPEN,
    Delivery.state == DeliveryState.QUEUED,
    Delivery.attempts == 0,  # what was tried is tried again as it was said
    Delivery.severity >= LEAST,
    told_of.c.severity >= LEAST,
    told_of.c.place_id.is_not(None),
    Notification.payload["kind"].astext != "dispatched",  # that is an order, to one person
)
"""What is told together with others, if there are any; of all that an errand is made of."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """What a delivery has in common with those it is told with: address, place, mode."""

    of: Delivery
    place_id: int
    mode: str

    @property
    def same(self) -> tuple[ColumnElement[bool], ...]:
        """Say that another delivery has it, too."""
        return (
            Delivery.channel_id == self.of.channel_id,
            Delivery.user_id.is_not_distinct_from(self.of.user_id),
            Delivery.address_id.is_not_distinct_from(self.of.address_id),
            told_of.c.place_id == self.place_id,
            told_of.c.mode == self.mode,
        )


def due(session: Session, at: datetime) -> list[tuple[int, str, int]]:
    """Give the lanes that have something to say now, the worst first: channel, lane, how much."""
    query = (
        select(Delivery.channel_id, Delivery.lane, func.count())
        .where(is_due(at))
        .group_by(Delivery.channel_id, Delivery.lane)
        .order_by(func.min(Delivery.severity), func.min(Delivery.next_attempt_at))
    )
    return [(channel, lane, count) for channel, lane, count in session.execute(query)]


def lease(
    session: Session, channel_id: int, lane: str, duration: timedelta
) -> list[Delivery] | None:
    """Take the most urgent message of a channel's lane, if its provider takes one now.

    Gives the deliveries it speaks for; nothing (None) if there is none now, none of them (an
    empty list) if some were put off: then there may be another.
    One whose lease ran out was begun by somebody who is gone: nobody knows whether it arrived.
    """
    # the channel's row is locked: what its provider takes is counted by all workers together,
    # and what is told of a place is not told twice
    channel = session.scalars(
        select(Channel).where(Channel.id == channel_id).with_for_update(key_share=True)
    ).one()
    at = now()
    query = (
        select(Delivery)
        .where(Delivery.channel_id == channel_id, Delivery.lane == lane, is_due(at))
        .order_by(Delivery.severity, Delivery.next_attempt_at, Delivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        return None
    again: list[Delivery] = []
    if found.together is not None:
        again = _all_of_it(session, found.together, at)
        if not again:
            return None
        if worse := _became_worse(session, again):
            let_go(session, worse, at)
            return []
    spot = _spot(session, found) if found.severity >= LEAST else None
    until = _minute_ends(session, spot) if spot is not None else None
    if spot is not None and until is not None and until > at:
        _hold(session, spot, at, until)
        return []
    if (wait := wait_for_turn(channel, at, for_life=found.severity <= LIFE)) is not None:
        _postpone(session, found, at, at + wait)
        return None
    said = again or _with_others(session, found, spot, at)
    for one in said:
        if one.state == DeliveryState.LEASED:
            one.unsure += 1
        one.state = DeliveryState.LEASED
        one.leased_until = at + duration
        one.attempts += 1
    session.flush()
    return said


def _spot(session: Session, one: Delivery) -> _Spot | None:
    """Give what a delivery can be told together by; nothing if it is told by itself."""
    query = with_all_of_it(select(told_of.c.place_id, told_of.c.mode)).where(
        Delivery.id == one.id, *_CAN_JOIN
    )
    found = session.execute(query).one_or_none()
    return _Spot(one, *found) if found is not None else None


def _minute_ends(session: Session, spot: _Spot) -> datetime | None:
    """Give when the minute is over in which that place was told of to that address.

    That is the minute of the first alert told; nothing where none was.
    Whoever joins waits no longer than a minute after they were to be told.
    """
    first = session.scalar(
        select(func.min(Delivery.created_at))
        .join(told_of, told_of.c.id == Delivery.alert_id)
        .where(
            *spot.same,
            Delivery.severity >= LEAST,
            Delivery.attempts > 0,
            Delivery.state.not_in(IN_VAIN),
            Delivery.created_at > spot.of.created_at - MINUTE,
        )
    )
    return None if first is None else min(first, spot.of.created_at) + MINUTE


def _hold(session: Session, spot: _Spot, at: datetime, until: datetime) -> None:
    """Let what is due of a place wait until then, and the next ways to the same people as long."""
    held = session.scalars(
        with_all_of_it(select(Delivery.id))
        .where(*spot.same, *_CAN_JOIN, is_due(at))
        .with_for_update(skip_locked=True, of=Delivery)
    ).all()
    of_them = aliased(Delivery)
    same_message = and_(
        of_them.notification_id == Delivery.notification_id,
        of_them.user_id.is_not_distinct_from(Delivery.user_id),
    )
    waiting = (
        select(Delivery.id)
        .where(
            exists().where(
                same_message,
                of_them.id.in_(held),
                of_them.next_attempt_at <= Delivery.next_attempt_at,
            ),
            Delivery.state == DeliveryState.QUEUED,
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.id.in_(waiting))
        .values(next_attempt_at=Delivery.next_attempt_at + (until - spot.of.next_attempt_at))
        .execution_options(synchronize_session=False)
    )


def _all_of_it(session: Session, word: str, at: datetime) -> list[Delivery]:
    """Lock what a message told of that is said again; nothing while it cannot all be had.

    A message without one of them, or two messages, would let a receipt speak for what it does
    not name: whoever else has one has it for a moment, or until a lease ends.
    """
    of_it = Delivery.together == word
    query = select(Delivery, IS_OPEN, is_due(at)).where(of_it).order_by(Delivery.id)
    rows = session.execute(query.with_for_update(skip_locked=True)).all()
    still_open = [(one, due_now) for one, is_open, due_now in rows if is_open]
    has_all = len(rows) == session.scalar(select(func.count()).where(of_it))
    if not has_all or not all(due_now for _, due_now in still_open):
        return []
    return [one for one, _ in still_open]


def _became_worse(session: Session, said: Sequence[Delivery]) -> set[UUID]:
    """Give what a message told of while it was lesser, and is urgent now."""
    query = select(told_of.c.id).where(
        told_of.c.id.in_([one.alert_id for one in said]), told_of.c.severity < LEAST
    )
    return set(session.scalars(query))


def _with_others(
    session: Session, found: Delivery, spot: _Spot | None, at: datetime
) -> list[Delivery]:
    """Lock what is said in the same message: what there is of that minute."""
    if spot is None:
        return [found]
    planned = found.created_at
    query = (
        with_all_of_it(select(Delivery))
        .where(
            *spot.same,
            *_CAN_JOIN,
            Delivery.id != found.id,
            Delivery.created_at.between(planned - MINUTE, planned + MINUTE),
            ~is_needless(at),
        )
        .order_by(Delivery.created_at, Delivery.id)
        .limit(MOST_TOGETHER - 1)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    others = list(session.scalars(query))
    if others:
        word = secrets.token_urlsafe(16)
        for one in (found, *others):
            one.together = word
    return [found, *others]


def _postpone(session: Session, first: Delivery, at: datetime, until: datetime) -> None:
    """Let everything that is as little urgent wait for its turn, too."""
    chosen = (
        select(Delivery.id)
        .where(
            Delivery.channel_id == first.channel_id,
            Delivery.severity >= first.severity,
            IS_OPEN,
            ~IS_LEASED,
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


def let_go_of_the_rest(session: Session, at: datetime) -> None:
    """Let go what was just being made to wait when :func:`let_go` came by: it is called again.

    Not what goes now, nor what has its turn soon after a way that was taken, like any next way.
    """
    way = aliased(Delivery)
    of_them = and_(
        way.notification_id == Delivery.notification_id,
        way.user_id.is_not_distinct_from(Delivery.user_id),
    )
    waits = and_(of_them, way.state == DeliveryState.QUEUED)
    goes_now = exists().where(waits, way.next_attempt_at <= at)
    is_begun = exists().where(of_them, way.attempts > 0)
    goes_soon = exists().where(waits, way.next_attempt_at <= at + PATIENCE)
    is_to_be_told_anew = exists().where(
        Notification.alert_id == Delivery.alert_id, Notification.routed_at.is_(None)
    )
    query = (
        select(Delivery.alert_id)
        .join(told_of, told_of.c.id == Delivery.alert_id)
        .where(
            IS_OPEN,
            Delivery.state == DeliveryState.QUEUED,
            Delivery.severity >= LEAST,
            told_of.c.severity < LEAST,
            Delivery.held_at.is_(None),  # a limit is waited for, as ever
            ~goes_now,
            ~and_(is_begun, goes_soon),
            ~is_to_be_told_anew,
        )
    )
    if alerts := set(session.scalars(query)):
        let_go(session, alerts, at)


def let_go(session: Session, alerts: Collection[UUID], at: datetime) -> None:
    """Let what was planned of alerts while they were lesser wait for no other: they are worse now.

    Who is told that anew need not be told the old; whoever is not, is told at once.
    """
    anew = aliased(Delivery)
    is_told_anew = exists().where(
        anew.alert_id == Delivery.alert_id,
        anew.severity < LEAST,
        anew.transition > Delivery.transition,  # not when it was as bad once before
        anew.user_id.is_not_distinct_from(Delivery.user_id),
        anew.channel_id == Delivery.channel_id,
        anew.address_id.is_not_distinct_from(Delivery.address_id),
        anew.state.not_in(IN_VAIN),
    )
    query = (
        select(Delivery, is_told_anew)
        .where(
            Delivery.alert_id.in_(alerts),
            Delivery.severity >= LEAST,
            IS_OPEN,
            or_(~IS_LEASED, Delivery.leased_until <= at),
        )
        .order_by(Delivery.notification_id, Delivery.user_id, Delivery.next_attempt_at)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    rows = [(one, anew_too) for one, anew_too in session.execute(query)]
    for one, anew_too in rows:
        one.together = None
        if anew_too:
            one.state, one.error, one.leased_until = DeliveryState.CANCELLED, _WORSE, None
    # what is tried again keeps its pause: it may have arrived
    left = [one for one, anew_too in rows if not anew_too and one.state == DeliveryState.QUEUED]
    for _, ways in groupby(left, lambda one: (one.notification_id, one.user_id)):
        in_order = list(ways)
        early = max(timedelta(0), in_order[0].next_attempt_at - at)
        for one in in_order:
            one.next_attempt_at -= early
    session.flush()
