"""Tables of what families want to be told of a home, besides its alerts."""

from datetime import datetime

from sqlalchemy import ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table

WEEK = "week"
"""The kind of the letters about a home's week."""


class WeeklyLetter(Table):
    """One of the family wants to hear once a week how a home's week was.

    On ``weekday`` (0: Monday) at ``hour`` o'clock on the site; ``due_at`` is the next time.
    """

    __tablename__ = "weekly_letters"
    __table_args__ = (UniqueConstraint("user_id", "household_id"),)
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("households.id"))
    weekday: Mapped[int] = mapped_column(SmallInteger)
    hour: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime] = mapped_column(index=True)
