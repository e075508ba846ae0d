"""SQL of the outbox: planning, leasing, settling."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, and_, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from anju_platform.database import Json
from anju_platform.notifications.model import DeliveryState, Notification

OUTBOX_CHANNEL = "anju_outbox"
"""NOTIFY channel that wakes the worker; its poll is the guarantee."""


def add(session: Session, rows: Sequence[Json]) -> int:
    """Insert rows that are not there yet and wake the worker; gives how many were new."""
    if not rows:
        return 0
    statement = insert(Notification).values(list(rows)).on_conflict_do_nothing()
    added = session.execute(statement.returning(Notification.id)).all()
    if added:
        session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": OUTBOX_CHANNEL})
    return len(added)


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


def expire(session: Session, at: datetime) -> int:
    """Give up what was not accepted in time; gives how many."""
    result = session.execute(
        update(Notification)
        .where(
            Notification.state.in_((DeliveryState.QUEUED, DeliveryState.RETRY)),
            Notification.expires_at <= at,
        )
        .values(state=DeliveryState.EXPIRED, leased_until=None)
        .execution_options(synchronize_session=False)
    )
    return _rows(result)


def _rows(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
