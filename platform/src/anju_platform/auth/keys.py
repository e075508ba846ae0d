"""Keys of this installation: made once by whoever asks first, kept in the database.

What is sealed with one is worth nothing to whoever sees its row alone (in a log, an export, a
copied table); whoever has the whole database has the key, too.
"""

from datetime import timedelta

from cryptography.fernet import Fernet
from sqlalchemy.orm import Session

from anju_platform.auth import repository
from anju_platform.database import now

_NAME = "secrets"


def keep(session: Session, name: str, made: str) -> str:
    """Keep a key unless there is one of that name; give the one that is kept."""
    known = repository.platform_key(session, name)
    return known or repository.keep_key(session, name, made, now())


def _seal(session: Session) -> Fernet:
    return Fernet(keep(session, _NAME, Fernet.generate_key().decode()))


def seal(session: Session, text: str) -> str:
    """Make a text unreadable but for :func:`unseal`."""
    return _seal(session).encrypt(text.encode()).decode()


def unseal(session: Session, sealed: str, *, good_for: timedelta | None = None) -> str:
    """Give the text again.

    Raises:
        cryptography.fernet.InvalidToken: it was sealed with another key, or too long ago.
    """
    ttl = None if good_for is None else round(good_for.total_seconds())
    return _seal(session).decrypt(sealed.encode(), ttl).decode()
