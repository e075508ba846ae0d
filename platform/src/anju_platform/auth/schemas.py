"""What screens and the JSON API see of users."""

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
