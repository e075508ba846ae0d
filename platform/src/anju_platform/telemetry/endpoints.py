"""HTTP of the time series."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import now, transaction
from anju_platform.telemetry import series
from anju_platform.telemetry.schemas import EventView, Series

router = APIRouter(prefix="/devices/{slug}", tags=["telemetry"])

_SPAN = timedelta(hours=24)
_EVENT_SPAN = timedelta(days=7)


@router.get("/series")
def one_series(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    slug: str,
    *,
    field: Annotated[str, Query(max_length=64)],
    start: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
    points: Annotated[int, Query(ge=3, le=series.MOST_POINTS)] = series.MOST_POINTS,
) -> Series:
    """Give one field over a span (default: the last day), thinned to ``points``."""
    until = end or now()
    since = start or until - _SPAN
    with transaction(database) as session:
        return series.series(session, actor, slug, field, start=since, end=until, points=points)


@router.get("/events")
def events(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    slug: str,
    *,
    start: AwareDatetime | None = None,
    end: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> tuple[EventView, ...]:
    """Give what a device said has happened (default: in the last week), newest first."""
    until = end or now()
    since = start or until - _EVENT_SPAN
    with transaction(database) as session:
        return series.device_events(session, actor, slug, start=since, end=until, limit=limit)
