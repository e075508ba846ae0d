"""Tables of rule evaluation."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Table


class RuleState(Table):
    """What one rule remembers of one entity; ``due_at`` is its timer, if one runs.

    Written by the ingest process that owns the community, in the transaction of the batch
    that changed it, so a restart resets nothing and repeats nothing.
    """

    __tablename__ = "rule_states"
    __table_args__ = (Index("ix_rule_states_due", "due_at"),)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    rule_id: Mapped[str] = mapped_column(primary_key=True)
    entity: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[Json]
    due_at: Mapped[datetime | None]
