"""What walls say, and what is made of it."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.database import now
from anju_platform.errors import ConflictError, NotFoundError
from anju_platform.screens import repository
from anju_platform.screens.schemas import Alive, PostView

LIVE = timedelta(seconds=15)
"""A wall that has not said so for so long is not live: three of its signs of life are missing."""


def beat(session: Session, actor: Actor, screen: UUID, said: Alive) -> None:
    """Note that a wall is alive.

    Raises:
        ConflictError: another community has a wall of that id, or it was left just now.
    """
    is_ours = repository.beat(
        session,
        screen=screen,
        community_id=actor.community_id,
        post=said.post,
        user_id=actor.user_id,
        sounds=said.sounds,
        at=now(),
    )
    if not is_ours:
        raise ConflictError("this screen is of another community, or was left just now")


def leave(session: Session, actor: Actor, screen: UUID) -> None:
    """Note that a wall's page was left: it is not missed."""
    repository.leave(session, actor.community_id, screen, now())


def is_watched(session: Session, community_id: int, at: datetime, *, aloud: bool) -> bool:
    """Tell whether any wall of a community is live; ``aloud``: and can sound."""
    return repository.live(session, community_id, at - LIVE, aloud=aloud) > 0


def posts(session: Session, community_id: int) -> list[PostView]:
    """Give a community's duty desks."""
    return repository.posts(session, community_id, now() - LIVE)


def retire(session: Session, actor: Actor, post: str) -> None:
    """Forget a duty desk that is no longer there: nobody misses it then.

    Raises:
        NotFoundError: no such desk in the actor's community.
    """
    if not repository.retire(session, actor.community_id, post):
        raise NotFoundError("there is no duty desk {post!r}", post=post)
    record(session, actor, "screen.retired", f"post:{post}", {})
