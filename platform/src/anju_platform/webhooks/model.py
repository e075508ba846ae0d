"""Tables of webhooks: who hears of alerts, and what each is told."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table


class MessageState(StrEnum):
    """How far a message to another system has come; ``dead``: given up, to be sent by hand."""

    QUEUED = "queued"
    LEASED = "leased"
    RETRY = "retry"
    ACCEPTED = "accepted"
    DEAD = "dead"


class Webhook(Table):
    """Another system that hears of a community's alerts.

    ``url`` may hold passwords and is shown to nobody, nor is ``secret``, with which each message
    is signed; ``former_secret`` signs beside it until ``former_until``. ``steps`` are the steps
    of an alert's life that are told (kinds of its timeline), ``least`` the severity from which on,
    ``places`` the slugs of the places in which (empty: everywhere).
    ``failing_since`` is when the first of ``failures`` came after which nothing was accepted;
    before ``not_before`` nothing is tried. ``paused_at``: nothing was taken for days.
    What was removed stays, without its ``url``: it says what was told.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Index(
            "uq_webhooks_slug",
            "community_id",
            "slug",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    slug: Mapped[str]
    name: Mapped[str]
    url: Mapped[str]
    secret: Mapped[str]
    former_secret: Mapped[str | None]
    former_until: Mapped[datetime | None]
    steps: Mapped[list[str]]
    least: Mapped[int] = mapped_column(SmallInteger)
    places: Mapped[list[str]]
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    ok_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


class WebhookMessage(Table):
    """One step of an alert's life, told to one webhook.

    ``message_id`` is the same for every attempt and for every webhook that hears of that step;
    ``body`` is what is posted, letter by letter. ``status`` is what was answered last.
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (
        UniqueConstraint("webhook_id", "message_id"),
        Index("ix_webhook_messages_alert", "alert_id", "webhook_id"),
        Index("ix_webhook_messages_created", "created_at"),
        Index(
            "ix_webhook_messages_due",
            "webhook_id",
            "next_attempt_at",
            postgresql_where=text("state IN ('queued', 'leased', 'retry')"),
        ),
    )
    id: Mapped[Key]
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id"))
    message_id: Mapped[UUID]
    alert_id: Mapped[UUID]
    kind: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default=MessageState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    error: Mapped[str | None]
