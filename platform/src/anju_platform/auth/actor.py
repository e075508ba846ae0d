"""Who is acting: passed to everything that decides, records or filters by person."""

from dataclasses import dataclass

from anju_platform.auth.model import Role
from anju_platform.auth.rights import RIGHTS, Right, roles_with
from anju_platform.errors import ForbiddenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A logged-in person, in the community they look at.

    ``session_csrf`` goes into every form (field ``csrf``) or header ``X-CSRF-Token``;
    ``token_hash`` names the log-in itself. ``everywhere``: an administrator of all communities.
    ``homes`` and ``places`` are what somebody who may not watch everything is there for (the
    ids of households and of the tops of place trees).
    """

    user_id: int
    username: str
    name: str
    role: Role
    community_id: int
    locale: str
    session_csrf: str
    token_hash: str
    address: str | None = None
    everywhere: bool = False
    homes: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()

    @property
    def rights(self) -> frozenset[Right]:
        """Give all that this person may do."""
        return RIGHTS[self.role]

    def may(self, right: Right | str) -> bool:
        """Tell whether this person has a right."""
        return right in self.rights

    def demand(self, right: Right) -> None:
        """Check that this person has a right.

        Raises:
            ForbiddenError: the role does not allow it.
        """
        if not self.may(right):
            allowed = " or ".join(roles_with(right))
            raise ForbiddenError(f"this needs the role {allowed}; yours is {self.role}")
