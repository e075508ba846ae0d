"""The table of back-tests that people start on the screens."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class JobState(StrEnum):
    """How far a back-test has come. ``interrupted``: its process is gone, nobody knows why."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class BacktestJob(Table):
    """A back-test of one rule's ``text``, at work in a process of its own.

    ``version`` is null for a text that was not saved. ``progress`` goes from 0 to 1; the
    process writes it with ``beat_at`` once a second. Of a community's at most one is running:
    a partial unique index says so. ``report`` is that of :mod:`.report`, once it is done.
    """

    __tablename__ = "backtests"
    __table_args__ = (
        Index("ix_backtests_rule", "community_id", "rule_id", "id"),
        Index(
            "uq_backtests_one_at_a_time",
            "community_id",
            unique=True,
            postgresql_where=text("state = 'running'"),
        ),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    rule_id: Mapped[str]
    version: Mapped[int | None]
    text: Mapped[str]
    days: Mapped[int]
    state: Mapped[str] = mapped_column(default=JobState.RUNNING)
    progress: Mapped[float] = mapped_column(default=0.0)
    started_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    report: Mapped[Json | None]
    fault: Mapped[str] = mapped_column(default="")
