"""Tables of users and sessions."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from anju_platform.database import Key, Table


class Role(StrEnum):
    """What a user is to the community."""

    GUARD = "guard"
    PROPERTY = "property"
    OFFICE = "office"
    GRID = "grid"
    FAMILY = "family"
    INSTALLER = "installer"
    AUDITOR = "auditor"
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


class HomeScope(Table):
    """A home that a user belongs to; ``relation`` is what they are to whoever lives there."""

    __tablename__ = "user_homes"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    household_id: Mapped[int] = mapped_column(
        ForeignKey("households.id"), primary_key=True, index=True
    )
    relation: Mapped[str] = mapped_column(default="")


class PlaceScope(Table):
    """A place, with all that lies in it, that a user looks after."""

    __tablename__ = "user_places"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("places.id"), primary_key=True)


class Invitation(Table):
    """A link that lets somebody open an account once; only a hash of its token is kept.

    ``homes`` and ``places`` are slugs. ``user_id`` is whose new password it is for, or, once
    used, whom it made.
    """

    __tablename__ = "invitations"
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    name: Mapped[str]
    homes: Mapped[list[str]] = mapped_column(JSONB)
    relation: Mapped[str]
    places: Mapped[list[str]] = mapped_column(JSONB)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    invited_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LoginSession(Table):
    """One log-in of one browser; only a hash of its token is kept.

    Unused for ``idle_hours`` it is over.
    """

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    csrf: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    idle_hours: Mapped[int] = mapped_column(SmallInteger, default=2, server_default="2")
    address: Mapped[str | None]
    agent: Mapped[str | None]


class HalfLogIn(Table):
    """Somebody came half way and still owes a code; it opens nothing but that question.

    They gave the right password, or ``by`` vouched for them. Only a hash of its token is kept.
    """

    __tablename__ = "half_log_ins"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime]
    by: Mapped[str | None]


class OutsideIdentity(Table):
    """Who a user is at another provider (OpenID Connect): one of each at most.

    ``subject`` is the provider's own name for them, which never becomes somebody else's; an
    e-mail address may.
    """

    __tablename__ = "outside_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("user_id", "issuer"))
    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    issuer: Mapped[str]
    subject: Mapped[str]
    linked_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class UsedState(Table):
    """A journey to another provider that has ended; only a hash of its state is kept.

    It is forgotten once its cookie is too old anyway.
    """

    __tablename__ = "used_states"
    state_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class SecondFactor(Table):
    """What somebody shows besides a password: codes of an application (TOTP), or of a list.

    ``secret`` is sealed with the installation's key. It counts once ``confirmed_at`` is there.
    Until then it is for the log-in alone that began it: ``begun_by`` is the hash of its token.
    ``last_step`` is the time step of the code used last, so that none is good twice.
    ``recovery`` are hashes of the codes for a lost telephone that nobody used yet.
    """

    __tablename__ = "second_factors"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    secret: Mapped[str]
    begun_by: Mapped[str | None]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None]
    recovery: Mapped[list[str]] = mapped_column(JSONB)


class ApiToken(Table):
    """What a program of somebody's shows instead of logging in; only a hash of it is kept.

    ``hint`` is how it begins, so that people know it again. It is good for ``rights``, as far
    as whoever made it has them.
    """

    __tablename__ = "api_tokens"
    id: Mapped[Key]
    community_id: Mapped[int] = mapped_column(ForeignKey("communities.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    hint: Mapped[str]
    rights: Mapped[list[str]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class PlatformKey(Table):
    """A key the platform made for itself.

    ``vapid`` tells push services who speaks; ``secrets`` seals what we keep for people.
    """

    __tablename__ = "platform_keys"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    created_at: Mapped[datetime]
