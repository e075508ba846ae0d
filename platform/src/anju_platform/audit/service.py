"""Write down who did or saw what."""

from typing import Protocol

from sqlalchemy.orm import Session

from anju_platform.audit.model import AuditEntry
from anju_platform.database import Json, now


class Who(Protocol):
    """Whoever acts: a logged-in person, or somebody who tried to log in."""

    @property
    def user_id(self) -> int | None:
        """The user, if one is known."""

    @property
    def name(self) -> str:
        """The name to be written down."""

    @property
    def community_id(self) -> int | None:
        """The community it happened in, if one is known."""

    @property
    def address(self) -> str | None:
        """The network address it came from."""


def record(session: Session, who: Who, action: str, subject: str, data: Json | None = None) -> None:
    """Add one entry in the caller's transaction, so that nothing is done unrecorded.

    ``action`` is a dotted word (``auth.login``, ``media.viewed``, ``care.read``),
    ``subject`` names the thing (``alert:<id>``, ``household:<slug>``).
    """
    session.add(
        AuditEntry(
            at=now(),
            community_id=who.community_id,
            user_id=who.user_id,
            actor=who.name,
            action=action,
            subject=subject,
            address=who.address,
            data=data or {},
        )
    )
