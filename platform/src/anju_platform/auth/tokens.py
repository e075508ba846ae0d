"""Random secrets: whoever holds one is let in, so only hashes of them are kept."""

import hashlib
import secrets

PROGRAM = "anju_"
"""How a program's token begins."""


def new_token() -> str:
    """Make a secret that nobody guesses."""
    return secrets.token_urlsafe(32)


def new_program_token() -> str:
    """Make a program's token; by its beginning it is found where it should not be."""
    return f"{PROGRAM}{new_token()}"


def hash_token(token: str) -> str:
    """Give what is stored of a token; it is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
