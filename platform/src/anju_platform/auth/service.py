"""Accounts and sessions: who may log in, and who a session belongs to."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth import passwords, repository
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import LoginSession, Role, User
from anju_platform.auth.rights import Right, roles_with
from anju_platform.auth.schemas import UserView
from anju_platform.auth.tokens import hash_token, new_token
from anju_platform.database import now
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
)

IDLE = timedelta(hours=2)
"""A log-in unused for so long is over (an open live screen counts as use)."""
_ON_A_PHONE = (Role.FAMILY, Role.GRID)
"""They look once a day or a week, on a telephone of their own, and must not be locked out then."""
_PHONE_IDLE = timedelta(days=30)
LONGEST = timedelta(days=180)
"""No log-in lasts longer."""

TOUCH = timedelta(minutes=1)
"""The use of a log-in or a token is noted this often at most."""
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
LOCALES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who does something without being logged in, as the audit names them."""

    name: str
    user_id: int | None
    community_id: int | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Browser:
    """What logs in: where it is, what it calls itself, and the tokens it had before."""

    address: str | None = None
    agent: str | None = None
    previous_token: str | None = None
    previous_half: str | None = None


def open_session(session: Session, user: User, browser: Browser, *, hours: int) -> str:
    """Open a session and give its secret token; the one this browser had before ends.

    It is one of at most ``hours``, but on the telephones of families and grid workers.
    """
    if browser.previous_token:
        repository.delete_session(session, hash_token(browser.previous_token))
    moment = now()
    repository.delete_expired(session, moment)
    lasts, idle = timedelta(hours=hours), IDLE
    if user.role in _ON_A_PHONE:
        lasts, idle = LONGEST, _PHONE_IDLE
    token = new_token()
    session.add(
        LoginSession(
            token_hash=hash_token(token),
            user_id=user.id,
            csrf=new_token(),
            created_at=moment,
            expires_at=moment + lasts,
            last_used_at=moment,
            idle_hours=idle // timedelta(hours=1),
            address=browser.address,
            agent=(browser.agent or "")[:256] or None,
        )
    )
    return token


def log_out(session: Session, actor: Actor) -> None:
    """End this log-in."""
    repository.delete_session(session, actor.token_hash)
    record(session, actor, "auth.logout", f"user:{actor.username}")


@dataclass(frozen=True, slots=True)
class Open:
    """A valid log-in: the person, the session, and whether its use should be noted."""

    user: User
    login: LoginSession
    stale: bool


def find_session(session: Session, token_hash: str, at: datetime | None = None) -> Open:
    """Find whose valid session this is.

    Raises:
        NotAuthenticatedError: there is none, it is over, or the user was disabled.
    """
    moment = at or now()
    found = repository.login_session(session, token_hash)
    if found is None:
        raise NotAuthenticatedError("please log in")
    login, user = found
    if (
        login.expires_at <= moment
        or login.last_used_at + timedelta(hours=login.idle_hours) <= moment
        or user.disabled
    ):
        raise NotAuthenticatedError("your session is over; please log in again")
    return Open(user, login, stale=login.last_used_at <= moment - TOUCH)


def add_user(
    session: Session,
    *,
    username: str,
    name: str,
    role: Role,
    community_id: int | None,
    password: str,
    locale: str = "zh",
) -> User:
    """Add somebody who may log in.

    Raises:
        InvalidRequestError: a bad user name, a weak password, or a guard of no community.
        ConflictError: the user name is taken.
    """
    if not _USERNAME.fullmatch(username):
        raise InvalidRequestError(
            "user name {username!r} must be 1 to 64 of a-z, 0-9, '.', '_' and '-'",
            username=username,
        )
    if community_id is None and role is not Role.ADMIN:
        raise InvalidRequestError("a {role} belongs to a community; name it", role=role)
    if locale not in LOCALES:
        raise InvalidRequestError(
            "locale {locale!r} is none of {known}", locale=locale, known=", ".join(LOCALES)
        )
    passwords.check_strength(password)
    if repository.user_by_name(session, username) is not None:
        raise ConflictError("there is a user {username!r} already", username=username)
    user = User(
        username=username,
        name=name,
        role=role,
        community_id=community_id,
        password_hash=passwords.hash_password(password),
        locale=locale,
    )
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:  # somebody chose it at the same moment
        raise ConflictError("there is a user {username!r} already", username=username) from error
    return user


def find_user(session: Session, username: str) -> User:
    """Find and lock a user.

    Raises:
        NotFoundError: no such user.
    """
    user = repository.user_by_name(session, username, for_update=True)
    if user is None:
        raise NotFoundError("there is no user {username!r}", username=username)
    return user


def find_self(session: Session, actor: Actor) -> User:
    """Find and lock whoever is logged in: what ends log-ins comes before it, or sees what it did.

    Raises:
        NotAuthenticatedError: their log-in has ended meanwhile.
    """
    user = repository.user_by_name(session, actor.username, for_update=True)
    if user is None or repository.login_session(session, actor.token_hash) is None:
        raise NotAuthenticatedError("your session is over; please log in again")
    return user


def set_password(session: Session, username: str, password: str) -> User:
    """Give a user a new password, unlock them, end their sessions, programs' tokens and links.

    Raises:
        NotFoundError: no such user.
        InvalidRequestError: the password is weak.
    """
    passwords.check_strength(password)
    user = find_user(session, username)
    user.password_hash = passwords.hash_password(password)
    user.failed_logins, user.locked_until = 0, None
    repository.close_other_ways(session, user.id, now())
    repository.delete_sessions_of(session, user.id)
    repository.void_password_links(session, user.id, now())
    return user


def set_disabled(session: Session, username: str, *, disabled: bool) -> User:
    """Shut a user out (ending their sessions, programs' tokens and links) or let them in again.

    Raises:
        NotFoundError: no such user.
    """
    user = find_user(session, username)
    user.disabled = disabled
    if disabled:
        repository.close_other_ways(session, user.id, now())
    repository.delete_sessions_of(session, user.id)
    repository.void_password_links(session, user.id, now())
    return user


def set_locale(session: Session, actor: Actor, locale: str) -> None:
    """Change the language of a person's screens.

    Raises:
        InvalidRequestError: not a language of the screens.
    """
    if locale not in LOCALES:
        raise InvalidRequestError(
            "locale {locale!r} is none of {known}", locale=locale, known=", ".join(LOCALES)
        )
    find_user(session, actor.username).locale = locale


def assignable(session: Session, community_id: int) -> list[UserView]:
    """Give the people of a community who may be sent to an alert."""
    may_be_sent = roles_with(Right.TAKE_ON)
    return [
        UserView(id=user.id, name=user.name, role=Role(user.role))
        for user in repository.users(session, community_id)
        if user.role in may_be_sent
    ]


def on_behalf(session: Session, user: User, community_id: int) -> Actor:
    """Give a person as one who is written to: what is read for them is what they may read."""
    homes, places = repository.scopes(session, user.id, user.role)
    return Actor(
        user_id=user.id,
        username=user.username,
        name=user.name,
        role=Role(user.role),
        community_id=community_id,
        locale=user.locale,
        session_csrf="",
        token_hash="",
        homes=homes,
        places=places,
    )
