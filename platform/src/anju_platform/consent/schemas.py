"""What screens and the JSON API see of consents."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from anju_platform.sharing.model import How, Purpose


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class State(StrEnum):
    """What has become of a word by now."""

    IN_FORCE = "in_force"
    TO_COME = "to_come"
    ENDED = "ended"
    REPLACED = "replaced"
    """Something newer was said of the same."""


class ConsentView(View):
    """A word somebody gave (or, ``given`` false, took back), and what has become of it.

    ``sensors``: ``all``, ``health``, ``kind:<model>`` or ``device:<slug>``. ``viewer``:
    ``role:<role>`` (of families: that of the home), ``group:<id>`` (whoever is in it when they
    read), ``user:<id>`` or ``everybody``; ``viewer_name`` is the group's or the person's, none of
    a group that is no more. ``recorded_by`` is who wrote it down, none for the
    community's file.
    """

    id: int
    person: str
    sensors: str
    viewer: str
    viewer_name: str | None
    purpose: Purpose
    given: bool
    begins_at: datetime
    ends_at: datetime | None
    given_by: str
    how: How
    note: str
    recorded_at: datetime
    recorded_by: str | None
    state: State


class SensorView(View):
    """A sensor of a home, as one may say something of it; ``life_safety``: a life may hang on it.

    ``stop``: it is to pass nothing on. ``asked`` of its gateway, ``confirmed`` by it, ``unreached``
    while the gateway is away, ``failed`` when it said that it cannot.
    """

    slug: str
    model: str
    model_title: str
    model_title_en: str
    name: str
    name_en: str
    life_safety: bool
    stop: Literal["asked", "confirmed", "unreached", "failed"] | None = None


class HomeConsents(View):
    """Everything about who may see what of a home.

    ``people`` are those whose word it needs, each of them. ``words`` are all that were said, the
    newest first. Of what nobody said anything, emergencies and measuring hold, and nothing else.
    """

    slug: str
    place: str
    place_en: str
    people: tuple[str, ...]
    sensors: tuple[SensorView, ...]
    words: tuple[ConsentView, ...]

    @property
    def in_force(self) -> tuple[ConsentView, ...]:
        """Give what counts now."""
        return tuple(one for one in self.words if one.state is State.IN_FORCE)


class HomeOverview(View):
    """How a home stands: who has not said a word of care, and what ends within 14 days."""

    slug: str
    place: str
    place_en: str
    people: tuple[str, ...]
    missing: tuple[str, ...]
    ending: tuple[ConsentView, ...]
    stopped: int


class ConsentPage(View):
    """How some homes stand, of all that match (``total``), those first that lack a word.

    ``next`` is what ``after`` must be to read on, null at the end.
    """

    items: tuple[HomeOverview, ...]
    next: str | None
    total: int


class ConsentBody(BaseModel):
    """A word: whose, of what, to whom, for what, until when; ``given`` false is a no.

    ``person`` lives there; ``given_by`` says it for them, if they do not themselves.
    """

    person: str = Field(max_length=100)
    sensors: str = Field(max_length=80, pattern="^(all|health|kind:.+|device:.+)$")
    viewer: str = Field(
        max_length=80, pattern="^(role:.+|(user|group):[1-9][0-9]{0,17}|everybody)$"
    )
    purpose: Purpose
    given: bool = True
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    given_by: str = Field(default="", max_length=100)
    how: Literal[How.SPOKEN, How.WRITTEN, How.PAGE]
    note: str = Field(default="", max_length=500)


class WithdrawBody(BaseModel):
    """Who takes a word back, and how."""

    given_by: str = Field(default="", max_length=100)
    how: Literal[How.SPOKEN, How.WRITTEN, How.PAGE] = How.SPOKEN
    note: str = Field(default="", max_length=500)


class Erased(View):
    """How much was deleted of what a sensor had said."""

    readings: int
    events: int
