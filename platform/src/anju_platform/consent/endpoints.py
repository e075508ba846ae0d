"""HTTP of consents."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.consent import erasing, service
from anju_platform.consent import overview as homes
from anju_platform.consent.schemas import (
    ConsentBody,
    ConsentPage,
    ConsentView,
    Erased,
    HomeConsents,
    WithdrawBody,
)
from anju_platform.database import reading, transaction
from anju_platform.paging import Position

router = APIRouter(tags=["consent"])

Keeper = Annotated[Actor, require(Right.KEEP_CONSENT)]


class OverviewQuery(BaseModel):
    """Which homes: ``text`` is looked for in place, id and names; after which ``next``."""

    text: str = Field(default="", max_length=100)
    after: Position | None = None
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/consents")
def overview(
    database: Database, actor: Keeper, query: Annotated[OverviewQuery, Query()]
) -> ConsentPage:
    """Give how homes stand, those first that lack a word or of which one ends within 14 days."""
    with reading(database) as session:
        return homes.overview(session, actor, text=query.text, after=query.after, limit=query.limit)


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
