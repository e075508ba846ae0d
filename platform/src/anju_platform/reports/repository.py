"""SQL of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, Mode, TimelineEntry
from anju_platform.registry.model import BlindPeriod, Gateway, Place

MOST = 50_000
"""So many alerts are looked at; more in a month is not a site but a storm."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An alert as a report sees it; ``answered_at`` is when the first person did something."""

    id: UUID
    severity: int
    rule_id: str
    title: str
    title_en: str
    place: str | None
    place_en: str | None
    detected_at: datetime
    answered_at: datetime | None
    cleared_at: datetime | None
    closed_at: datetime | None
    cause: str | None

    def over_at(self, until: datetime) -> datetime:
        """Give when it was nobody's no more: answered, over, or (still open) now."""
        ends = (self.answered_at, self.closed_at, self.cleared_at)
        return min((at for at in ends if at is not None), default=until)


def happened(session: Session, community_id: int, start: datetime, end: datetime) -> list[Happened]:
    """Give the real alerts detected in ``[start, end)``, in order."""
    answer = (
        select(func.min(TimelineEntry.at).label("at"))
        .where(
            TimelineEntry.alert_id == Alert.id,
            TimelineEntry.kind.in_(("acked", "closed")),
            TimelineEntry.user_id.is_not(None),
        )
        .correlate(Alert)
        .lateral("answer")
    )
    query = (
        select(
            Alert.id,
            Alert.severity,
            Alert.rule_id,
            Alert.title,
            Alert.title_en,
            Place.label,
            Place.label_en,
            Alert.detected_at,
            answer.c.at,
            Alert.cleared_at,
            Alert.closed_at,
            Alert.cause,
        )
        .outerjoin(Place, Place.id == Alert.place_id)
        .outerjoin(answer, true())
        .where(
            Alert.community_id == community_id,
            Alert.mode == Mode.ACTUAL,
            Alert.detected_at >= start,
            Alert.detected_at < end,
        )
        .order_by(Alert.detected_at, Alert.id)
        .limit(MOST)
    )
    return [Happened(*row) for row in session.execute(query)]


def gateways(session: Session, community_id: int) -> list[Gateway]:
    """Give a community's gateways."""
    query = select(Gateway).where(Gateway.community_id == community_id).order_by(Gateway.slug)
    return list(session.scalars(query))


def blind_periods(
    session: Session, community_id: int, start: datetime, end: datetime
) -> Sequence[tuple[int | None, datetime, datetime | None]]:
    """Give (gateway, or none for ingest itself; from; until) of what overlaps a time."""
    query = select(BlindPeriod.gateway_id, BlindPeriod.started_at, BlindPeriod.ended_at).where(
        BlindPeriod.community_id == community_id,
        BlindPeriod.started_at < end,
        func.coalesce(BlindPeriod.ended_at, end) > start,
    )
    return [(gateway, begin, over) for gateway, begin, over in session.execute(query)]


def judged(session: Session, community_id: int, since: datetime) -> dict[str, tuple[int, int, int]]:
    """Give by rule how many real alerts it raised since then, how many were true, how many false.

    True and false are what people said who closed them.
    """
    true, false = (func.count().filter(Alert.cause == cause) for cause in ("true", "false"))
    query = (
        select(Alert.rule_id, func.count(), true, false)
        .where(
            Alert.community_id == community_id,
            Alert.mode == Mode.ACTUAL,
            Alert.detected_at >= since,
        )
        .group_by(Alert.rule_id)
    )
    return {rule: (alerts, right, wrong) for rule, alerts, right, wrong in session.execute(query)}
