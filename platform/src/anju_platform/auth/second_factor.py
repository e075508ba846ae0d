"""A second factor at the log-in: codes of an application on a telephone (TOTP, RFC 6238).

A code counts once. For a lost telephone there are ten recovery codes, of which only hashes are
kept. A server whose clock is wrong takes no code of a telephone, but still those.
"""

import logging
import secrets
import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum

import pyotp
from cryptography.fernet import InvalidToken
from sqlalchemy.orm import Session

from anju_platform.audit.service import Who, record
from anju_platform.auth import keys, repository
from anju_platform.auth.model import Role, SecondFactor, User
from anju_platform.auth.schemas import SecondFactorView, SetUp
from anju_platform.auth.tokens import hash_token
from anju_platform.database import now
from anju_platform.errors import ConfigError, ConflictError, InvalidRequestError

log = logging.getLogger(__name__)

STEP_S = 30
DIGITS = 6
EITHER_WAY = 1
"""So many steps may a telephone's clock be off."""
PENDING_FOR = timedelta(minutes=15)
"""So long may a new secret wait for its first code."""
RECOVERY_CODES = 10
_ISSUER = "Anju"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4
_WRONG = "this code is wrong, too old or used already; take the next one"


class Proof(StrEnum):
    """What somebody showed."""

    CODE = "code"
    RECOVERY = "recovery"


def roles_that_must(names: Collection[str]) -> frozenset[Role]:
    """Read for which roles a second factor is required.

    Raises:
        ConfigError: there is no such role.
    """
    known = {role.value for role in Role}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"ANJU_SECOND_FACTOR_ROLES: {name!r} is no role; there are {', '.join(Role)}"
            )
    return frozenset(Role(name) for name in names)


def view(session: Session, user_id: int, *, required: bool) -> SecondFactorView:
    """Tell how it stands with somebody's second factor."""
    found = repository.second_factor(session, user_id)
    since = found.confirmed_at if found else None
    return SecondFactorView(
        on=since is not None,
        since=since,
        recovery_codes_left=len(found.recovery) if found and since else 0,
        required=required,
    )


def begin(session: Session, user: User, begun_by: str) -> SetUp:
    """Make a new secret; it counts once a code of it was given, soon.

    ``begun_by`` is the hash of the token of a log-in, or of half of one: the secret is for that
    alone.

    Raises:
        ConflictError: there is one that counts.
    """
    found = repository.second_factor(session, user.id, for_update=True)
    if found is not None and found.confirmed_at is not None:
        raise ConflictError("the second factor is on already; turn it off first")
    secret = pyotp.random_base32()
    sealed = keys.seal(session, secret)
    if found is None:
        found = SecondFactor(user_id=user.id, recovery=[])
        session.add(found)
    found.secret, found.begun_by, found.created_at = sealed, begun_by, now()
    return _set_up(user, secret)


def pending(session: Session, user: User, begun_by: str) -> SetUp | None:
    """Give the secret that this log-in began and that waits for its first code, if there is one."""
    found = repository.second_factor(session, user.id)
    if found is None or not _is_pending(found, begun_by, now()):
        return None
    secret = _secret(session, found)
    return _set_up(user, secret) if secret else None


def _set_up(user: User, secret: str) -> SetUp:
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=_ISSUER)
    return SetUp(secret=secret, uri=uri)


def _is_pending(found: SecondFactor, begun_by: str, at: datetime) -> bool:
    waits = found.confirmed_at is None and found.created_at + PENDING_FOR > at
    return waits and found.begun_by == begun_by


def confirm(session: Session, who: Who, user: User, code: str, *, begun_by: str) -> tuple[str, ...]:
    """Let a new secret count, once a code of it was given; give the recovery codes, this once.

    Raises:
        ConflictError: none waits that this log-in began, or it waited for too long.
        InvalidRequestError: the code is wrong.
    """
    moment = now()
    found = repository.second_factor(session, user.id, for_update=True)
    if found is None or not _is_pending(found, begun_by, moment):
        raise ConflictError("there is nothing to confirm any more; begin anew")
    step = _step_of(session, found, _plain(code), moment)
    if step is None:
        raise InvalidRequestError(_WRONG)
    found.confirmed_at, found.last_step, found.begun_by = moment, step, None
    record(session, who, "second_factor.on", f"user:{user.username}")
    return _give_codes(found)


def prove(session: Session, user_id: int, code: str, at: datetime | None = None) -> Proof | None:
    """Take a code, or a recovery code, of a second factor that counts; None: it is none."""
    found = repository.second_factor(session, user_id, for_update=True)
    if found is None or found.confirmed_at is None:
        return None
    given = _plain(code)
    step = _step_of(session, found, given, at or now())
    if step is not None:
        found.last_step = step
        return Proof.CODE
    hashed = hash_token(given)
    if hashed in found.recovery:
        found.recovery = [each for each in found.recovery if each != hashed]
        return Proof.RECOVERY
    return None


def _plain(code: str) -> str:
    """Leave out what people put between letters and digits; ``１`` of a Chinese keyboard is 1."""
    typed = unicodedata.normalize("NFKC", code).lower()
    return "".join(each for each in typed if each not in " -\t")


def _step_of(session: Session, found: SecondFactor, code: str, at: datetime) -> int | None:
    """Give the time step a code is of, if it is one of now that was not used yet."""
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    secret = _secret(session, found)
    if secret is None:
        return None
    totp = pyotp.TOTP(secret)
    here = int(at.timestamp()) // STEP_S
    last = found.last_step
    if last is not None and last > here + EITHER_WAY:
        last = None  # our clock was ahead when it was used: that must hold nobody out now
    for step in range(here - EITHER_WAY, here + EITHER_WAY + 1):
        right = secrets.compare_digest(totp.generate_otp(step), code)
        if right and (last is None or step > last):
            return step
    return None


def _secret(session: Session, found: SecondFactor) -> str | None:
    try:
        return keys.unseal(session, found.secret)
    except InvalidToken:
        log.exception("a second factor of another key; its recovery codes still count")
        return None


def renew_codes(session: Session, who: Who, user: User) -> tuple[str, ...]:
    """Give new recovery codes; those before are good no more.

    Raises:
        ConflictError: there is no second factor.
    """
    found = _found(session, user)
    record(session, who, "second_factor.codes", f"user:{user.username}")
    return _give_codes(found)


def turn_off(session: Session, who: Who, user: User) -> None:
    """Let the password alone be enough again.

    Raises:
        ConflictError: there is no second factor.
    """
    session.delete(_found(session, user))
    record(session, who, "second_factor.off", f"user:{user.username}")


def reset(session: Session, who: Who, user: User) -> None:
    """Forget the second factor of somebody who lost it; end their log-ins, tokens and links.

    Raises:
        ConflictError: there is none.
    """
    session.delete(_found(session, user))
    repository.delete_sessions_of(session, user.id)
    repository.close_other_ways(session, user.id, now())
    record(session, who, "second_factor.reset", f"user:{user.username}")


def _found(session: Session, user: User) -> SecondFactor:
    found = repository.second_factor(session, user.id, for_update=True)
    if found is None or found.confirmed_at is None:
        raise ConflictError("there is no second factor")
    return found


def _give_codes(found: SecondFactor) -> tuple[str, ...]:
    codes = tuple(
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    )
    found.recovery = [hash_token(_plain(code)) for code in codes]
    return codes
