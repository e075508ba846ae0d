"""What screens and the JSON API see of homes."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict


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
