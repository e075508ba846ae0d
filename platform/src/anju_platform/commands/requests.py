"""What the platform asks of gateways."""

from datetime import timedelta
from uuid import UUID

import uuid_utils
from sqlalchemy.orm import Session

from anju_devices.messages import Command
from anju_platform.commands import repository
from anju_platform.commands.model import GatewayCommand
from anju_platform.database import Json, now, to_millis

UPLOAD_SNAPSHOT = "upload-snapshot"
SNAPSHOT_TTL = timedelta(days=6)
"""Gateways keep snapshots for a week."""


def ask(
    session: Session,
    *,
    community_id: int,
    gateway_id: int,
    name: str,
    device: str | None = None,
    args: Json | None = None,
    ttl: timedelta = timedelta(minutes=1),
) -> GatewayCommand:
    """Ask something of a gateway; ingest sends it after this transaction, and again on reconnect.

    It is void after ``ttl``. Gives the command as kept.
    """
    created = now()
    command = GatewayCommand(
        id=UUID(str(uuid_utils.uuid7())),
        community_id=community_id,
        gateway_id=gateway_id,
        device=device,
        name=name,
        args=args or {},
        created_at=created,
        expires_at=created + ttl,
    )
    repository.add(session, command)
    return command


def ask_for_snapshot(
    session: Session, *, community_id: int, gateway_id: int, snapshot: str
) -> GatewayCommand:
    """Ask a gateway to upload a snapshot that an alert needs; it keeps them, not the camera."""
    return ask(
        session,
        community_id=community_id,
        gateway_id=gateway_id,
        name=UPLOAD_SNAPSHOT,
        args={"id": snapshot},
        ttl=SNAPSHOT_TTL,
    )


def as_message(command: GatewayCommand) -> Command:
    """Give the command as it travels."""
    return Command(
        id=str(command.id),
        name=command.name,
        expires_at=to_millis(command.expires_at),
        device=command.device,
        args=command.args,
    )
