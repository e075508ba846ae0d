"""Tables of the outbox: who is told, and on which ways it reaches them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
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
    """Somebody is to be told, written in the transaction that made it necessary.

    ``transition`` numbers the alert's transition it tells of (the alert's ``version``);
    ``step`` is 0 for telling of that itself, else the how manieth time somebody is told that
    nobody has taken it on.
    ``recipient`` is ``role:guard``, ``user:<id>``, ``family:h<household id>`` or
    ``contact:h<household id>:<number>``; ``channel`` is
    ``in_app``, the screens these people are logged in to. ``routed_at`` is when its deliveries
    were planned: what reaches those who do not look at a screen.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("alert_id", "transition", "step", "recipient", "channel"),
        Index("ix_notifications_unrouted", "id", postgresql_where=text("routed_at IS NULL")),
        # a worker of the release before looks for what it may take by this one
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
    routed_at: Mapped[datetime | None]
    error: Mapped[str | None]


class Kind(StrEnum):
    """What a channel speaks: it decides what an address is, and who carries it."""

    PUSH = "push"
    EMAIL = "email"
    SMS = "sms"
    VOICE = "voice"
    ROBOT = "robot"


class Channel(Table):
    """A way out of the house that a community has: a mail account, a chat group's robot ...

    ``url`` says where it leads, and may hold passwords; ``secret`` signs what is posted to a
    voice gateway. A robot tells those of ``roles``, who read its group. ``position`` orders
    channels for what is told on one after the other. ``per_minute`` is how much the provider
    takes (null: anything), ``recent`` when something was said in the last minute (epoch ms);
    before ``not_before`` it wants nothing. ``failing_since`` is when the first of ``failures``
    came after which nothing has been accepted, ``failed_at`` the last, with its ``error``.
    What was removed stays, without its ``url``: it says how somebody was told.
    """

    __tablename__ = "channels"
    __table_args__ = (
        Index(
            "uq_channels_slug",
            "community_id",
            "slug",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    slug: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    url: Mapped[str] = mapped_column(default="")
    secret: Mapped[str | None]
    roles: Mapped[list[str]] = mapped_column(default=list)
    position: Mapped[int] = mapped_column(SmallInteger)
    per_minute: Mapped[int | None]
    recent: Mapped[list[int]] = mapped_column(default=list)
    not_before: Mapped[datetime | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    ok_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str | None]
    removed_at: Mapped[datetime | None]


class Address(Table):
    """Where a person is reached: a browser that takes pushes, a mailbox, a telephone.

    ``target`` is the push service's endpoint, the mailbox or the number; ``keys`` are the
    browser's for encryption. Of a home's contact who has no account it is the telephone, of
    the home (``household_id``). ``proven_at`` is when it proved to be the person's: by a code
    typed in, or (a browser) by its first receipt. ``gone_at``: its provider says there is no such
    address. What was removed stays without its ``target``, as a channel does.
    """

    __tablename__ = "addresses"
    __table_args__ = (
        Index("ix_addresses_user", "user_id"),
        Index(
            "uq_addresses_target",
            "user_id",
            "kind",
            "target",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        # a browser tells whoever logged in to it last, and nobody else
        Index(
            "uq_addresses_push",
            "target",
            unique=True,
            postgresql_where=text("kind = 'push' AND removed_at IS NULL"),
        ),
        Index(
            "uq_addresses_home",
            "household_id",
            "target",
            unique=True,
            postgresql_where=text("household_id IS NOT NULL AND removed_at IS NULL"),
        ),
    )
    id: Mapped[Key]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("households.id"))
    kind: Mapped[str]
    target: Mapped[str]
    keys: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    label: Mapped[str]
    created_at: Mapped[datetime]
    ok_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    proven_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    error: Mapped[str | None]


class AddressCode(Table):
    """What was sent to an address to prove that it is the person's; the last one counts.

    Of the code (or of a browser's secret word) only a hash is kept. ``tries`` counts how often
    one was typed in. A test of a mailbox or telephone that is not proven counts as one, too, but
    is over when it is sent.
    """

    __tablename__ = "address_codes"
    __table_args__ = (Index("ix_address_codes_user", "user_id", "sent_at"),)
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("addresses.id"), index=True)
    code_hash: Mapped[str] = mapped_column(index=True)
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)


class Letter(Table):
    """Something a person is told that is about no one alert, in their language.

    ``kind`` is what it is: the week of a home, or what a limit held back. ``path`` is the page
    it opens, ``household_id`` the home it is about.
    """

    __tablename__ = "letters"
    __table_args__ = (Index("ix_letters_user", "user_id", "created_at"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("households.id"))
    kind: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    path: Mapped[str]
    created_at: Mapped[datetime]


class Delivery(Table):
    """A notification on one channel to one address; unique by the event, not by who named them.

    Or a letter (``letter_id``): then ``alert_id`` holds the letter's number, and there is no
    notification. ``held_at`` is when a provider's limit first held it back.

    ``user_id`` is null for a robot, which tells its whole group. ``lane`` is the service behind
    a channel that has many (the host of a browser's push service). ``unsure`` counts attempts
    of which nobody knows whether they arrived. ``receipt`` is a secret word: whoever has it
    may say that the message was delivered or seen. ``together`` is that of the message that told
    of it along with others (null: by itself): what such a message says of its way, it says of all.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint(
            "alert_id",
            "transition",
            "step",
            "user_id",
            "channel_id",
            "address_id",
            name="uq_deliveries_event",
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_deliveries_due",
            "next_attempt_at",
            postgresql_where=text("state IN ('queued', 'leased', 'retry')"),
        ),
        Index("ix_deliveries_created", "created_at"),
        Index(
            "ix_deliveries_together",
            "together",
            postgresql_where=text("together IS NOT NULL"),
        ),
        Index("ix_deliveries_held", "held_at", postgresql_where=text("held_at IS NOT NULL")),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    notification_id: Mapped[int | None] = mapped_column(
        ForeignKey("notifications.id", ondelete="CASCADE"), index=True
    )
    letter_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("letters.id", ondelete="CASCADE"), index=True
    )
    alert_id: Mapped[UUID]
    transition: Mapped[int]
    step: Mapped[int] = mapped_column(SmallInteger)
    severity: Mapped[int] = mapped_column(SmallInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    address_id: Mapped[int | None] = mapped_column(ForeignKey("addresses.id"))
    lane: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default=DeliveryState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    unsure: Mapped[int] = mapped_column(SmallInteger, default=0)
    receipt: Mapped[str] = mapped_column(unique=True)
    together: Mapped[str | None]
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    error: Mapped[str | None]
