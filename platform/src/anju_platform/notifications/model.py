"""Tables of the outbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class DeliveryState(StrEnum):
    """How far one message to one recipient on one channel has come."""

    QUEUED = "queued"
    LEASED = "leased"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    SEEN = "seen"
    RETRY = "retry"
    DEAD = "dead"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Notification(Table):
    """One message to be delivered, written in the transaction that made it necessary.

    ``transition`` numbers the alert's transition it tells of (the alert's ``version``);
    ``step`` is 0 for telling of that itself, else the how manieth time somebody is told that
    nobody has taken it on.
    ``recipient`` is ``role:guard`` or ``user:<id>``; ``channel`` is ``in_app`` for now.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("alert_id", "transition", "step", "recipient", "channel"),
        Index("ix_notifications_due", "state", "next_attempt_at"),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alerts.id"))
    transition: Mapped[int]
    step: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    recipient: Mapped[str]
    channel: Mapped[str]
    state: Mapped[str] = mapped_column(default=DeliveryState.QUEUED)
    payload: Mapped[Json] = mapped_column(default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    error: Mapped[str | None]
