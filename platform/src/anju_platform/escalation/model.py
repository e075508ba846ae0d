"""Table of plans."""

from datetime import datetime

from sqlalchemy import ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Key, Table


class EscalationPolicy(Table):
    """Who hears of alerts of a ``severity`` that nobody takes on, at a place (null: everywhere).

    A place's plan holds for all that lies in it; ``policy`` is a
    :class:`anju_platform.alerts.policy.Policy`.
    """

    __tablename__ = "escalation_policies"
    __table_args__ = (
        UniqueConstraint(
            "community_id", "severity", "place_id", postgresql_nulls_not_distinct=True
        ),
    )
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    severity: Mapped[int] = mapped_column(SmallInteger)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("places.id"))
    policy: Mapped[Json]
    changed_at: Mapped[datetime]
    changed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
