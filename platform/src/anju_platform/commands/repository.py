"""SQL of commands."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, text, update
from sqlalchemy.orm import Session

from anju_platform.commands.model import GatewayCommand

COMMANDS_CHANNEL = "anju_commands"
"""NOTIFY channel on which new commands are announced."""


def add(session: Session, command: GatewayCommand) -> None:
    """Keep a command until it is answered or void, and wake ingest, which sends it."""
    session.add(command)
    session.flush()
    session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": COMMANDS_CHANNEL})


def to_send(
    session: Session, at: datetime, *, sent_before: datetime, gateways: Sequence[int]
) -> list[GatewayCommand]:
    """Give open commands of these gateways not sent since ``sent_before``, oldest first."""
    query = (
        select(GatewayCommand)
        .where(
            GatewayCommand.gateway_id.in_(gateways),
            GatewayCommand.answered_at.is_(None),
            GatewayCommand.expires_at > at,
            or_(GatewayCommand.sent_at.is_(None), GatewayCommand.sent_at < sent_before),
        )
        .order_by(GatewayCommand.created_at)
        .limit(1000)
    )
    return list(session.scalars(query))


def mark_sent(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    """Note that commands were handed to the broker."""
    session.execute(update(GatewayCommand).where(GatewayCommand.id.in_(ids)).values(sent_at=at))


def answer(
    session: Session, gateway_id: int, command_id: UUID, *, ok: bool, detail: str, at: datetime
) -> None:
    """Note a gateway's first answer; another gateway's commands are not its to answer."""
    session.execute(
        update(GatewayCommand)
        .where(
            GatewayCommand.id == command_id,
            GatewayCommand.gateway_id == gateway_id,
            GatewayCommand.answered_at.is_(None),
        )
        .values(answered_at=at, ok=ok, detail=detail)
    )


def prune(session: Session, before: datetime) -> None:
    """Delete commands that were void before that time; an answer comes before that or never."""
    session.execute(delete(GatewayCommand).where(GatewayCommand.expires_at < before))
