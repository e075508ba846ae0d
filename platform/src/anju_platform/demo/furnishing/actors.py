"""Who acts in the demo: its people, as the services know them once they are logged in."""

from sqlalchemy.orm import Session

from anju_platform.auth import repository
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.auth.service import find_user
from anju_platform.errors import NotFoundError
from anju_platform.registry.repository import community


def act(session: Session, slug: str, username: str) -> Actor:
    """Give one of the demo's people as somebody who acts in its community.

    Raises:
        NotFoundError: there is nobody of that name in it; what is of another community, the
            demo leaves alone.
    """
    user = find_user(session, username)
    known = community(session, slug)
    if known is None or user.community_id not in {None, known.id}:
        raise NotFoundError("{username!r} is not of {slug!r}", username=username, slug=slug)
    homes, places = repository.scopes(session, user.id, user.role)
    return Actor(
        user_id=user.id,
        username=user.username,
        name=user.name,
        role=Role(user.role),
        community_id=known.id,
        locale=user.locale,
        session_csrf="",
        token_hash="",
        homes=homes,
        places=places,
    )
