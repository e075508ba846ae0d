"""HTTP of maintenance and drills."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from anju_platform.alerts.windows import service
from anju_platform.alerts.windows.schemas import (
    DrillBody,
    MaintenanceBody,
    WindowPage,
    WindowView,
)
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.paging import Position

router = APIRouter(prefix="/windows", tags=["maintenance"])


@router.get("")
def windows(
    database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)]
) -> tuple[WindowView, ...]:
    """Give the work and drills that go on or are planned, and the last ones that are over."""
    with reading(database) as session:
        return service.windows(session, actor)


class OverQuery(BaseModel):
    """After which ``next`` of the page before, the last to end first."""

    after: Position | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/over")
def over(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    query: Annotated[OverQuery, Query()],
) -> WindowPage:
    """Give the work and drills that are over, the last one first."""
    with reading(database) as session:
        return service.over(session, actor, after=query.after, limit=query.limit)


@router.post("/maintenance", status_code=201)
def plan_maintenance(
    database: Database, actor: Annotated[Actor, require(Right.PLAN_WORK)], body: MaintenanceBody
) -> WindowView:
    """Plan work, or begin it at once: alerts of it are muted, stored and shown as such."""
    with transaction(database) as session:
        return service.plan_maintenance(session, actor, body)


@router.post("/drill", status_code=201)
def plan_drill(
    database: Database, actor: Annotated[Actor, require(Right.RUN_DRILLS)], body: DrillBody
) -> WindowView:
    """Plan a drill, or begin it at once: alerts of it ring, marked as a drill."""
    with transaction(database) as session:
        return service.plan_drill(session, actor, body)


@router.post("/{window_id}/end")
def end(
    database: Database, actor: Annotated[Actor, require(Right.END_WINDOWS)], window_id: int
) -> WindowView:
    """End it before its time, or take it back; what still lasts is told as new."""
    with transaction(database) as session:
        return service.end(session, actor, window_id)
