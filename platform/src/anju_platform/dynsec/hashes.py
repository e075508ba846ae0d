"""Secrets as Mosquitto keeps them: the database and the broker's store hold the same hash.

So a broker that lost its store is given every account again, though nobody has the secrets.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

ITERATIONS = 101
"""What Mosquitto 2.0 uses; secrets here are random, so nobody can guess their way back."""
_SALT_BYTES = 12  # the plugin takes no other length
_KIND = "7"
"""Mosquitto's number for PBKDF2 with SHA-512."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A hash taken apart, each part as the plugin's store has it (base64)."""

    iterations: int
    salt: str
    digest: str

    def __str__(self) -> str:
        """Give it as mosquitto_passwd writes it: ``$7$iterations$salt$digest``."""
        return f"${_KIND}${self.iterations}${self.salt}${self.digest}"


def keep(secret: str) -> str:
    """Give what is kept of a secret."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return str(Kept(ITERATIONS, base64.b64encode(salt).decode(), _digest(secret, salt, ITERATIONS)))


def parse(kept: str) -> Kept | None:
    """Take apart what is kept; None for what is not of this form."""
    parts = kept.split("$")
    if len(parts) != 5 or parts[:2] != ["", _KIND] or not parts[2].isdecimal():  # noqa: PLR2004
        return None
    return Kept(int(parts[2]), parts[3], parts[4])


def matches(secret: str, kept: Kept) -> bool:
    """Tell whether a secret is the one that was kept, in constant time."""
    digest = _digest(secret, base64.b64decode(kept.salt), kept.iterations)
    return hmac.compare_digest(digest, kept.digest)


def _digest(secret: str, salt: bytes, iterations: int) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, iterations)
    return base64.b64encode(digest).decode()
