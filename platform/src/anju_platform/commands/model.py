"""The table of commands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Table


class GatewayCommand(Table):
    """A command, kept until its gateway answered or it expired; sent again on reconnect."""

    __tablename__ = "commands"
    __table_args__ = (Index("ix_commands_gateway_open", "gateway_id", "answered_at"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateways.id"))
    device: Mapped[str | None]
    name: Mapped[str]
    args: Mapped[Json] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ok: Mapped[bool | None]
    detail: Mapped[str | None]
