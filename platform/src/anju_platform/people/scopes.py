"""Whom people are there for: a family for its homes, a grid worker for some places."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from anju_platform.auth.model import HomeScope, PlaceScope, Role, User
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.people import repository
from anju_platform.registry.repository import place_id


def give_scopes(
    session: Session, user: User, homes: Sequence[str], *, relation: str, places: Sequence[str]
) -> None:
    """Let somebody be there for homes or places of their community, by slug.

    Raises:
        InvalidRequestError: homes are for families, places for grid workers; each needs some.
        NotFoundError: no such home or place in their community.
    """
    if (user.role == Role.FAMILY) is not bool(homes):
        raise InvalidRequestError("a family belongs to a home, and nobody else does: name its home")
    if (user.role == Role.GRID) is not bool(places):
        raise InvalidRequestError(
            "a grid worker looks after a place, and nobody else does: name the place"
        )
    for slug in homes:
        home = repository.household(session, user.community_id or 0, slug)
        if home is None:
            raise NotFoundError(f"there is no household {slug!r}")
        session.add(HomeScope(user_id=user.id, household_id=home.id, relation=relation))
    for slug in places:
        top = place_id(session, user.community_id or 0, slug)
        if top is None:
            raise NotFoundError(f"there is no place {slug!r}")
        session.add(PlaceScope(user_id=user.id, place_id=top))
