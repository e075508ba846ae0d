"""HTTP of homes."""

from typing import Annotated

from fastapi import APIRouter

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.people import service
from anju_platform.people.schemas import HouseholdView

router = APIRouter(prefix="/households", tags=["people"])


@router.get("/{slug}")
def household(
    database: Database, actor: Annotated[Actor, require(Right.SEE_HOMES)], slug: str
) -> HouseholdView:
    """Give a home's card; the look is audited."""
    with transaction(database) as session:
        return service.household(session, actor, slug)
