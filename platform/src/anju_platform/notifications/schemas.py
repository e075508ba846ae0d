"""What is said of channels and addresses."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from anju_platform.auth.model import Role
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.limits import MOST_PER_MINUTE

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""A short name: ``mail``, ``wecom-guards``."""
Name = Annotated[str, Field(min_length=1, max_length=64)]


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class ChannelBody(BaseModel):
    """A channel as it is to be.

    ``url`` empty keeps the one there is: it may hold a password, so nobody is ever shown it.
    ``per_minute`` is how much the provider takes, ``roles`` who reads a robot's group.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal[Kind.EMAIL, Kind.SMS, Kind.VOICE, Kind.ROBOT, Kind.PUSH]
    name: Name
    url: SecretStr = SecretStr("")
    roles: frozenset[Role] = frozenset()
    position: int | None = Field(default=None, ge=0, le=1000)
    per_minute: int | None = Field(default=None, ge=1, le=MOST_PER_MINUTE)
    enabled: bool = True

    @field_validator("url")
    @classmethod
    def _trimmed(cls, url: SecretStr) -> SecretStr:
        return SecretStr(url.get_secret_value().strip())

    @model_validator(mode="after")
    def _robots_have_readers(self) -> Self:
        if (self.kind is Kind.ROBOT) != bool(self.roles):
            raise ValueError("a robot, and nothing else, has roles: who reads its group")
        return self


class ChannelView(View):
    """A channel: where it leads in short (``leads_to``), and whether it works.

    ``accepted_day`` counts what its provider took in the last 24 hours; ``failing_since`` is
    when the first failure came after which it took nothing.
    """

    slug: str
    kind: Kind
    name: str
    leads_to: str
    roles: tuple[Role, ...]
    position: int
    per_minute: int | None
    enabled: bool
    accepted_day: int
    ok_at: datetime | None
    failing_since: datetime | None
    error: str | None


class ChannelMade(View):
    """A channel just made; ``secret`` signs what a voice gateway is told, and is shown once."""

    channel: ChannelView
    secret: str | None


class AddressBody(BaseModel):
    """A mailbox or a telephone."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["email", "phone"]
    target: str = Field(max_length=254)


class PushKeys(BaseModel):
    """A browser's keys, as it gives them."""

    p256dh: str = Field(min_length=80, max_length=100, pattern=r"^[A-Za-z0-9_=-]+$")
    auth: str = Field(min_length=16, max_length=32, pattern=r"^[A-Za-z0-9_=-]+$")


class PushBody(BaseModel):
    """A browser's subscription, as ``PushSubscription.toJSON()`` gives it."""

    endpoint: str = Field(max_length=2000)
    keys: PushKeys


class AddressView(View):
    """Where a person is reached; of a push endpoint only the browser's name is shown.

    ``proven`` tells that it is known to be the person's; ``code_until`` until when a code that
    was sent there can be typed in.
    """

    id: int
    kind: Literal["push", "email", "phone"]
    label: str
    created_at: datetime
    ok_at: datetime | None
    proven: bool
    code_until: datetime | None
    gone: bool
    error: str | None


class AddressCodeBody(BaseModel):
    """The code that was sent to an address, as it was typed in."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=32)


class PushKey(View):
    """What browsers subscribe to."""

    public_key: str


class Tried(View):
    """What became of a test: ``ok``, or why not."""

    ok: bool
    error: str | None
