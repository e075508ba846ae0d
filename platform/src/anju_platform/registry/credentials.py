"""Secrets of gateways: made once, shown once, kept as a hash."""

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Make a secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Give what is stored of a secret.

    A plain SHA-256 is right here: secrets are random, so nobody can guess their way back.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(secret: str, secret_hash: str) -> bool:
    """Tell whether a presented secret is the stored one, in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)
