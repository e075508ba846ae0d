"""The table of snapshots."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, deferred, mapped_column

from anju_platform.database import Table


class Media(Table):
    """A snapshot an alert needed, fetched from the edge by id; deleted after ``expires_at``."""

    __tablename__ = "media"
    id: Mapped[str] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    gateway_id: Mapped[int] = mapped_column(ForeignKey("gateways.id"))
    content_type: Mapped[str]
    sha256: Mapped[str]
    stored_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))
