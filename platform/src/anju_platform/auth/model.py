"""Tables of users and sessions."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table


class Role(StrEnum):
    """What a user is to the community."""

    GUARD = "guard"
    PROPERTY = "property"
    ADMIN = "admin"


class User(Table):
    """Somebody who may log in; ``community_id`` null means every community (admin only)."""

    __tablename__ = "users"
    id: Mapped[Key]
    community_id: Mapped[int | None] = mapped_column(ForeignKey("communities.id"))
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    locale: Mapped[str] = mapped_column(default="zh")
    disabled: Mapped[bool] = mapped_column(default=False)
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class LoginSession(Table):
    """One log-in of one browser; only a hash of its token is kept."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    csrf: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    address: Mapped[str | None]
    agent: Mapped[str | None]
