"""Tables of groups, rotas and hand-overs."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class PeopleGroup(Table):
    """A named set of people, a target of plans (``group:<id>``)."""

    __tablename__ = "people_groups"
    __table_args__ = (UniqueConstraint("community_id", "name"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    name: Mapped[str]


class GroupMember(Table):
    """Somebody of a group."""

    __tablename__ = "people_group_members"
    group_id: Mapped[int] = mapped_column(
        ForeignKey("people_groups.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Rota(Table):
    """A post with its shifts, a target of plans (``rota:<id>``): whoever is on duty then.

    ``shifts`` are :class:`anju_platform.duty.shifts.Shift`. ``fallback`` is the role that is
    told when nobody is on duty. ``handed_over``: who comes on takes over on the page, and until
    then messages go to who was there before, too. ``version`` counts changes of it.
    Shifts that changed before it was made (``made_at``) ask nobody to hand over.
    """

    __tablename__ = "rotas"
    __table_args__ = (
        Index(
            "uq_rotas_name",
            "community_id",
            "name",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    name: Mapped[str]
    fallback: Mapped[str]
    handed_over: Mapped[bool] = mapped_column(default=True)
    shifts: Mapped[list[Json]] = mapped_column(JSONB, default=list)
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    removed_at: Mapped[datetime | None]


class RotaOverride(Table):
    """Who is on duty at a time of one day instead of whom the week's pattern names."""

    __tablename__ = "rota_overrides"
    __table_args__ = (Index("ix_rota_overrides_rota_id_day", "rota_id", "day"),)
    id: Mapped[Key]
    rota_id: Mapped[int] = mapped_column(ForeignKey("rotas.id"))
    day: Mapped[date]
    starts: Mapped[str]
    ends: Mapped[str]
    people: Mapped[list[int]]
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class HandOver(Table):
    """Somebody took over the duty that began at ``starts_at``, once, from ``handed_by``.

    ``alerts`` are the ids of those that passed to them.
    """

    __tablename__ = "hand_overs"
    __table_args__ = (UniqueConstraint("rota_id", "starts_at"),)
    id: Mapped[Key]
    rota_id: Mapped[int] = mapped_column(ForeignKey("rotas.id"))
    starts_at: Mapped[datetime]
    taken_at: Mapped[datetime]
    taken_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    handed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(default="")
    alerts: Mapped[list[str]] = mapped_column(default=list)
