"""SQL of the outbox: planning, taking up, receipts of screens."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import (
    and_,
    column,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.orm import Session, aliased

from anju_platform.database import Json, as_json, driver
from anju_platform.notifications.model import Address, Delivery, DeliveryState, Notification

OUTBOX_CHANNEL = "anju_outbox"
"""NOTIFY channel that wakes the worker; its poll is the guarantee."""

_ADD = """
    WITH added AS (
        INSERT INTO notifications (community_id, alert_id, transition, step, recipient, channel,
            state, payload, attempts, created_at, next_attempt_at, expires_at)
        SELECT community_id, alert_id, transition, step, recipient, channel, 'queued', payload, 0,
            created_at, created_at, expires_at
        FROM json_to_recordset(%s) AS new (community_id bigint, alert_id uuid,
            transition bigint, step smallint, recipient text, channel text, payload jsonb,
            created_at timestamptz, expires_at timestamptz)
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    SELECT pg_notify(%s, '') WHERE EXISTS (SELECT FROM added)
"""


class Planned(msgspec.Struct, frozen=True):
    """A message to be delivered."""

    community_id: int
    alert_id: UUID
    transition: int
    step: int
    recipient: str
    channel: str
    payload: Json
    created_at: datetime
    expires_at: datetime


def add(session: Session, planned: Sequence[Planned]) -> None:
    """Insert what is not there yet and wake the worker, without waiting for the answer."""
    if planned:
        driver(session).execute(_ADD, [as_json(planned), OUTBOX_CHANNEL])


def told_first(session: Session, alert_id: UUID) -> list[str]:
    """Give who was told when the alert was raised or became new to people again."""
    query = (
        select(Notification.recipient)
        .where(Notification.alert_id == alert_id, Notification.step == 0)
        .group_by(Notification.recipient)
        .order_by(func.min(Notification.id))
    )
    return list(session.scalars(query))


def unrouted(session: Session, at: datetime, limit: int) -> list[Notification]:
    """Take what nobody has taken up, the oldest first.

    What a worker of the release before holds is left to it until its lease runs out.
    """
    is_held = and_(Notification.state == DeliveryState.LEASED, Notification.leased_until > at)
    query = (
        select(Notification)
        .where(Notification.routed_at.is_(None), ~func.coalesce(is_held, false()))
        .order_by(Notification.id)  # as everybody locks them
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(query))


def settle_shown(
    session: Session,
    community_id: int,
    alerts: Sequence[UUID],
    *,
    channel: str,
    recipients: Sequence[str],
    before: Sequence[str],
    values: Json,
) -> int:
    """Write how far these recipients' messages in one of the states ``before`` came; how many.

    They are locked in the worker's order: nobody waits for the other in a circle.
    """
    chosen = (
        select(Notification.id)
        .where(
            Notification.community_id == community_id,
            Notification.alert_id.in_(alerts),
            Notification.channel == channel,
            Notification.recipient.in_(recipients),
            Notification.state.in_(before),
        )
        .order_by(Notification.id)
        .with_for_update()
    )
    ids = session.scalars(chosen).all()
    session.execute(
        update(Notification)
        .where(Notification.id.in_(ids))
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def take_receipt(session: Session, receipt: str, at: datetime, *, seen: bool) -> bool:
    """Note that a message was delivered, or seen; gives whether there is such a message."""
    said = list(
        session.scalars(
            select(Delivery)
            .where(or_(Delivery.receipt == receipt, Delivery.together == receipt))
            .order_by(Delivery.id)
            .with_for_update()
        )
    )
    for one in said:
        one.accepted_at = one.accepted_at or at
        one.delivered_at = one.delivered_at or at
        if seen:
            one.seen_at = one.seen_at or at
        one.state = DeliveryState.SEEN if one.seen_at is not None else DeliveryState.DELIVERED
        one.leased_until = None
    # a browser that says so is whose it says it is: nobody else can open what was sealed for it
    session.execute(
        update(Address)
        .where(
            Address.id.in_([one.address_id for one in said if one.address_id is not None]),
            Address.kind == "push",
            Address.proven_at.is_(None),
        )
        .values(proven_at=at)
        .execution_options(synchronize_session=False)
    )
    return bool(said)


_alerts = table("alerts", column("id"), column("title"), column("title_en"), column("handling"))


def held_back(
    session: Session, before: datetime, least: int, limit: int
) -> list[tuple[Delivery, str, str]]:
    """Lock what a limit held back before that time of what nobody has, with its alert.

    Of no more weight than ``least``, and not told otherwise. Nothing of it was tried: it waits,
    or is too late by now.
    """
    told = aliased(Delivery)
    was_told = exists().where(
        told.notification_id == Delivery.notification_id,
        told.user_id == Delivery.user_id,
        or_(told.attempts > 0, told.delivered_at.is_not(None)),
    )
    query = (
        select(Delivery, _alerts.c.title, _alerts.c.title_en)
        .join(_alerts, _alerts.c.id == Delivery.alert_id)
        .where(
            Delivery.held_at <= before,
            Delivery.notification_id.is_not(None),
            Delivery.user_id.is_not(None),
            Delivery.severity >= least,
            _alerts.c.handling == "unacked",
            Delivery.state.in_((DeliveryState.QUEUED, DeliveryState.EXPIRED)),
            ~was_told,
        )
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    return [(one, title, title_en) for one, title, title_en in session.execute(query)]


def prune(session: Session, before: datetime) -> None:
    """Delete messages planned before that time that nobody will try again."""
    session.execute(
        delete(Notification).where(
            Notification.created_at < before, Notification.routed_at.is_not(None)
        )
    )


def forget_alerts(session: Session, alert_ids: Sequence[UUID]) -> None:
    """Delete whatever people were told, or were to be told, of these alerts."""
    session.execute(delete(Notification).where(Notification.alert_id.in_(alert_ids)))
