"""SQL of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from anju_platform.alerts.life import nobodys_until
from anju_platform.alerts.listing import first_answer
from anju_platform.alerts.model import Alert, Mode
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
        return nobodys_until(self.answered_at, self.closed_at, self.cleared_at, until)


def happened(session: Session, community_id: int, start: datetime, end: datetime) -> list[Happened]:
    """Give the real alerts detected in ``[start, end)``, in order."""
    answer = first_answer().correlate(Alert).lateral("answer")
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
