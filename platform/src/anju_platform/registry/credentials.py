"""Secrets of gateways: made once, shown once, kept as a hash."""

import hashlib
import hmac
import secrets

from anju_platform.dynsec import hashes


def new_secret() -> str:
    """Make a secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Give what is stored of a secret: what the broker's store holds of it, too."""
    return hashes.keep(secret)


def secret_matches(secret: str, secret_hash: str) -> bool:
    """Tell whether a presented secret is the stored one, in constant time.

    Of a gateway without a credential nothing is stored, and nothing matches. What releases
    before the broker's accounts were kept by the platform stored, a plain SHA-256, is good too.
    """
    kept = hashes.parse(secret_hash)
    if kept is not None:
        return hashes.matches(secret, kept)
    return hmac.compare_digest(hashlib.sha256(secret.encode()).hexdigest(), secret_hash)
