"""Tables about the platform itself."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Table


class ProcessRow(Table):
    """The latest word of one running process (``ingest-1``, ``worker-1``, ``web-1`` ...).

    ``at`` is the database's clock, so that ages need no other; ``figures`` is a
    :class:`anju_platform.vitals.Figures`. A process that ends in order takes its row away.
    """

    __tablename__ = "processes"
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    at: Mapped[datetime]
    figures: Mapped[Json]
