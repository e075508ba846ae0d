"""What families see of a home."""

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from anju_platform.alerts.model import Cause, Condition, Handling, Mode
from anju_platform.registry.schemas import DeviceRow


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class HomeState(StrEnum):
    """The one thing that answers "is all well?", the worst first."""

    ALARM = "alarm"
    """Something urgent goes on, and nobody has it yet."""
    ATTENTION = "attention"
    """Something to be looked at, and nobody has it yet."""
    HANDLED = "handled"
    """Somebody has it."""
    UNPROTECTED = "unprotected"
    """What a life may hang on does not report: nobody would hear an alarm."""
    AWAY = "away"
    """Declared away: silence is no alarm."""
    UNSHARED = "unshared"
    """Whoever lives there does not share what would tell; protection is on."""
    UNKNOWN = "unknown"
    """No sign of life for a day, or nothing there that could see one: nobody can say."""
    ORDINARY = "ordinary"


Presence = Literal["in", "out", "unknown"]


class Activity(View):
    """Signs of movement by hour of the local day, 24 of each; ``usual`` is none while unknown."""

    today: tuple[int, ...]
    usual: tuple[float, ...] | None


class HomeName(View):
    """A home of one's own, and how it is; ``relation`` is one's own to whoever lives there."""

    slug: str
    place: str
    place_en: str
    relation: str
    residents: tuple[str, ...]
    state: HomeState


class FamilyAlert(View):
    """What a family sees of an alert: what, where, since when, and who has it or goes there.

    ``muted``: the desk has put it aside for a while. ``over``: it has passed by itself.
    """

    id: UUID
    severity: int
    title: str
    title_en: str
    icon: str
    handling: Handling
    condition: Condition
    mode: Mode
    muted: bool
    over: bool
    place: str | None
    place_en: str | None
    activated_at: datetime
    has_it: str | None
    going: str | None
    going_by: int | None
    going_at: datetime | None
    closed_by: str | None
    cause: Cause | None


class WeeklyView(View):
    """When one of the family wishes to hear of a home's week, and what they heard last."""

    weekday: int
    hour: int
    next_at: datetime
    title: str | None
    body: str | None
    written_at: datetime | None


class WeeklyBody(BaseModel):
    """On which day (0: Monday) and hour of the site somebody wishes to hear of a home's week."""

    weekday: int = Field(ge=0, le=6)
    hour: int = Field(ge=8, le=20)


class HomeView(View):
    """A home as it is ``at`` this moment.

    ``last_sign_at`` is when somebody stirred there last, ``presence`` whether somebody is there,
    as far as doors and movement tell. ``alerts`` are the open ones, the worst
    first; ``lately`` those closed within a week. ``away``: they are declared away, until
    ``away_until`` or (none) until somebody takes it back. ``reporting`` of ``devices`` have been
    heard when they should; ``unheard`` are those a life may hang on that have not. ``muted`` are
    those that work is done on: not every alarm of theirs calls somebody. ``deaf``: the platform
    itself receives nothing. ``weekly``: one wishes to hear of each week. ``shared`` is false
    where whoever lives there does not share what sees movement: then there is no
    ``last_sign_at`` and ``presence`` is unknown.
    """

    home: HomeName
    at: datetime
    last_sign_at: datetime | None
    presence: Presence
    away: bool
    away_until: datetime | None
    activity: Activity | None
    alerts: tuple[FamilyAlert, ...]
    lately: tuple[FamilyAlert, ...]
    devices: tuple[DeviceRow, ...]
    reporting: int
    unheard: tuple[DeviceRow, ...]
    muted: tuple[DeviceRow, ...]
    deaf: bool
    shared: bool = True
    desk_phone: str
    weekly: WeeklyView | None


class Look(View):
    """Somebody's look at what concerns a home; ``subject`` names what they saw.

    ``purpose`` is what it was for, where it was at what a sensor says; ``alert`` which
    emergency opened it. ``nothing``: nothing of it was shared with them, so nothing was shown.
    """

    at: datetime
    name: str
    role: str | None
    subject: str
    purpose: str | None = None
    alert: UUID | None = None
    nothing: bool = False


class AwayBody(BaseModel):
    """Until when nobody is at home."""

    until: AwareDatetime
