"""Telephones that make codes, for tests of the second step of a log-in."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx
import pyotp
from outer_site import PASSWORD


@dataclass
class Telephone:
    """An authenticator application; each code it gives was never given before.

    A server takes the codes of the steps before and after its own, so two can be given at once.
    """

    secret: str
    given: int = 0

    def code(self) -> str:
        """Give the next code, of this step or, if that was given, of the one after it."""
        self.given = max(self.given + 1, int(time.time()) // 30)
        return pyotp.TOTP(self.secret).generate_otp(self.given)


def turn_on(client: httpx.Client) -> tuple[Telephone, list[str]]:
    """Turn a logged-in person's second factor on; give their telephone and recovery codes."""
    made = client.post("/api/v1/me/second-factor", json={"password": PASSWORD})
    assert made.status_code == 201, made.text
    telephone = Telephone(made.json()["secret"])
    said = {"code": telephone.code()}
    answer = client.post("/api/v1/me/second-factor/confirm", json=said)
    assert answer.status_code == 200, answer.text
    return telephone, answer.json()["recovery_codes"]
