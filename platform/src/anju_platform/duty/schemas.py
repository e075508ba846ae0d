"""What the JSON API says of groups, rotas and hand-overs."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from anju_platform.duty.shifts import Holidays

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
UserId = Annotated[int, Field(ge=1, le=2**62)]


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """What is written; a word nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MemberView(View):
    """Somebody named; ``able``: they may log in, and do something about any alert."""

    id: int
    name: str
    role: str
    able: bool


class GroupBody(Body):
    """A group of people by their ids."""

    name: Name
    members: Annotated[tuple[UserId, ...], Field(max_length=200)]


class GroupView(View):
    """A group; ``target`` names it in a plan, ``used_by`` says which plans do.

    ``homes`` is of how many homes it may see what sensors say: whoever is in it then.
    """

    id: int
    target: str
    name: str
    members: tuple[MemberView, ...]
    used_by: tuple[str, ...]
    homes: int


class ShiftBody(Body):
    """On these ``days`` (0 is Monday) ``people`` are on duty from ``starts`` to ``ends``.

    Both are ``HH:MM`` in the site's time; an end no later than the start is on the day after.
    """

    days: Annotated[tuple[int, ...], Field(max_length=7)]
    starts: Annotated[str, Field(max_length=5)]
    ends: Annotated[str, Field(max_length=5)]
    people: Annotated[tuple[UserId, ...], Field(max_length=50)]
    holidays: Holidays = Holidays.ANY


class RotaBody(Body):
    """A rota; ``version`` is the one that was seen (none: it is new).

    ``fallback`` is the role that is told when nobody is on duty. ``handed_over``: whoever comes
    on takes over on the page.
    """

    name: Name
    fallback: Annotated[str, Field(max_length=32)] = "property"
    handed_over: bool = True
    shifts: Annotated[tuple[ShiftBody, ...], Field(max_length=100)] = ()
    version: Annotated[int, Field(ge=1, le=2**62)] | None = None


class OverrideBody(Body):
    """At that time of one day it is these people, whoever the pattern names."""

    day: date
    starts: Annotated[str, Field(max_length=5)]
    ends: Annotated[str, Field(max_length=5)]
    people: Annotated[tuple[UserId, ...], Field(max_length=50)]


class OverrideView(View):
    """What differs on a day."""

    id: int
    day: date
    starts: str
    ends: str
    people: tuple[MemberView, ...]


class DutyView(View):
    """From ``start`` until before ``end`` these people are on duty; nobody: it is a hole."""

    start: datetime
    end: datetime
    people: tuple[MemberView, ...]


class ChangeView(View):
    """A change of shift: who goes and who comes."""

    at: datetime
    leaving: tuple[MemberView, ...]
    coming: tuple[MemberView, ...]


class HandOverView(View):
    """Somebody took over the duty that began at ``starts_at``; ``alerts`` passed to them."""

    starts_at: datetime
    taken_at: datetime
    taken_by: str
    handed_by: str | None
    note: str
    alerts: tuple[str, ...]


class RotaView(View):
    """A rota: who is on duty now, and what is wrong with it.

    ``told`` are those whom messages go to now: also who was there before, while the change of
    shift (``open_change``) was taken over by nobody. ``may_take_over``: whoever asks may.
    ``holes`` are the times of the next 14 days in which nobody is on duty.
    """

    id: int
    target: str
    name: str
    fallback: str
    handed_over: bool
    shifts: tuple[ShiftBody, ...]
    overrides: tuple[OverrideView, ...]
    version: int
    used_by: tuple[str, ...]
    on_duty: tuple[MemberView, ...]
    told: tuple[MemberView, ...]
    open_change: ChangeView | None
    coming: ChangeView | None
    taken: HandOverView | None
    may_take_over: bool
    holes: tuple[DutyView, ...]


class TakeOverBody(Body):
    """Take the duty over; ``starts_at`` is the change of shift that was seen.

    ``handed_by`` is who hands over (none: nobody was there). ``alerts``: also what those who
    leave have.
    """

    starts_at: AwareDatetime
    handed_by: UserId | None = None
    note: Annotated[str, Field(max_length=2000)] = ""
    alerts: bool = True
