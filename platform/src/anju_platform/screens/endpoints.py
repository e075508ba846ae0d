"""HTTP of walls."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.screens import service
from anju_platform.screens.schemas import Alive, Post, PostView

router = APIRouter(prefix="/screens", tags=["screens"])


@router.get("")
def posts(database: Database, actor: Annotated[Actor, require(Right.SEE_SYSTEM)]) -> list[PostView]:
    """Give the duty desks, and how many walls are live at each."""
    with reading(database) as session:
        return service.posts(session, actor.community_id)


@router.put("/{screen}", status_code=204)
def beat(
    database: Database, actor: Annotated[Actor, require(Right.SIT)], screen: UUID, said: Alive
) -> None:
    """Say that a guard's wall is alive; one that has not for 15 s is not live."""
    with transaction(database) as session:
        service.beat(session, actor, screen, said)


@router.delete("/{screen}", status_code=204)
def leave(database: Database, actor: Annotated[Actor, require(Right.SIT)], screen: UUID) -> None:
    """Say that a wall's page is left; twice is the same as once."""
    with transaction(database) as session:
        service.leave(session, actor, screen)


@router.delete("/posts/{post}", status_code=204)
def retire(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_POSTS)], post: Post
) -> None:
    """Forget a duty desk that is no longer there."""
    with transaction(database) as session:
        service.retire(session, actor, post)
