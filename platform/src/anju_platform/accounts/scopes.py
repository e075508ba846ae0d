"""Whom people are there for: a family for its homes, a grid worker for some places."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from anju_platform.auth.model import HomeScope, PlaceScope, Role, User
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.people import repository
from anju_platform.registry.repository import place_id


def find_scopes(
    session: Session,
    community_id: int | None,
    role: Role,
    homes: Sequence[str],
    places: Sequence[str],
) -> tuple[list[int], list[int]]:
    """Give the ids of homes and places somebody of a role is to be there for, by slug.

    Raises:
        InvalidRequestError: homes are for families, places for grid workers; each needs some.
        NotFoundError: no such home or place in the community.
    """
    if (role == Role.FAMILY) is not bool(homes):
        raise InvalidRequestError("a family belongs to a home, and nobody else does: name its home")
    if (role == Role.GRID) is not bool(places):
        raise InvalidRequestError(
            "a grid worker looks after a place, and nobody else does: name the place"
        )
    own = community_id or 0
    found = [repository.household(session, own, slug) for slug in dict.fromkeys(homes)]
    tops = [place_id(session, own, slug) for slug in dict.fromkeys(places)]
    for slug, known in (*zip(homes, found, strict=False), *zip(places, tops, strict=False)):
        if known is None:
            raise NotFoundError(
                "there is no place {slug!r}" if places else "there is no household {slug!r}",
                slug=slug,
            )
    return [home.id for home in found if home], [top for top in tops if top]


def give_scopes(
    session: Session, user: User, homes: Sequence[str], *, relation: str, places: Sequence[str]
) -> None:
    """Let somebody be there for homes or places of their community, by slug.

    Raises:
        InvalidRequestError: as :func:`find_scopes`.
        NotFoundError: no such home or place in their community.
    """
    found, tops = find_scopes(session, user.community_id, Role(user.role), homes, places)
    session.add_all(HomeScope(user_id=user.id, household_id=h, relation=relation) for h in found)
    session.add_all(PlaceScope(user_id=user.id, place_id=top) for top in tops)
