"""Who acts in the demo: its people, as the services know them once they are logged in."""

from sqlalchemy.orm import Session

from anju_platform.auth import repository
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.auth.service import find_user
from anju_platform.registry.repository import community


def act(session: Session, slug: str, username: str) -> Actor:
    """Give one of the demo's people as somebody who acts in its community.

    Raises:
        NotFoundError: there is nobody of that name.
    """
    user = find_user(session, username)
    known = community(session, slug)
    homes, places = repository.scopes(session, user.id, user.role)
    return Actor(
        user_id=user.id,
        username=user.username,
        name=user.name,
        role=Role(user.role),
        community_id=user.community_id or (known.id if known else 0),
        locale=user.locale,
        session_csrf="",
        token_hash="",
        homes=homes,
        places=places,
    )
