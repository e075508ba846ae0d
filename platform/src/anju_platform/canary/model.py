"""How far each canary came, and the rule that hears it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Table
from anju_platform.rulebook.texts import CANARY
from anju_platform.telemetry.writing import SELF_TEST
from anju_rules import Rule
from anju_rules.rule import Title

RULE = Rule(
    id=CANARY,
    title=Title(zh="全程自检", en="Self-test of the whole way"),
    icon="activity",
    severity=4,
    models=("gateway",),
    entity="gateway",
    when=f'm.event == "{SELF_TEST}"',
    notify=(),
)
"""Judged like any other, but its finding raises no alert: it becomes a :class:`Canary`."""


class Canary(Table):
    """One walk of a gateway's canary: edge, spool, broker, ingest, rules, worker, screens.

    ``said_at`` is when the rules count it, by the gateway's clock unless that cannot be right
    (ADR 12); the others are by the database's. ``told_at`` is when a
    worker took it up, ``shown_at`` when the stream of an open screen carried it (null: not yet,
    or no screen was open).
    """

    __tablename__ = "canaries"
    __table_args__ = (
        Index("canaries_untold", "stored_at", postgresql_where="told_at IS NULL"),
        Index("canaries_of_gateway", "gateway_id", "stored_at"),
    )
    gateway_id: Mapped[int] = mapped_column(
        ForeignKey("gateways.id", ondelete="CASCADE"), primary_key=True
    )
    said_at: Mapped[datetime] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    stored_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    shown_at: Mapped[datetime | None]
