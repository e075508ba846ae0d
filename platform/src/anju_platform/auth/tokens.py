"""Random secrets: whoever holds one is let in, so only hashes of them are kept."""

import hashlib
import secrets


def new_token() -> str:
    """Make a secret that nobody guesses."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Give what is stored of a token; it is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
