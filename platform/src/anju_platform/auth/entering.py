"""The log-in: a password or another provider's word, and of who has a second factor a code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.audit.service import record
from anju_platform.auth import passwords, repository, second_factor
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import HalfLogIn, Role, User
from anju_platform.auth.schemas import SetUp
from anju_platform.auth.service import Browser, Somebody, open_session
from anju_platform.auth.throttle import Throttle, lock_s, refuse
from anju_platform.auth.tokens import hash_token, new_token
from anju_platform.database import now, transaction
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
    PlatformError,
)

HALF_FOR = timedelta(minutes=10)
"""So long may somebody look for their telephone; to set one up takes a while."""

_WRONG = "user name or password is wrong"
_WRONG_AGAIN = "the password or the code is wrong"
_OVER = "this log-in is over; begin again"
_ENDED = "this log-in was used already; begin again"
_LINKED_TO_NOBODY = "nobody here is linked to that; log in with the password and link it"
_WRONG_CODE = "this code is wrong, too old or used already"


class Owes(StrEnum):
    """What a log-in still asks for after the password."""

    CODE = "code"
    SET_UP = "set_up"
    """The role requires a second factor, and this person has none yet."""


@dataclass(frozen=True, slots=True)
class Entered:
    """How far a log-in came: ``token`` is a session's, or while something is owed, half of one."""

    token: str
    owes: Owes | None = None
    set_up: SetUp | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """What a log-in is checked by: guesses are slowed down, and some roles must show more."""

    engine: Engine
    throttle: Throttle
    hours: int
    must: frozenset[Role] = frozenset()


def log_in(door: Door, browser: Browser, username: str, password: str) -> Entered:
    """Check a password and open a session, or ask for the second factor; give its secret token.

    Only a hash of the token is stored. The session a browser had before ends, so a token known
    before the log-in is worth nothing after it. Every try that is checked is audited. As long
    as a code is owed, failures are not forgotten: whoever knows the password alone is slowed
    down all the same.

    Raises:
        NotAuthenticatedError: wrong name or password (which of them is not said).
        TooManyAttemptsError: too many failures, or too many log-ins at once; the text says
            when to try again.
    """
    username = username.strip().lower()
    address = browser.address
    door.throttle.check(username, address or "")
    with _checked(door.engine, username, password) as (session, user, right):
        fault = _judge(session, username, user, right=right, address=address)
        if fault is None and user is not None:
            entered = _go_on(session, door, browser, user, None)
            if passwords.is_outdated(user.password_hash):
                user.password_hash = passwords.hash_password(password)
    if fault is not None:
        door.throttle.failed(username, address or "")
        raise fault
    if entered.owes is None:
        door.throttle.succeeded(username, address or "")
    return entered


@contextmanager
def _checked(
    engine: Engine, username: str, password: str
) -> Iterator[tuple[Session, User | None, bool]]:
    """Lock a user and tell whether a password is theirs, then and not only a moment before.

    It is checked before the row is locked, for that takes long; whoever gave a new password
    meanwhile has ended all that the old one opened, so it is checked again.

    Raises:
        TooManyAttemptsError: they are locked out, or too many log-ins come at once.
    """
    with transaction(engine) as session:
        stored = repository.user_by_name(session, username)
        if (locked := _locked_for(stored)) > 0:
            raise refuse(locked)
        known_hash = _hash_of(stored)
    while True:
        right = passwords.verify(known_hash, password)
        with transaction(engine) as session:
            user = repository.user_by_name(session, username, for_update=True)
            if _hash_of(user) == known_hash:
                yield session, user, right
                return
            known_hash = _hash_of(user)


def _hash_of(user: User | None) -> str | None:
    return None if user is None or user.disabled else user.password_hash


@dataclass(frozen=True, slots=True)
class Vouched:
    """Another provider's word: who somebody is there, and the state of the journey that proves it.

    ``until`` is when that journey's cookie is too old anyway.
    """

    issuer: str
    subject: str
    state: str
    until: datetime


BY_PROVIDER = "oidc"
"""How the audit names such a log-in."""


def log_in_by(door: Door, browser: Browser, vouched: Vouched) -> Entered:
    """Take another provider's word for a password; all that comes after it is the same.

    Nobody is added by that, and the word counts once.

    Raises:
        NotAuthenticatedError: it counted before.
        NotFoundError: nobody is linked to it, or they are shut out.
        TooManyAttemptsError: too many failures; the text says when to try again.
    """
    fault: PlatformError | None = None
    with transaction(door.engine) as session:
        if not use_once(session, vouched):
            raise NotAuthenticatedError(_ENDED)
        found = repository.user_by_identity(session, vouched.issuer, vouched.subject)
        user = found[0] if found else None
        if found is None or found[0].disabled:
            # a stranger has no name here, and an address is nobody's user name
            who = _somebody(user.username if user else vouched.issuer, user, browser.address)
            subject = f"user:{user.username}" if user else f"issuer:{vouched.issuer}"
            record(session, who, "auth.refused", subject, {"by": BY_PROVIDER})
            fault = NotFoundError(_LINKED_TO_NOBODY)
        elif (locked := _locked_for(user)) > 0:
            fault = refuse(locked)
        else:
            known, identity = found
            identity.last_used_at = now()
            entered = _go_on(session, door, browser, known, BY_PROVIDER)
    if fault is not None:
        raise fault
    if entered.owes is None:
        door.throttle.succeeded(known.username, browser.address or "")
    return entered


def use_once(session: Session, vouched: Vouched) -> bool:
    """End the journey that brought a word; gives whether it had not ended before."""
    return repository.use_state(session, hash_token(vouched.state), vouched.until)


def _locked_for(user: User | None) -> float:
    if user is None or user.locked_until is None:
        return 0.0
    return (user.locked_until - now()).total_seconds()


def _judge(
    session: Session, username: str, user: User | None, *, right: bool, address: str | None
) -> PlatformError | None:
    """Count and audit one password; give the error to raise once that is committed."""
    known = user if user is not None and not user.disabled else None
    if known is None or not right:
        if known is not None:
            _count_failure(known)
        who = _somebody(username, known, address)
        record(session, who, "auth.refused", f"user:{username[:64]}")
        return NotAuthenticatedError(_WRONG)
    if (locked := _locked_for(known)) > 0:  # locked by another try while this one was checked
        return refuse(locked)
    return None


def _count_failure(user: User) -> None:
    user.failed_logins += 1
    seconds = lock_s(user.failed_logins)
    user.locked_until = now() + timedelta(seconds=seconds) if seconds else None


def _somebody(name: str, user: User | None, address: str | None) -> Somebody:
    """Say who it is: their name once they gave the password, what was typed until then."""
    return Somebody(
        name=name[:64],
        user_id=user.id if user else None,
        community_id=user.community_id if user else None,
        address=address,
    )


def _go_on(session: Session, door: Door, browser: Browser, user: User, by: str | None) -> Entered:
    """Open a session, or half of one; ``by`` is who vouched for them, None: their password."""
    if repository.have_second_factor(session, (user.id,)):
        return Entered(_open_half(session, browser, user, by), Owes.CODE)
    if user.role in door.must:
        half_token = _open_half(session, browser, user, by)
        set_up = second_factor.begin(session, user, hash_token(half_token))
        return Entered(half_token, Owes.SET_UP, set_up)
    return Entered(_open(session, door, browser, user, _how(by)))


def _how(by: str | None) -> dict[str, str]:
    return {"by": by} if by else {}


def _open_half(session: Session, browser: Browser, user: User, by: str | None) -> str:
    token, moment = new_token(), now()
    for before in (browser.previous_half, browser.previous_token):
        _end(session, before)
    who = _somebody(user.name, user, browser.address)
    said = "auth.vouched" if by else "auth.password"
    record(session, who, said, f"user:{user.username}", _how(by))
    session.add(
        HalfLogIn(
            token_hash=hash_token(token), user_id=user.id, expires_at=moment + HALF_FOR, by=by
        )
    )
    return token


def _end(session: Session, token: str | None) -> None:
    if token:
        repository.delete_half(session, hash_token(token))
        repository.delete_session(session, hash_token(token))


def _open(session: Session, door: Door, browser: Browser, user: User, said: dict[str, str]) -> str:
    user.failed_logins, user.locked_until = 0, None
    who = _somebody(user.name, user, browser.address)
    record(session, who, "auth.login", f"user:{user.username}", dict(said))
    return open_session(session, user, browser, hours=door.hours)


def half_way(engine: Engine, half_token: str) -> tuple[Owes, SetUp | None]:
    """Tell what a log-in half way still owes, and what there is to set up.

    Raises:
        NotAuthenticatedError: there is no such log-in, it is over, or another one of the same
            person has begun to set up since.
    """
    half = hash_token(half_token)
    with transaction(engine) as session:
        found = repository.half_log_in(session, half, now())
        if found is None:
            raise NotAuthenticatedError(_OVER)
        user, _by = found
        if repository.have_second_factor(session, (user.id,)):
            return Owes.CODE, None
        set_up = second_factor.pending(session, user, half)
    if set_up is None:
        raise NotAuthenticatedError(_OVER)
    return Owes.SET_UP, set_up


def give_code(
    door: Door, browser: Browser, half_token: str, code: str
) -> tuple[str, tuple[str, ...]]:
    """Take the code that a log-in owes; give the session's token, and new recovery codes if any.

    A wrong one counts as a wrong password does.

    Raises:
        NotAuthenticatedError: the code is wrong, or the log-in is over.
        TooManyAttemptsError: too many failures; the text says when to try again.
    """
    address = browser.address
    codes: tuple[str, ...] = ()
    fault: PlatformError | None = None
    with transaction(door.engine) as session:
        found = repository.half_log_in(session, hash_token(half_token), now())
        if found is None:
            raise NotAuthenticatedError(_OVER)
        user, by = found
        username = user.username
        door.throttle.check(username, address or "")
        if (locked := _locked_for(user)) > 0:
            raise refuse(locked)
        who = _somebody(user.name, user, address)
        if repository.have_second_factor(session, (user.id,)):
            proof = second_factor.prove(session, user.id, code)
            said = proof.value if proof else ""
        else:
            codes = _set_up_now(session, who, user, code, hash_token(half_token))
            said = Owes.SET_UP.value if codes else ""
        if said:
            _end(session, half_token)
            token = _open(session, door, browser, user, {"second_factor": said} | _how(by))
        else:
            _count_failure(user)
            record(session, who, "auth.refused", f"user:{username}", {"owed": "code"})
            fault = NotAuthenticatedError(_WRONG_CODE)
    if fault is not None:
        door.throttle.failed(username, address or "")
        raise fault
    door.throttle.succeeded(username, address or "")
    return token, codes


def _set_up_now(
    session: Session, who: Somebody, user: User, code: str, begun_by: str
) -> tuple[str, ...]:
    """Confirm the second factor that a role requires; nothing if the code is wrong."""
    try:
        codes = second_factor.confirm(session, who, user, code, begun_by=begun_by)
    except (InvalidRequestError, ConflictError):
        return ()
    repository.delete_sessions_of(session, user.id)
    return codes


def prove_again(door: Door, actor: Actor, password: str, code: str | None = None) -> None:
    """Check that whoever is logged in is who they say, before something that guards the account.

    ``code`` is asked of who has a second factor, where it is given. Failures count as those at
    the log-in.

    Raises:
        InvalidRequestError: the password or the code is wrong.
        TooManyAttemptsError: too many failures; the text says when to try again.
    """
    address = actor.address or ""
    door.throttle.check(actor.username, address)
    with _checked(door.engine, actor.username, password) as (session, user, right):
        proven = right
        if right and code is not None and repository.have_second_factor(session, (actor.user_id,)):
            proven = second_factor.prove(session, actor.user_id, code) is not None
        if user is not None and not proven:
            _count_failure(user)
            record(session, actor, "auth.refused", f"user:{actor.username}", {"owed": "again"})
    if not proven:
        door.throttle.failed(actor.username, address)
        raise InvalidRequestError(_WRONG_AGAIN)
