"""Table of walls."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Table


class Screen(Table):
    """One wall at a duty desk (``post``), as it said last: one page in one browser.

    It says so while it can be seen and hears the server. ``sounds``: its browser lets it sound.
    ``left_at``: its page was left or hidden, which it said: nobody misses it.
    """

    __tablename__ = "screens"
    __table_args__ = (Index("ix_screens_community_alive", "community_id", "alive_at"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    post: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime]
    alive_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    sounds: Mapped[bool]
