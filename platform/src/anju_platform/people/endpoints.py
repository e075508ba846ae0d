"""HTTP of homes."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.paging import Position
from anju_platform.people import listing, service
from anju_platform.people.schemas import HomeFilter, HomePage, HomeSort, HouseholdView

router = APIRouter(prefix="/households", tags=["people"])


class HomeQuery(HomeFilter):
    """A filter, an order, and which page: by its number, or after one (its ``next``)."""

    after: Position | None = None
    sort: HomeSort = HomeSort.CARE
    descending: bool = False
    page: int = Field(default=1, ge=1, le=100_000)
    size: int = Field(default=50, ge=1, le=200)


@router.get("")
def list_homes(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_HOMES)],
    query: Annotated[HomeQuery, Query()],
) -> HomePage:
    """Give one page of homes, those first where nobody can be called; no names are in it."""
    with reading(database) as session:
        return listing.homes(
            session,
            actor.community_id,
            query,
            sort=query.sort,
            descending=query.descending,
            page=query.page,
            size=query.size,
            after=query.after,
        )


@router.get("/{slug}")
def household(
    database: Database, actor: Annotated[Actor, require(Right.SEE_HOMES)], slug: str
) -> HouseholdView:
    """Give a home's card; the look is audited."""
    with transaction(database) as session:
        return service.household(session, actor, slug)
