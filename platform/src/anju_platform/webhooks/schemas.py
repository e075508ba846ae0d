"""What is said of webhooks, and what they are told."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from anju_platform.alerts.model import Cause, Condition, Handling, Mode
from anju_platform.notifications.schemas import Name, Slug
from anju_platform.webhooks.model import MessageState

__all__ = ["Slug"]


class Step(StrEnum):
    """A step of an alert's life that other systems may hear of: a kind of its timeline."""

    RAISED = "raised"
    REOPENED = "reopened"
    REACTIVATED = "reactivated"
    ROSE = "rose"
    FELL = "fell"
    CLEARED = "cleared"
    UNKNOWN = "unknown"
    ACKED = "acked"
    EXPIRED = "expired"
    ESCALATED = "escalated"
    DISPATCHED = "dispatched"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    CLOSED = "closed"


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class WebhookBody(BaseModel):
    """A webhook as it is to be.

    ``url`` empty keeps the one there is: it may hold a password, so nobody is ever shown it.
    ``steps`` are what is told, ``least`` from which severity on (3: P1, P2 and P3), ``places``
    the slugs of the places in which, with all that lies in them (none: everywhere).
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    url: SecretStr = SecretStr("")
    steps: frozenset[Step] = Field(default=frozenset(Step), min_length=1)
    least: int = Field(default=3, ge=1, le=4)
    places: frozenset[Annotated[str, Field(max_length=64)]] = Field(
        default=frozenset(), max_length=50
    )
    enabled: bool = True

    @field_validator("url")
    @classmethod
    def _trimmed(cls, url: SecretStr) -> SecretStr:
        return SecretStr(url.get_secret_value().strip())


class WebhookView(View):
    """A webhook: where it leads in short (``leads_to``), what it hears, and whether it works.

    ``waiting`` and ``dead`` count messages that are not taken yet, and that were given up.
    ``failing_since`` is when the first failure came after which it took nothing; ``paused_at``
    when it was let alone because of that. ``former_until``: the secret before this one signs too.
    """

    slug: str
    name: str
    leads_to: str
    steps: tuple[Step, ...]
    least: int
    places: tuple[str, ...]
    enabled: bool
    waiting: int
    dead: int
    ok_at: datetime | None
    failing_since: datetime | None
    error: str | None
    paused_at: datetime | None
    former_until: datetime | None


class WebhookMade(View):
    """A webhook just made; its ``secret`` signs what it is told, and is shown this once."""

    webhook: WebhookView
    secret: str


class WebhookSecret(View):
    """A new secret, shown this once; the one before signs too until ``former_until``."""

    secret: str
    former_until: datetime


class MessageView(View):
    """A message to a webhook, and how far it has come. ``kind`` is the step it tells of."""

    id: int
    message_id: UUID
    alert_id: UUID
    kind: Step
    state: MessageState
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    error: str | None


class MessagePage(View):
    """Messages, newest first; ``next`` is what ``after`` must be to read on, null at the end."""

    items: tuple[MessageView, ...]
    next: str | None


class Requeued(View):
    """How many messages are sent again."""

    requeued: int


class AlertSaid(View):
    """What another system is told of an alert: as it was when the message was written.

    Of a home nothing is said but its place and what kind of alert it is (``in_home``: neither
    device nor cause); no message names a person. ``version`` grows with every change: whoever
    gets messages in another order keeps the highest.
    """

    id: UUID
    version: int
    url: str
    rule_id: str
    severity: int
    mode: Mode
    title: str
    title_en: str
    condition: Condition
    handling: Handling
    place: str | None
    place_en: str | None
    place_slug: str | None
    in_home: bool
    device: str | None
    device_name: str | None
    device_name_en: str | None
    observed_at: datetime
    detected_at: datetime
    cleared_at: datetime | None
    acked_at: datetime | None
    closed_at: datetime | None
    cause: Cause | None
    occurrences: int


class AlertNews(View):
    """What a message is about: the alert, and the community's short name."""

    community: str
    alert: AlertSaid


class WebhookPost(View):
    """What is posted to a webhook: ``type`` is ``alert.`` and the step, ``timestamp`` its time.

    A test has the type ``test`` and no ``data``.
    """

    type: str
    timestamp: datetime
    data: AlertNews | None
