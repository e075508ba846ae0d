"""SQL of walls."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on, insert
from sqlalchemy.orm import Session, aliased

from anju_platform.auth.model import User
from anju_platform.screens.model import Screen
from anju_platform.screens.schemas import PostView

_ECHO = timedelta(seconds=2)
"""A sign of life so soon after the page was left is an earlier one that came late."""


def beat(
    session: Session,
    *,
    screen: UUID,
    community_id: int,
    post: str,
    user_id: int,
    sounds: bool,
    at: datetime,
) -> bool:
    """Write a wall's sign of life; gives False for one of another community or just left."""
    said = {"post": post, "user_id": user_id, "sounds": sounds, "alive_at": at, "left_at": None}
    written = session.execute(
        insert(Screen)
        .values(id=screen, community_id=community_id, opened_at=at, **said)
        .on_conflict_do_update(
            index_elements=[Screen.id],
            set_=said,
            where=(Screen.community_id == community_id)
            & (Screen.left_at.is_(None) | (Screen.left_at < at - _ECHO)),
        )
        .returning(Screen.id)
    )
    return written.first() is not None


def leave(session: Session, community_id: int, screen: UUID, at: datetime) -> None:
    """Note that a wall's page was left: whoever does that knows it."""
    session.execute(
        update(Screen)
        .where(Screen.community_id == community_id, Screen.id == screen)
        .values(left_at=at)
    )


def live(session: Session, community_id: int, since: datetime, *, aloud: bool) -> int:
    """Give how many walls of a community were alive since then; ``aloud``: and can sound."""
    query = select(func.count()).where(
        Screen.community_id == community_id,
        Screen.alive_at >= since,
        Screen.left_at.is_(None),
    )
    if aloud:
        query = query.where(Screen.sounds)
    return session.scalar(query) or 0


def last_alive(session: Session) -> Mapping[int, datetime]:
    """Give, by community, when a wall was last alive.

    Left out are those that have none, and those whose last one said that it was left.
    """
    last_word = func.coalesce(Screen.left_at, Screen.alive_at)
    query = (
        select(Screen.community_id, Screen.alive_at, Screen.left_at)
        .ext(distinct_on(Screen.community_id))
        .order_by(Screen.community_id, last_word.desc())
    )
    return {
        community_id: alive_at
        for community_id, alive_at, left_at in session.execute(query)
        if left_at is None
    }


def posts(session: Session, community_id: int, since: datetime) -> list[PostView]:
    """Give a community's duty desks; what was alive since then is live."""
    is_live = (Screen.alive_at >= since) & Screen.left_at.is_(None)
    newest_first = aggregate_order_by(User.name, Screen.alive_at.desc())
    left_last = aggregate_order_by(Screen.left_at.is_not(None), Screen.alive_at.desc())
    query = (
        select(
            Screen.post,
            func.count().filter(is_live).label("live"),
            func.coalesce(func.bool_or(Screen.sounds).filter(is_live), False).label("sounds"),
            func.array_agg(newest_first)[1].label("user"),
            func.max(Screen.alive_at).label("alive_at"),
            func.array_agg(left_last)[1].label("left"),
        )
        .join(User, User.id == Screen.user_id)
        .where(Screen.community_id == community_id)
        .group_by(Screen.post)
        .order_by(Screen.post)
    )
    return [PostView(**row) for row in session.execute(query).mappings()]


def retire(session: Session, community_id: int, post: str) -> bool:
    """Forget a duty desk; gives whether there was one."""
    gone = session.execute(
        delete(Screen)
        .where(Screen.community_id == community_id, Screen.post == post)
        .returning(Screen.id)
    )
    return bool(gone.all())


def prune(session: Session, before: datetime) -> None:
    """Forget walls that were not alive since then, but the last of each desk: it is missed."""
    later = aliased(Screen)
    replaced = (
        select(later.id)
        .where(
            later.community_id == Screen.community_id,
            later.post == Screen.post,
            later.alive_at > Screen.alive_at,
        )
        .exists()
    )
    session.execute(delete(Screen).where(Screen.alive_at < before, replaced))
