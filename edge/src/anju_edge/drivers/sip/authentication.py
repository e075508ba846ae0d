"""Asks whoever sends a request for their password, and lets each answer count once.

A nonce carries its own time and proof, so that strangers who ask for many take no memory;
only those that led somebody in are remembered, until they would have lapsed anyway.
"""

import hmac
import secrets
import time
from hashlib import blake2b

from anju_edge.drivers import digest
from anju_edge.drivers.sip.message import Request

NONCE_S = 300
"""How long after it was given out a nonce is good."""


class Gate:
    """Digest authentication of one realm.

    Args:
        realm: what users' passwords belong to; GB/T 28181 takes the server's domain.
    """

    def __init__(self, realm: str) -> None:
        self.realm = realm
        self._key = secrets.token_bytes(32)
        self._used: dict[str, float] = {}

    def challenge(self) -> tuple[str, str]:
        """Give the header that asks for a password."""
        told = f"{int(time.monotonic()):x}.{secrets.token_hex(8)}"
        nonce = f"{told}.{self._proof(told)}"
        value = f'Digest realm="{self.realm}", nonce="{nonce}", qop="auth", algorithm=MD5'
        return "WWW-Authenticate", value

    def admits(self, request: Request, user: str, password: str) -> bool:
        """Tell whether a request carries the answer to one of our challenges, not used before."""
        said = digest.parameters(request.get("authorization")) or {}
        nonce = said.get("nonce", "")
        if not self._is_ours(nonce) or nonce in self._used:
            return False
        login = digest.Login(user, self.realm, password)
        if not digest.is_right(login, request.method, said):
            return False
        now = time.monotonic()
        self._used = {one: until for one, until in self._used.items() if until > now}
        self._used[nonce] = now + NONCE_S
        return True

    def _is_ours(self, nonce: str) -> bool:
        told, _, proof = nonce.rpartition(".")
        if not hmac.compare_digest(self._proof(told).encode(), proof.encode()):
            return False
        return time.monotonic() - int(told.partition(".")[0], 16) < NONCE_S

    def _proof(self, told: str) -> str:
        return blake2b(told.encode(), key=self._key, digest_size=16).hexdigest()
