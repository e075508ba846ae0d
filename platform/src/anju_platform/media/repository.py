"""SQL of snapshots."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, Uuid, and_, column, delete, or_, select, table
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session, undefer

from anju_platform.database import Json
from anju_platform.media.model import Media
from anju_platform.people.model import Household
from anju_platform.registry.model import Device

# Of the alerts above a few columns are read, by name.
_alerts = table(
    "alerts",
    column("id", Uuid),
    *(column(name) for name in ("community_id", "media_id", "household_id", "device_id")),
    column("handling"),
    column("evidence", JSONB),
)


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


def is_of_alert(session: Session, community_id: int, media_id: str) -> bool:
    """Tell whether an alert shows a snapshot: of one that none does, nobody knows whose it is."""
    query = select(_alerts.c.media_id).where(
        _alerts.c.community_id == community_id, _alerts.c.media_id == media_id
    )
    return session.scalar(query.limit(1)) is not None


def of_home(session: Session, community_id: int, media_id: str) -> list[tuple[int, str, str]]:
    """Give (home, device's slug, model) of an alert in a home that a snapshot belongs to.

    It may be of either: the device that raised the alert, or the one that spoke last.
    """
    spoke_last = and_(
        Device.community_id == _alerts.c.community_id,
        Device.slug == _alerts.c.evidence["device"].as_string(),
    )
    query = (
        select(_alerts.c.household_id, Device.slug, Device.model)
        .join(Device, or_(Device.id == _alerts.c.device_id, spoke_last))
        .where(
            _alerts.c.community_id == community_id,
            _alerts.c.media_id == media_id,
            _alerts.c.household_id.is_not(None),
        )
        .distinct()
    )
    return [(home, slug, model) for home, slug, model in session.execute(query)]


def home_of_photo(session: Session, alert_id: UUID) -> tuple[int, str, bool] | None:
    """Give (home, its slug, whether the alert is open) of a photo of an alert in a home."""
    query = (
        select(Household.id, Household.slug, _alerts.c.handling != "closed")
        .join(Household, Household.id == _alerts.c.household_id)
        .where(_alerts.c.id == alert_id)
    )
    found = session.execute(query).first()
    return (found[0], found[1], found[2]) if found else None


def delete_expired(session: Session, at: datetime) -> int:
    """Delete what is past its time; gives how many."""
    result: Any = session.execute(delete(Media).where(Media.expires_at <= at))
    return result.rowcount if isinstance(result, CursorResult) else 0
