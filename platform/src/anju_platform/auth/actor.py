"""Who is acting: passed to everything that decides, records or filters by person."""

from dataclasses import dataclass

from anju_platform.auth.model import Role
from anju_platform.errors import ForbiddenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A logged-in person, in the community they look at.

    ``session_csrf`` goes into every form (field ``csrf``) or header ``X-CSRF-Token``;
    ``token_hash`` names the log-in itself. ``everywhere``: an administrator of all communities.
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

    def demand(self, *roles: Role) -> None:
        """Check that this person has one of ``roles``.

        Raises:
            ForbiddenError: the role does not allow it.
        """
        if self.role not in roles:
            allowed = " or ".join(roles)
            raise ForbiddenError(f"this needs the role {allowed}; yours is {self.role}")

    @property
    def may_see_health(self) -> bool:
        """Whether health values (heart rate ...) are shown; guards see place and kind only."""
        return self.role is Role.ADMIN
