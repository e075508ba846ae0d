"""HTTP of consents."""

from typing import Annotated

from fastapi import APIRouter

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.consent import erasing, service
from anju_platform.consent.schemas import (
    ConsentBody,
    ConsentView,
    Erased,
    HomeConsents,
    HomeOverview,
    WithdrawBody,
)
from anju_platform.database import reading, transaction

router = APIRouter(tags=["consent"])

Keeper = Annotated[Actor, require(Right.KEEP_CONSENT)]


@router.get("/consents")
def overview(database: Database, actor: Keeper) -> tuple[HomeOverview, ...]:
    """Give how homes stand, those first that lack a word or of which one ends within 14 days."""
    with reading(database) as session:
        return service.overview(session, actor)


@router.get("/households/{slug}/consents")
def home_consents(database: Database, actor: Keeper, slug: str) -> HomeConsents:
    """Give everything that was said of who may see what of a home, the newest first."""
    with reading(database) as session:
        return service.home_consents(session, actor, slug)


@router.post("/households/{slug}/consents", status_code=201)
def give(database: Database, actor: Keeper, slug: str, body: ConsentBody) -> ConsentView:
    """Write down that somebody gave their word, or said no."""
    with transaction(database) as session:
        return service.give(session, actor, slug, body)


@router.post("/households/{slug}/consents/{consent_id}/withdraw", status_code=201)
def withdraw(
    database: Database, actor: Keeper, slug: str, consent_id: int, body: WithdrawBody
) -> ConsentView:
    """Write down that somebody took a word back; 409 if it does not count any more already."""
    with transaction(database) as session:
        return service.withdraw(session, actor, slug, consent_id, body)


@router.delete("/households/{slug}/readings/{device}")
def erase(
    database: Database,
    actor: Annotated[Actor, require(Right.ERASE_CARE)],
    slug: str,
    device: str,
) -> Erased:
    """Delete for good what a stopped or retired sensor of a home has said."""
    with transaction(database) as session:
        return erasing.erase(session, actor, slug, device)


@router.get("/homes/{slug}/consents")
def own_consents(
    database: Database, actor: Annotated[Actor, require(Right.OWN_HOMES)], slug: str
) -> HomeConsents:
    """Give what is shared of a home one belongs to."""
    with reading(database) as session:
        return service.own_consents(session, actor, slug)
