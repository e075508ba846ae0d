"""What every command shares: the database it works on, and who sits there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.config import Settings
from anju_platform.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Console:
    """Whoever sits at the machine: how the audit names a command."""

    community_id: int | None = None
    user_id: int | None = None
    name: str = "console"
    address: str | None = None


def administrator(community_id: int) -> Actor:
    """Give whoever sits at the machine as one who reads: no more is shared with them."""
    return Actor(
        user_id=0,
        username="",
        name=Console().name,
        role=Role.ADMIN,
        community_id=community_id,
        locale="zh",
        session_csrf="",
        token_hash="",
    )


@contextmanager
def database() -> Iterator[Session]:
    """Open a transaction on the database of the settings."""
    from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
    from anju_platform.database import connect, transaction

    engine = connect(Settings.load().database_url, pool_size=1)
    try:
        with transaction(engine) as session:
            yield session
    finally:
        engine.dispose()


def community_number(session: Session, slug: str) -> int:
    """Give the number of a community.

    Raises:
        NotFoundError: there is none of that name.
    """
    from anju_platform.registry import repository

    found = repository.community(session, slug)
    if found is None:
        raise NotFoundError(f"there is no community {slug!r}: run 'anju community import FILE'")
    return found.id
