"""Calls: a telephone gateway is told, by a signed post, to call somebody and say something.

What is posted is JSON: ``id`` (the same for a repetition), ``to``, ``say``, ``language``,
``severity``, ``url``, ``receipt_url``, ``good_for_s``. The header ``Anju-Signature`` is
``t=<seconds>,v1=<hex>``: the HMAC-SHA256, with the channel's secret, of ``<seconds>.<body>``.
The gateway posts ``{"kind": "delivered"}`` to ``receipt_url`` when somebody picked up, and
``{"kind": "seen"}`` when they confirmed.
"""

import hashlib
import hmac
import json
import time
from urllib.parse import urlsplit

from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    Message,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.posting import post

SIGNATURE = "Anju-Signature"


class Voice:
    """Posts calls to the channel's ``url``."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def carry(self, message: Message, target: Target) -> None:
        """Ask for a call; a gateway's 2xx says that it will be made, not that anybody heard it.

        Raises:
            NotTakenError, NoAnswerError: as a carrier. An unknown *address* is an unknown
                gateway here, so it is never GoneError.
        """
        if fault := self._hosts.fault(target.url):
            raise NotTakenError(fault)
        self._hosts.demand_outside(urlsplit(target.url).hostname or "")
        said = {
            "id": hashlib.sha256(message.receipt_url.encode()).hexdigest()[:32],
            "to": target.to,
            "say": f"{message.title}。{message.body}"
            if message.language == "zh"
            else f"{message.title}. {message.body}",
            "language": message.language,
            "severity": message.severity,
            "url": message.url,
            "receipt_url": message.receipt_url,
            "good_for_s": message.good_for_s,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            SIGNATURE: sign(target.secret or "", body, round(time.time())),
        }
        try:
            post(target.url, body, headers)
        except GoneError as error:
            raise NotTakenError(str(error)) from error


def sign(secret: str, body: bytes, at: int) -> str:
    """Sign a body as of ``at``, seconds since 1970."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"
