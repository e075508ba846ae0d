"""SQL of the outbox: planning, leasing, settling."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import CursorResult, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from anju_platform.database import Json, as_json, driver
from anju_platform.notifications.model import DeliveryState, Notification

OUTBOX_CHANNEL = "anju_outbox"
"""NOTIFY channel that wakes the worker; its poll is the guarantee."""

_UNSETTLED = (DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.RETRY)

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


def lease(session: Session, at: datetime, duration: timedelta, limit: int) -> list[Notification]:
    """Take due rows that nobody else holds; a lease that ran out is due again."""
    due = or_(
        and_(
            Notification.state.in_((DeliveryState.QUEUED, DeliveryState.RETRY)),
            Notification.next_attempt_at <= at,
        ),
        and_(Notification.state == DeliveryState.LEASED, Notification.leased_until <= at),
    )
    chosen = (
        select(Notification)
        .where(due)
        .order_by(Notification.next_attempt_at, Notification.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(session.scalars(chosen))
    for row in rows:
        row.state = DeliveryState.LEASED
        row.leased_until = at + duration
        row.attempts += 1
    session.flush()
    return rows


def settle(session: Session, notification: Notification, values: Json) -> bool:
    """Write how an attempt ended, if the lease is still ours; gives whether it was."""
    result = session.execute(
        update(Notification)
        .where(
            Notification.id == notification.id,
            Notification.state == DeliveryState.LEASED,
            Notification.attempts == notification.attempts,
        )
        .values(leased_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return _rows(result) == 1


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


def expire(session: Session, at: datetime) -> int:
    """Give up what was not accepted in time; gives how many."""
    due = (
        select(Notification.id)
        .where(
            Notification.state.in_((DeliveryState.QUEUED, DeliveryState.RETRY)),
            Notification.expires_at <= at,
        )
        .order_by(Notification.id)  # as everybody locks them
        .with_for_update(skip_locked=True)
    )
    result = session.execute(
        update(Notification)
        .where(Notification.id.in_(due))
        .values(state=DeliveryState.EXPIRED, leased_until=None)
        .execution_options(synchronize_session=False)
    )
    return _rows(result)


def prune(session: Session, before: datetime) -> None:
    """Delete messages planned before that time that nobody will try again."""
    session.execute(
        delete(Notification).where(
            Notification.created_at < before, Notification.state.not_in(_UNSETTLED)
        )
    )


def forget_alerts(session: Session, alert_ids: Sequence[UUID]) -> None:
    """Delete whatever people were told, or were to be told, of these alerts."""
    session.execute(delete(Notification).where(Notification.alert_id.in_(alert_ids)))


def _rows(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
