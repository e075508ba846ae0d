"""Tables of people and homes."""

from datetime import date

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table

AWAY = frozenset({"away", "away_since"})
"""What a family declares of its home; both are ISO times with their offset."""


class Household(Table):
    """A home on a unit: who lives there and whom to call.

    ``attributes`` are facts rules may read as ``p.*`` (``lives_alone``, ``dementia`` ...);
    ``entry`` is how to get in.
    """

    __tablename__ = "households"
    __table_args__ = (UniqueConstraint("community_id", "slug"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"), index=True)
    slug: Mapped[str]
    attributes: Mapped[Json] = mapped_column(default=dict)
    entry: Mapped[str] = mapped_column(default="", server_default="")


class Resident(Table):
    """A person of a household; ``health`` is what an ambulance asks, shown in an emergency."""

    __tablename__ = "residents"
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    name: Mapped[str]
    born_on: Mapped[date | None]
    elder: Mapped[bool] = mapped_column(default=False)
    health: Mapped[str] = mapped_column(default="", server_default="")


class Contact(Table):
    """Whom to call for a household, in order (1 first)."""

    __tablename__ = "contacts"
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"), index=True)
    position: Mapped[int]
    name: Mapped[str]
    relation: Mapped[str]
    phone: Mapped[str]
    has_key: Mapped[bool] = mapped_column(default=False)
