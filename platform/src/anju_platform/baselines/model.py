"""Tables of learned baselines."""

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Table


class Baseline(Table):
    """What is usual for an entity in one quantity; each learning makes a new version.

    ``kind`` is ``household`` or ``device``, ``entity`` its slug. ``until`` is the end of the
    time it was learned from; two learnings of the same night make one version. ``profile``
    is an :class:`anju_rules.baseline.Profile`.
    """

    __tablename__ = "baselines"
    __table_args__ = (UniqueConstraint("community_id", "kind", "entity", "quantity", "until"),)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    entity: Mapped[str] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    learned_at: Mapped[datetime]
    until: Mapped[datetime]
    profile: Mapped[Json]


class BaselineRun(Table):
    """Up to when everything of a community was learned last."""

    __tablename__ = "baseline_runs"
    community_id: Mapped[int] = mapped_column(
        ForeignKey("communities.id"), primary_key=True, autoincrement=False
    )
    until: Mapped[datetime]
