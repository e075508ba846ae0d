"""What screens and the JSON API see of accounts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from anju_platform.auth.model import Role
from anju_platform.auth.rights import FOR_PROGRAMS, Right


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class PersonView(View):
    """Somebody who may log in; ``homes`` and ``places`` are what they are there for, by slug.

    ``second_factor``: a code is asked after their password.
    ``last_used_at`` is when one of their log-ins was used, if any is open.
    """

    id: int
    username: str
    name: str
    role: Role
    homes: tuple[str, ...]
    places: tuple[str, ...]
    relation: str
    disabled: bool
    everywhere: bool
    second_factor: bool
    last_used_at: datetime | None


class PersonSort(StrEnum):
    """What a list of people may be ordered by; ``name`` has those last who are shut out.

    ``username`` never changes: by it, all are read once each, whatever happens meanwhile.
    """

    NAME = "name"
    USERNAME = "username"
    ROLE = "role"
    LAST_USED = "last_used"


class PersonFilter(BaseModel):
    """Whom to list; ``text`` is looked for in name, user name, and what they are there for."""

    text: str = Field(default="", max_length=100)
    role: Role | None = None
    disabled: bool | None = None


class PersonPage(View):
    """Some of the people who match, all of whom are ``total``.

    ``next`` is what ``after`` must be to read on, null at the end.
    """

    items: tuple[PersonView, ...]
    next: str | None
    total: int


class InvitationBody(BaseModel):
    """Whom to invite: families to their homes, grid workers to places (slugs)."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    name: Annotated[str, Field(min_length=1, max_length=64)]
    homes: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=20)
    relation: Annotated[str, Field(max_length=32)] = ""
    places: tuple[Annotated[str, Field(max_length=64)], ...] = Field(default=(), max_length=20)


class InvitationView(View):
    """An invitation nobody has taken up yet; ``username``: whose new password it is for."""

    id: int
    role: Role
    name: str
    username: str | None
    homes: tuple[str, ...]
    places: tuple[str, ...]
    invited_by: str
    created_at: datetime
    expires_at: datetime


class InvitationPage(View):
    """Invitations, newest first; ``next`` is what ``after`` must be to read on."""

    items: tuple[InvitationView, ...]
    next: str | None


class InvitationMade(View):
    """The link to hand over; it is shown this once and opens the account for whoever has it."""

    invitation: InvitationView
    url: str


class AcceptBody(BaseModel):
    """The user name (none for somebody who has one) and the password somebody chose."""

    username: Annotated[str, Field(max_length=64)] = ""
    password: Annotated[str, Field(min_length=1, max_length=256)]


class TokenBody(BaseModel):
    """A program's name, what it may do, for how many days, and one's password, once more.

    ``code``: of who has a second factor, one of the application, or a recovery code.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    rights: tuple[Right, ...] = Field(min_length=1, max_length=len(FOR_PROGRAMS))
    days: int = Field(default=90, ge=1, le=365)
    password: Annotated[str, Field(min_length=1, max_length=256)]
    code: Annotated[str, Field(max_length=64)] = ""


class TokenView(View):
    """A program's token; ``hint`` is how it begins, ``by`` who made it.

    ``last_used_at`` is exact to a minute. ``expired``: it is good no more.
    """

    id: int
    name: str
    hint: str
    rights: tuple[str, ...]
    by: str
    created_at: datetime
    expires_at: datetime
    expired: bool
    last_used_at: datetime | None


class TokenPage(View):
    """Tokens, newest first; ``next`` is what ``after`` must be to read on, null at the end."""

    items: tuple[TokenView, ...]
    next: str | None


class TokenMade(View):
    """What the program is to send as ``Authorization: Bearer``; it is shown this once."""

    token: TokenView
    secret: str


class LoginView(View):
    """One browser somebody is logged in with; ``here``: the one that asks."""

    id: str
    created_at: datetime
    last_used_at: datetime
    address: str | None
    agent: str | None
    here: bool


class LinkView(View):
    """Since when another provider's word is somebody's log-in, and when it was last.

    ``former``: it is one that was set before, so it is no log-in now, but would be again with it.
    """

    linked_at: datetime
    last_used_at: datetime | None
    former: bool


class ShutOut(BaseModel):
    """Whether somebody may not log in."""

    disabled: bool
