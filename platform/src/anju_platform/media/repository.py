"""SQL of snapshots."""

from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, undefer

from anju_platform.database import Json
from anju_platform.media.model import Media


def add(session: Session, row: Json) -> bool:
    """Keep a snapshot unless its id is there; tells whether it was added."""
    statement = insert(Media).values(row).on_conflict_do_nothing(index_elements=["id"])
    return session.scalar(statement.returning(Media.id)) is not None


def get(session: Session, media_id: str, *, content: bool = False) -> Media | None:
    """Find a snapshot; its picture only when asked for."""
    query = select(Media).where(Media.id == media_id)
    if content:
        query = query.options(undefer(Media.content))
    return session.scalars(query).one_or_none()


def delete_expired(session: Session, at: datetime) -> int:
    """Delete what is past its time; gives how many."""
    result: Any = session.execute(delete(Media).where(Media.expires_at <= at))
    return result.rowcount if isinstance(result, CursorResult) else 0
