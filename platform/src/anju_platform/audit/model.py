"""The audit table."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class AuditEntry(Table):
    """Who did or saw what; rows are only ever added.

    ``action`` is a dotted word (``auth.login``, ``media.viewed``, ``care.read`` ...),
    ``subject`` names the thing (``alert:<id>``, ``household:<slug>``).
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_at", "community_id", "at"),
        Index("ix_audit_newest", "community_id", "id"),
        Index(
            "ix_audit_care",
            "community_id",
            "id",
            postgresql_where=text("action = 'care.read'"),
        ),
    )
    id: Mapped[Key]
    at: Mapped[datetime]
    community_id: Mapped[int | None]
    user_id: Mapped[int | None]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    address: Mapped[str | None]
    data: Mapped[Json] = mapped_column(default=dict)
