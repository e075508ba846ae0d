"""Tables of the lanes."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table


class LaneState(Table):
    """How far one lane of one gateway's epoch is stored."""

    __tablename__ = "lanes"
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateways.id"), primary_key=True)
    epoch: Mapped[str] = mapped_column(primary_key=True)
    lane: Mapped[str] = mapped_column(primary_key=True)
    committed: Mapped[int]
    updated_at: Mapped[datetime]


class Heartbeat(Table):
    """When a process last said that it is alive."""

    __tablename__ = "heartbeats"
    process: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Quarantined(Table):
    """What could not be taken in, raw, with the reason; ``released_at`` once replayed.

    ``gateway_id`` is null when the topic named no known gateway. ``device`` is set when the
    reason is an unknown device: its readings are replayed when an installer approves it.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        Index("ix_quarantine_device", "gateway_id", "device"),
        Index("ix_quarantine_received", "received_at"),
        Index(
            "ix_quarantine_strangers",
            "community_id",
            "gateway_id",
            "device",
            "received_at",
            "id",
            postgresql_where=text("reason = 'unknown_device' AND released_at IS NULL"),
        ),
    )
    id: Mapped[Key]
    community_id: Mapped[int | None]
    gateway_id: Mapped[int | None]
    received_at: Mapped[datetime]
    topic: Mapped[str]
    epoch: Mapped[str | None]
    seq: Mapped[int | None]
    reason: Mapped[str]
    detail: Mapped[str]
    device: Mapped[str | None]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    released_at: Mapped[datetime | None]
