"""Tables of the registry."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column

from anju_platform.database import Json, Key, Table


class Community(Table):
    """One managed residential complex: the tenant and the unit of partitioning.

    ``plan`` is the site plan drawn on the wall: ``{"width", "height", "shapes": [{"kind",
    "points" | "rect", "label", "label_en"}]}`` in metres. ``holidays`` are days such as
    ``2026-10-01``, which schedules of rules may heed; ``armed`` is the schedule (``hours``,
    ``days``, ``holidays``) in which zones are armed, null for always. ``feed_seq`` numbers
    what changed on screens, without gaps, in commit order. ``desk_phone`` is where families
    call the duty desk; ``address`` is what an ambulance is told.
    """

    __tablename__ = "communities"
    id: Mapped[Key]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="Asia/Shanghai")
    plan: Mapped[Json] = mapped_column(default=dict)
    holidays: Mapped[list[str]] = mapped_column(JSONB, default=list)
    armed: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
    desk_phone: Mapped[str] = mapped_column(default="", server_default="")
    address: Mapped[str] = mapped_column(default="", server_default="")
    feed_seq: Mapped[int] = mapped_column(default=0)


class Place(Table):
    """A node of community → building → entrance → floor → unit → room; gates too.

    ``label``/``label_en`` are the words a guard reads, whole ("3 栋 2 单元 501 卫生间").
    ``x``/``y`` are metres on the site plan; a place without them stands where its parent is.
    A place is never deleted, for alerts name it: what is no more is retired.
    """

    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("community_id", "slug"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    slug: Mapped[str]
    kind: Mapped[str]
    label: Mapped[str]
    label_en: Mapped[str]
    x: Mapped[float | None]
    y: Mapped[float | None]
    attributes: Mapped[Json] = mapped_column(default=dict)
    retired_at: Mapped[datetime | None]


class PlanPicture(Table):
    """The picture under a community's plan, as we wrote it anew from what was uploaded.

    It lies with its upper left corner at ``x``/``y`` and is ``width`` by ``height`` metres.
    ``bright``: mostly light, so that a screen read in the dark shows its negative.
    """

    __tablename__ = "plan_pictures"
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    content_type: Mapped[str]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary, nullable=False))
    sha256: Mapped[str]
    bright: Mapped[bool]
    x: Mapped[float]
    y: Mapped[float]
    width: Mapped[float]
    height: Mapped[float]
    version: Mapped[int]


class Gateway(Table):
    """An edge agent with an identity and credentials (a hash of its secret).

    ``status_at`` is since when it has been there, or away.
    """

    __tablename__ = "gateways"
    __table_args__ = (UniqueConstraint("community_id", "slug"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    slug: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str]
    secret_hash: Mapped[str]
    online: Mapped[bool] = mapped_column(default=False)
    status_at: Mapped[datetime | None]
    version: Mapped[str | None]


class Device(Table):
    """A thing with an id on a place; ``state`` is approved, retired or stopped.

    Stopped is what whoever lives there wants to pass nothing on (consent).

    ``attributes`` are facts rules may read as ``d.*``; ``interval_s`` overrides the model's.
    ``x``/``y`` are metres on the site plan; without them it stands where its place is.
    ``replaces_id`` is the broken one whose work it took over.
    """

    __tablename__ = "devices"
    __table_args__ = (UniqueConstraint("community_id", "slug"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateways.id"), index=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"), index=True)
    household_id: Mapped[int | None] = mapped_column(ForeignKey("households.id"), index=True)
    slug: Mapped[str]
    model: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str]
    attributes: Mapped[Json] = mapped_column(default=dict)
    interval_s: Mapped[int | None]
    state: Mapped[str] = mapped_column(default="approved")
    created_at: Mapped[datetime]
    x: Mapped[float | None]
    y: Mapped[float | None]
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"), index=True)


class DeviceField(Table):
    """The short number a (model, field) has in the time series."""

    __tablename__ = "device_fields"
    __table_args__ = (UniqueConstraint("model", "name"),)
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=True)
    model: Mapped[str]
    name: Mapped[str]


class BlindPeriod(Table):
    """A time in which nothing could be heard: of one gateway, or (null) of ingest itself.

    Absence rules stand still in it. ``ended_at`` is null while it lasts.
    """

    __tablename__ = "blind_periods"
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    gateway_id: Mapped[int | None] = mapped_column(ForeignKey("gateways.id"), index=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
