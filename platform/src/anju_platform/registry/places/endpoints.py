"""HTTP of the place tree."""

from typing import Annotated

from fastapi import APIRouter, Query

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.registry.places import service
from anju_platform.registry.places.schemas import (
    NewPlace,
    PlaceChange,
    PlaceLevel,
    PlaceNode,
    PlaceState,
)

router = APIRouter(tags=["registry"])


@router.get("/places/level")
def place_level(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    at: Annotated[str | None, Query(max_length=64)] = None,
    *,
    retired: bool = False,
) -> PlaceLevel:
    """Give one level of the place tree: a place (none: the top) and what hangs below it."""
    with reading(database) as session:
        return service.level(session, actor, at, retired=retired)


@router.post("/places", status_code=201)
def add_place(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_PLACES)], place: NewPlace
) -> PlaceNode:
    """Add a place."""
    with transaction(database) as session:
        return service.add(session, actor, place)


@router.put("/places/{slug}")
def change_place(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_PLACES)],
    slug: str,
    place: PlaceChange,
) -> PlaceNode:
    """Rename a place or hang it elsewhere; 409 if somebody changed it since it was seen."""
    with transaction(database) as session:
        return service.change(session, actor, slug, place)


@router.put("/places/{slug}/state", status_code=204)
def set_place_state(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_PLACES)],
    slug: str,
    state: PlaceState,
) -> None:
    """Retire a place in which nothing stands any more, or bring it back."""
    with transaction(database) as session:
        service.set_retired(session, actor, slug, retired=state.retired, stamp=state.stamp)
