"""HTTP of back-tests."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.backtest.jobs import service
from anju_platform.backtest.jobs.schemas import BacktestRequest, BacktestView
from anju_platform.config import Settings
from anju_platform.database import reading, transaction

router = APIRouter(tags=["backtests"])

JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]


def start(request: Request, actor: Actor, rule_id: str, wanted: BacktestRequest) -> int:
    """Start a back-test; gives its number."""
    settings: Settings = request.app.state.settings
    with transaction(request.app.state.engine) as session:
        job_id = service.plan(session, actor, rule_id, wanted)
    service.launch(settings.database_url, job_id)
    return job_id


@router.post("/rules/{rule_id}/backtests", status_code=201)
def start_backtest(
    request: Request,
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_RULES)],
    rule_id: str,
    wanted: BacktestRequest,
) -> BacktestView:
    """Test a rule's text on stored readings, beside what is in force; one at a time."""
    job_id = start(request, actor, rule_id, wanted)
    with reading(database) as session:
        return service.find(session, actor, job_id)


@router.get("/backtests")
def list_backtests(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_RULES)],
    rule: Annotated[str | None, Query(max_length=64)] = None,
) -> list[BacktestView]:
    """Give the newest back-tests, without their reports."""
    with reading(database) as session:
        return service.newest(session, actor, rule)


@router.get("/backtests/{job_id}")
def backtest(
    database: Database, actor: Annotated[Actor, require(Right.SEE_RULES)], job_id: JobId
) -> BacktestView:
    """Give a back-test: how far it is, or its report.

    Who may not see care is told nothing of one home.
    """
    with transaction(database) as session:
        return service.read(session, actor, job_id)


@router.delete("/backtests/{job_id}", status_code=204)
def cancel_backtest(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_RULES)], job_id: JobId
) -> None:
    """Cancel a back-test; one that has ended stays as it is."""
    with transaction(database) as session:
        service.cancel(session, actor, job_id)
