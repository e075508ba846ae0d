"""HTTP of maintenance and drills."""

from typing import Annotated

from fastapi import APIRouter

from anju_platform.alerts.windows import service
from anju_platform.alerts.windows.schemas import DrillBody, MaintenanceBody, WindowView
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction

router = APIRouter(prefix="/windows", tags=["maintenance"])


@router.get("")
def windows(
    database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)]
) -> tuple[WindowView, ...]:
    """Give the work and drills that go on or are planned, and the last ones that are over."""
    with reading(database) as session:
        return service.windows(session, actor)


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
