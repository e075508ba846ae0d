"""Passwords: argon2id, and as long to refuse an unknown name as a wrong password."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from anju_platform.errors import InvalidRequestError, TooManyAttemptsError

MIN_LENGTH = 10
MAX_LENGTH = 256

_hasher = PasswordHasher()
AT_ONCE = 6
"""More than this, at work and waiting, are refused: each holds a thread everybody needs."""

_places = threading.BoundedSemaphore(AT_ONCE)
_slots = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB: a flood of log-ins must queue, not eat the machine."""


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one of the slots, unless too many wait already."""
    if not _places.acquire(blocking=False):
        raise TooManyAttemptsError("too many log-ins at once; try again in a moment")
    try:
        with _slots:
            yield
    finally:
        _places.release()


def check_strength(password: str) -> None:
    """Refuse what is easily guessed.

    Raises:
        InvalidRequestError: too short, too long, or of one repeated character.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidRequestError(
            "a password has {min_length} to {max_length} characters",
            min_length=MIN_LENGTH,
            max_length=MAX_LENGTH,
        )
    if len(set(password)) == 1:
        raise InvalidRequestError("a password of one repeated character is too easy to guess")


def hash_password(password: str) -> str:
    """Give what is stored of a password.

    Raises:
        TooManyAttemptsError: too many log-ins are being checked at once.
    """
    with _turn():
        return _hasher.hash(password)


# the hash of a random text nobody knows; made beforehand, for every command imports this
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$QsL9TqH33hl3+P3SVMvSxQ"
    "$930OTdpwJiEoGhqUdkw3Jum77SfKhknIMk7q+VRIw/0"
)


def verify(stored: str | None, password: str) -> bool:
    """Check a password; ``stored`` None (no such user) takes as long and is never true.

    Raises:
        TooManyAttemptsError: too many log-ins are being checked at once.
    """
    with _turn():
        try:
            _hasher.verify(stored or _NOBODY, password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Tell whether a stored hash was made with weaker settings than today's."""
    return _hasher.check_needs_rehash(stored)
