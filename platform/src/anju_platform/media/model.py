"""The table of pictures."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, deferred, mapped_column

from anju_platform.database import Table


class Media(Table):
    """A picture, deleted after ``expires_at``.

    Either a snapshot an alert needed, from a gateway; or a photo that a person added to an
    alert.
    """

    __tablename__ = "media"
    id: Mapped[str] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    gateway_id: Mapped[int | None] = mapped_column(ForeignKey("gateways.id"))
    alert_id: Mapped[UUID | None] = mapped_column(index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    content_type: Mapped[str]
    sha256: Mapped[str]
    stored_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    content: Mapped[bytes] = deferred(mapped_column(LargeBinary))
