"""SQL of the load. What is muted, or a test, comes to nobody and is not counted."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from anju_platform.alerts.load.schemas import LoadView, Source
from anju_platform.alerts.model import Alert, Condition, Handling, Mode
from anju_platform.auth.repository import people_on_duty
from anju_platform.registry.model import Device

FLOOD = 10
"""So many in ten minutes are more than one person can take in (EEMUA 191)."""
STALE = timedelta(hours=24)
_UNIT, _HOUR, _DAY = timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)
_ON_DUTY = timedelta(minutes=10)
_SOURCES = 5


@dataclass(frozen=True, slots=True)
class Load:
    """Alerts that came in the last ten minutes and the last hour, and to how many people."""

    people: int
    in_unit: int
    in_hour: int

    @property
    def now(self) -> float:
        """In the last ten minutes, for one person."""
        return round(self.in_unit / self.people, 2)

    @property
    def usual(self) -> float:
        """In ten minutes of the last hour, for one person."""
        return round(self.in_hour * (_UNIT / _HOUR) / self.people, 2)

    @property
    def is_flood(self) -> bool:
        """More come than can be taken in."""
        return self.in_unit >= FLOOD * self.people


def load(session: Session, community_id: int, at: datetime) -> Load:
    """Count what came to the desk lately; one person is thought to sit there at least."""
    query = select(
        func.count().filter(Alert.detected_at >= at - _UNIT),
        func.count(),
    ).where(*_came(community_id, at - _HOUR))
    in_unit, in_hour = session.execute(query).one()
    people = max(1, people_on_duty(session, community_id, at - _ON_DUTY))
    return Load(people, in_unit, in_hour)


def _came(community_id: int, since: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Alert.community_id == community_id,
        Alert.detected_at >= since,
        Alert.mode != Mode.TEST,
        func.jsonb_array_length(Alert.overlays) == 0,
    )


def load_view(session: Session, community_id: int, at: datetime) -> LoadView:
    """Give the load with what has gone on for long, and what rings most."""
    found = load(session, community_id, at)
    lasting = select(func.count(), func.min(Alert.activated_at)).where(
        Alert.community_id == community_id,
        Alert.handling != Handling.CLOSED,
        Alert.condition != Condition.CLEAR,
        Alert.activated_at < at - STALE,
    )
    stale, since = session.execute(lasting).one()
    return LoadView(
        people=found.people,
        now=found.now,
        usual=found.usual,
        flood=found.is_flood,
        stale=stale,
        stale_since=since,
        sources=_sources(session, community_id, at - _DAY),
    )


def _sources(session: Session, community_id: int, since: datetime) -> tuple[Source, ...]:
    times = func.sum(Alert.occurrences)
    query = (
        select(
            Alert.rule_id,
            func.max(Alert.title),
            func.max(Alert.title_en),
            Device.slug,
            Device.name,
            Device.name_en,
            func.count(),
            times,
        )
        .outerjoin(Device, Device.id == Alert.device_id)
        .where(*_came(community_id, since))
        .group_by(Alert.rule_id, Device.id)
        .order_by(times.desc(), Alert.rule_id, Device.slug)
        .limit(_SOURCES)
    )
    names = tuple(Source.model_fields)
    return tuple(Source(**dict(zip(names, row, strict=True))) for row in session.execute(query))
