"""Who is acting: passed to everything that decides, records or filters by person."""

from dataclasses import dataclass

from anju_platform.auth.model import Role
from anju_platform.auth.rights import RIGHTS, Right, roles_with
from anju_platform.errors import ForbiddenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A logged-in person, or a program of theirs, in the community they look at.

    ``session_csrf`` goes into every form (field ``csrf``) or header ``X-CSRF-Token``;
    ``token_hash`` names the log-in itself. ``everywhere``: an administrator of all communities.
    ``homes`` and ``places`` are what somebody who may not watch everything is there for (the
    ids of households and of the tops of place trees). ``granted`` is what a program was given;
    None: it is a person.
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
    granted: frozenset[Right] | None = None

    @property
    def rights(self) -> frozenset[Right]:
        """Give all that this person, or this program of theirs, may do."""
        return RIGHTS[self.role] if self.granted is None else RIGHTS[self.role] & self.granted

    def may(self, right: Right | str) -> bool:
        """Tell whether this person, or this program of theirs, has a right."""
        return right in self.rights

    @property
    def is_program(self) -> bool:
        """Whether no person sits there."""
        return self.granted is not None

    @property
    def reaches_all(self) -> bool:
        """Whether all alerts of the community are in reach; a program's is that of its maker."""
        return Right.WATCH in RIGHTS[self.role]

    def demand(self, right: Right) -> None:
        """Check that this person has a right.

        Raises:
            ForbiddenError: the role does not allow it.
        """
        if not self.may(right):
            if self.is_program:
                raise ForbiddenError("this token was not given the right {right!s}", right=right)
            allowed = " or ".join(roles_with(right))
            raise ForbiddenError(
                "this needs the role {allowed}; yours is {own}", allowed=allowed, own=self.role
            )
