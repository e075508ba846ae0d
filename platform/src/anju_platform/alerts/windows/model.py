"""The table of windows."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table


class Kind(StrEnum):
    """What a window is for."""

    MAINTENANCE = "maintenance"
    DRILL = "drill"


class Window(Table):
    """A time in which work is done (alerts are muted) or a drill runs (alerts are marked).

    It is about a place and all that lies in it, or one device; a drill about neither is one of
    the whole community. ``rules`` are those a drill is about (none: all). ``for_life``:
    maintenance of one device that mutes what a life may hang on, too. ``ended_at`` is when
    somebody ended it before ``ends_at``. ``due_at`` is when it begins or ends next; null once it
    is over.
    """

    __tablename__ = "alert_windows"
    __table_args__ = (
        Index("ix_alert_windows_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_alert_windows_community_starts", "community_id", "starts_at"),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    kind: Mapped[str]
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("devices.id"))
    rules: Mapped[list[str]] = mapped_column(default=list)
    for_life: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    due_at: Mapped[datetime | None]
