"""What screens and the JSON API see of homes."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a home as a file says it: ``kind`` is resident or contact."""

    kind: str
    name: str
    values: dict[str, Any]


class View(BaseModel):
    """A frozen answer."""

    model_config = ConfigDict(frozen=True)


class ResidentView(View):
    """A person of a household."""

    name: str
    born_on: date | None
    elder: bool


class ContactView(View):
    """Whom to call, in order (``position`` 1 first)."""

    position: int
    name: str
    relation: str
    phone: str
    has_key: bool


class HouseholdView(View):
    """A home: who lives there and whom to call."""

    slug: str
    place: str
    place_en: str
    attributes: dict[str, Any]
    residents: tuple[ResidentView, ...]
    contacts: tuple[ContactView, ...]


class HomeRow(View):
    """A home in a list: no names, nor who is ill, alone or away.

    ``nobody_to_call``: there is need, and no contact.
    """

    slug: str
    place: str
    place_en: str
    residents: int
    elders: int
    contacts: int
    devices: int
    nobody_to_call: bool


class HomeSort(StrEnum):
    """What a list of homes may be ordered by; ``care`` puts those first with nobody to call."""

    CARE = "care"
    SLUG = "slug"
    PLACE = "place"
    RESIDENTS = "residents"
    CONTACTS = "contacts"
    DEVICES = "devices"


class HomeFilter(BaseModel):
    """Which homes to list; ``text`` is looked for in place and id."""

    text: str = Field(default="", max_length=100)
    nobody_to_call: bool = False


class HomePage(View):
    """One page of homes; ``next`` is what ``after`` must be to read on, null at the end."""

    rows: tuple[HomeRow, ...]
    next: str | None = None
    total: int
    page: int
    size: int
