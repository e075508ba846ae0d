"""HTTP of homes."""

from typing import Annotated

from fastapi import APIRouter, Query

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.people import listing, service
from anju_platform.people.schemas import HomePage, HouseholdView

router = APIRouter(prefix="/households", tags=["people"])


@router.get("")
def list_homes(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_HOMES)],
    text: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HomePage:
    """Give one page of homes, those first where nobody can be called; no names are in it."""
    with reading(database) as session:
        return listing.homes(session, actor.community_id, text=text, page=page)


@router.get("/{slug}")
def household(
    database: Database, actor: Annotated[Actor, require(Right.SEE_HOMES)], slug: str
) -> HouseholdView:
    """Give a home's card; the look is audited."""
    with transaction(database) as session:
        return service.household(session, actor, slug)
