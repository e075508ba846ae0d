"""SQL of the audit."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.audit.model import AuditEntry


def entries(
    session: Session,
    community_id: int,
    *,
    action: str | None = None,
    subject: str | None = None,
    before: datetime | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """Give a community's entries, newest first; ``after`` an entry come those before it."""
    query = select(AuditEntry).where(AuditEntry.community_id == community_id)
    if action is not None:
        query = query.where(AuditEntry.action == action)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    if before is not None:
        query = query.where(AuditEntry.at < before)
    if after is not None:
        query = query.where(AuditEntry.id < after)
    return list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))
