"""The table of files of homes that wait to be brought in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Json, Table


class HomesImport(Table):
    """A file that was read: its rows until it is brought in, or a day has passed.

    ``rows`` are ``[number, {column: text}]``; ``exactly`` says that whoever it does not name
    goes; ``counts`` is what came of it.
    """

    __tablename__ = "home_imports"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]
    file_name: Mapped[str]
    exactly: Mapped[bool]
    rows: Mapped[list[tuple[int, dict[str, str]]]] = mapped_column(JSONB)
    applied_at: Mapped[datetime | None]
    counts: Mapped[Json] = mapped_column(default=dict)
