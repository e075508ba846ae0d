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


class RuleVersion(Table):
    """A rule as an administrator of the community wrote it; rows are only ever added.

    ``text`` is the YAML as written; a ``version`` in it means nothing. Versions of a rule that
    overrides one of the library count on above the library's own, so that an alert's version
    names one text.
    """

    __tablename__ = "rule_versions"
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    rule_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    made_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]


class RuleActivation(Table):
    """What was put in force, by whom and why; the last ``number`` of a rule counts.

    Rows are only ever added. ``version`` null switches the rule off. With ``of_library`` the
    library's rule is in force, as the release at work has it; ``version`` is what that was.
    """

    __tablename__ = "rule_activations"
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), primary_key=True)
    rule_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int | None]
    of_library: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str]
    made_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    made_at: Mapped[datetime]
