"""Tables of alerts. Four axes, not one status: condition, handling, overlays, mode."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class Condition(StrEnum):
    """What the machine says of the world."""

    PENDING = "pending"
    ACTIVE = "active"
    RECOVERING = "recovering"
    CLEAR = "clear"
    UNKNOWN = "unknown"


class Handling(StrEnum):
    """What people did about it."""

    UNACKED = "unacked"
    ACKED = "acked"
    CLOSED = "closed"


class Overlay(StrEnum):
    """What mutes sound and outbound messages, and nothing else."""

    SHELVED = "shelved"
    MAINTENANCE = "maintenance"
    INHIBITED = "inhibited"


class Mode(StrEnum):
    """Real, or a test or exercise marked as such from end to end."""

    ACTUAL = "actual"
    TEST = "test"
    DRILL = "drill"


class Cause(StrEnum):
    """Why it was closed: the only source of a rule's precision."""

    TRUE = "true"
    FALSE = "false"
    TEST = "test"
    CANNOT_TELL = "cannot_tell"


class Alert(Table):
    """A deduplicated finding with a life cycle.

    ``dedupe_key`` = rule + entity + discriminator, unique among open alerts. ``severity`` is
    1 (life) to 4. ``observed_at`` is device time of the first activation, ``detected_at``
    ours. ``version`` counts changes: an acknowledgement names the one it saw.
    ``evidence`` holds ``event_ids``, ``values``, ``data`` and ``late_s``, and of what was muted
    when it was raised whom to ``notify``. Of what comes and goes, ``activations`` are the latest
    ones, ``flapping`` that they are too many, and ``clears`` when it is over if it stays so.

    ``due_at`` is when it is looked at again whether anybody has it (escalation): the next step
    of what nobody has, the end of an acknowledgement; means nothing once it is closed.
    ``policy`` is the plan it goes by, as it was when it began (null: not begun), ``step`` how
    many of its steps are behind it. ``shelf`` says for how long and why it is put aside, and
    who wished and agreed to that. ``going_by`` is who of the home's family goes there, which
    does not take it on for the desk.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "uq_alerts_open",
            "community_id",
            "dedupe_key",
            unique=True,
            postgresql_where=text("handling <> 'closed'"),
        ),
        Index("ix_alerts_community_detected", "community_id", "detected_at"),
        Index("ix_alerts_key_closed", "community_id", "dedupe_key", "closed_at"),
        Index("ix_alerts_due", "due_at", postgresql_where=text("handling <> 'closed'")),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    dedupe_key: Mapped[str]
    rule_id: Mapped[str]
    rule_version: Mapped[int]
    entity: Mapped[str]
    discriminator: Mapped[str] = mapped_column(default="")
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("households.id"))
    title: Mapped[str]
    title_en: Mapped[str]
    icon: Mapped[str]
    severity: Mapped[int] = mapped_column(SmallInteger)
    condition: Mapped[str]
    handling: Mapped[str] = mapped_column(default=Handling.UNACKED)
    overlays: Mapped[list[str]] = mapped_column(default=list)
    mode: Mapped[str] = mapped_column(default=Mode.ACTUAL)
    latched: Mapped[bool] = mapped_column(default=False)
    observed_at: Mapped[datetime]
    detected_at: Mapped[datetime]
    activated_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    acked_at: Mapped[datetime | None]
    acked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    cause: Mapped[str | None]
    note: Mapped[str | None]
    occurrences: Mapped[int] = mapped_column(default=1)
    previous_id: Mapped[UUID | None]
    media_id: Mapped[str | None]
    evidence: Mapped[Json] = mapped_column(default=dict)
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    policy: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    going_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    going_at: Mapped[datetime | None]
    shelf: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    step: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    version: Mapped[int] = mapped_column(default=1)


class TimelineEntry(Table):
    """One step in an alert's life, never changed: who, when, from which screen.

    ``kind``: raised, reactivated, reopened, rose, fell, cleared, unknown, acked, dispatched,
    commented, card_opened, closed, told, escalated, expired, shelf_asked, shelved, unshelved,
    muted, unmuted, speaks, drill_over, going, not_going.
    """

    __tablename__ = "alert_timeline"
    id: Mapped[Key]
    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alerts.id"), index=True)
    community_id: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    screen: Mapped[str | None]
    data: Mapped[Json] = mapped_column(default=dict)


class OutboxEntry(Table):
    """A step of an alert's life that other systems are to hear of (:mod:`anju_platform.webhooks`).

    It is written with that step, and taken away once their messages are planned.
    """

    __tablename__ = "alert_outbox"
    entry_id: Mapped[int] = mapped_column(
        ForeignKey("alert_timeline.id", ondelete="CASCADE"), primary_key=True
    )


class FeedEntry(Table):
    """What screens must redraw: ``seq`` is the community's ``feed_seq`` at that change.

    ``kind``: alert, gateway, device, window. ``ref``: the alert's UUID, the slug, the number.
    """

    __tablename__ = "feed"
    __table_args__ = (UniqueConstraint("community_id", "seq"),)
    id: Mapped[Key]
    community_id: Mapped[int]
    seq: Mapped[int]
    kind: Mapped[str]
    ref: Mapped[str]
    at: Mapped[datetime]
