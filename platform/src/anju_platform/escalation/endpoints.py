"""HTTP of plans."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.escalation import service
from anju_platform.escalation.rehearsal import rehearse
from anju_platform.escalation.schemas import (
    CallView,
    PlanChange,
    PolicyText,
    PolicyView,
    Severity,
)

router = APIRouter(prefix="/escalation", tags=["escalation"])

Where = Annotated[str | None, Query(max_length=64)]
"""A place's slug; none: everywhere."""


@router.get("")
def plans(
    database: Database, actor: Annotated[Actor, require(Right.SEE_PLANS)]
) -> tuple[PolicyView, ...]:
    """Give who hears of alerts that nobody takes on, and when, by severity and place."""
    with reading(database) as session:
        return service.plans(session, actor)


@router.get("/changes")
def changes(
    database: Database, actor: Annotated[Actor, require(Right.SEE_PLANS)]
) -> tuple[PlanChange, ...]:
    """Give who changed which plan, the latest first."""
    with reading(database) as session:
        return service.changes(session, actor)


@router.get("/{severity}/rehearsal")
def rehearsal(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_PLANS)],
    severity: Severity,
    place: Where = None,
    at: AwareDatetime | None = None,
) -> tuple[CallView, ...]:
    """Give whom each step would call for an alert raised now or ``at`` a time; nobody is called."""
    with transaction(database) as session:
        return rehearse(session, actor, severity, place, at)


@router.put("/{severity}")
def put(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_PLANS)],
    severity: Severity,
    text: PolicyText,
    place: Where = None,
) -> tuple[PolicyView, ...]:
    """Put a plan in force; alerts that have begun go on by the one they began with."""
    with transaction(database) as session:
        return service.put(session, actor, severity, place, text)


@router.delete("/{severity}")
def remove(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_PLANS)],
    severity: Severity,
    place: Where = None,
) -> tuple[PolicyView, ...]:
    """Go back to the plan around it."""
    with transaction(database) as session:
        return service.remove(session, actor, severity, place)
