"""Signing as Standard Webhooks asks for, so that receivers check with a library they have.

The secret is ``whsec_`` and base64; the signature ``v1,`` and the base64 of the HMAC-SHA256 of
``<id>.<timestamp>.<body>``. While a secret is replaced, both sign, with a blank between.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(message_id: str, at: int, body: bytes, signers: Sequence[str]) -> Mapping[str, str]:
    """Give the headers of a message posted at ``at`` (seconds since 1970), signed with each."""
    signed = f"{message_id}.{at}.".encode() + body
    return {
        "Content-Type": "application/json",
        "User-Agent": "Anju-Webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in signers),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    mac = hmac.new(key, signed, hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"
