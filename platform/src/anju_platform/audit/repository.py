"""SQL of the audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from anju_platform.audit.model import AuditEntry
from anju_platform.paging import By, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; everything left out does not filter.

    ``action`` is a whole word, or a group of them that ends in a dot (``rule.``); ``subject``
    is a whole one; ``person`` and ``about`` are looked for in names and subjects.
    """

    action: str | None = None
    subject: str | None = None
    person: str | None = None
    about: str | None = None
    since: datetime | None = None
    before: datetime | None = None


_NEWEST_FIRST = Order("newest", By(AuditEntry.id, descending=True))


def entries(
    session: Session, community_id: int, wanted: AuditFilter, *, limit: int = 100
) -> Sequence[AuditEntry]:
    """Give a community's entries that match, newest first."""
    return entries_after(session, community_id, wanted, after=None, limit=limit)[0]


def entries_after(
    session: Session, community_id: int, wanted: AuditFilter, *, after: str | None, limit: int
) -> tuple[list[AuditEntry], str | None]:
    """Give entries that match and follow a page's ``next``, newest first, and the next ``next``.

    Raises:
        InvalidRequestError: ``after`` is no ``next``.
    """
    conditions = [AuditEntry.community_id == community_id, *_conditions(wanted)]
    query = select(AuditEntry).where(*conditions)
    found = _NEWEST_FIRST.part(session, query, after=after, limit=limit)
    return [entry for (entry,) in found.rows], found.next


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.action is not None and wanted.action.endswith("."):
        found.append(AuditEntry.action.startswith(wanted.action, autoescape=True))
    elif wanted.action is not None:
        found.append(AuditEntry.action == wanted.action)
    if wanted.subject is not None:
        found.append(AuditEntry.subject == wanted.subject)
    if wanted.person is not None:
        found.append(AuditEntry.actor.icontains(wanted.person, autoescape=True))
    if wanted.about is not None:
        found.append(AuditEntry.subject.icontains(wanted.about, autoescape=True))
    if wanted.since is not None:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.before is not None:
        found.append(AuditEntry.at < wanted.before)
    return found
