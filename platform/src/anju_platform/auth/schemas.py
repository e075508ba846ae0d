"""What screens and the JSON API see of users."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from anju_platform.auth.model import Role


class Credentials(BaseModel):
    """A user name and a password."""

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)


class LocaleBody(BaseModel):
    """A language of the screens."""

    locale: Literal["zh", "en"]


class UserView(BaseModel):
    """Somebody who may be sent to an alert."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    role: Role


class SessionView(BaseModel):
    """Who is logged in, and the token that changing requests carry in ``X-CSRF-Token``."""

    model_config = ConfigDict(frozen=True)

    user_id: int
    username: str
    name: str
    role: Role
    community_id: int
    locale: str
    csrf: str


class CodeBody(BaseModel):
    """A code of the application, or a recovery code."""

    code: str = Field(min_length=1, max_length=64)


class PasswordBody(BaseModel):
    """One's password, once more."""

    password: str = Field(min_length=1, max_length=256)


class PasswordAndCode(PasswordBody, CodeBody):
    """One's password and a code, once more."""


class SetUp(BaseModel):
    """What an application is given to make codes: by hand, or as a picture of ``uri``."""

    model_config = ConfigDict(frozen=True)

    secret: str
    uri: str


class SecondFactorView(BaseModel):
    """Whether a log-in asks for a code, too; ``required``: this role must have that."""

    model_config = ConfigDict(frozen=True)

    on: bool
    since: datetime | None
    recovery_codes_left: int
    required: bool


class RecoveryCodes(BaseModel):
    """Codes for a lost telephone, each good once; they are shown this once."""

    model_config = ConfigDict(frozen=True)

    recovery_codes: tuple[str, ...]


class StillOwed(BaseModel):
    """What a log-in asks for after the password: a code (``POST /session/code``).

    ``set_up``: this role must have a second factor; the first code of it sets it up.
    """

    model_config = ConfigDict(frozen=True)

    owes: Literal["code", "set_up"]
    set_up: SetUp | None
