"""SQL of CAP messages: which steps of an alert's life each of them is made of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from anju_platform.alerts.model import TimelineEntry

_SAYS_NOTHING = ("told", "commented", "shelf_asked")
"""Steps that change nothing of what a message says."""
MOST_REFERRED = 50

_IS_SAID = TimelineEntry.kind.not_in(_SAYS_NOTHING)


@dataclass(frozen=True, slots=True)
class Issue:
    """A step of an alert's life, of which one message tells."""

    id: int
    at: datetime


def issues(session: Session, alert_id: UUID) -> list[Issue]:
    """Give the steps of an alert's life, oldest first: the first, and the last that matter."""
    query = select(TimelineEntry.id, TimelineEntry.at).where(
        TimelineEntry.alert_id == alert_id, _IS_SAID
    )
    last = session.execute(query.order_by(TimelineEntry.id.desc()).limit(MOST_REFERRED))
    first = session.execute(query.order_by(TimelineEntry.id).limit(1))
    known = {row.id: row.at for row in (*first, *last)}
    return [Issue(number, known[number]) for number in sorted(known)]


def latest(session: Session, alerts: Collection[UUID]) -> dict[UUID, Issue]:
    """Give the last step of each alert's life."""
    query = (
        select(TimelineEntry.alert_id, TimelineEntry.id, TimelineEntry.at)
        .ext(distinct_on(TimelineEntry.alert_id))
        .where(TimelineEntry.alert_id.in_(alerts), _IS_SAID)
        .order_by(TimelineEntry.alert_id, TimelineEntry.id.desc())
    )
    return {alert: Issue(number, at) for alert, number, at in session.execute(query)}
