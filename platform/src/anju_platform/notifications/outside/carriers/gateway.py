"""Calls and short messages by a gateway of the community's own: a signed post tells it.

What is posted is JSON: ``kind`` (``voice`` or ``sms``), ``id`` (the same for a repetition),
``to``, ``say``, ``language``, ``severity``, ``url``, ``receipt_url``, ``good_for_s``. The header
``Anju-Signature`` is ``t=<seconds>,v1=<hex>``: the HMAC-SHA256, with the channel's secret, of
``<seconds>.<body>``. The gateway posts ``{"kind": "delivered"}`` to ``receipt_url`` when it
arrived (somebody picked up), and ``{"kind": "seen"}`` when they confirmed.
"""

import hashlib
import hmac
import json
import time

from anju_platform.errors import Phrase
from anju_platform.notifications.outside.carriers.carrier import (
    GoneError,
    Message,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.posting import post

SIGNATURE = "Anju-Signature"


class Gateway:
    """Posts to the channel's ``url``."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def fault(self, url: str) -> Phrase | None:
        """Say what is wrong with a gateway's URL."""
        return self._hosts.fault(url)

    def carry(self, message: Message, target: Target) -> None:
        """Ask for it; a gateway's 2xx says that it will be done, not that anybody heard it.

        Raises:
            NotTakenError, NoAnswerError: as a carrier. An unknown *address* is an unknown
                gateway here, so it is never GoneError.
        """
        if not target.secret:
            raise NotTakenError("its secret is missing; make the channel anew")
        zh = message.language == "zh"
        said = {
            "kind": target.kind,
            "id": hashlib.sha256(message.receipt_url.encode()).hexdigest()[:32],
            "to": target.to,
            "say": f"{message.title}。{message.body}" if zh else f"{message.title}. {message.body}",
            "language": message.language,
            "severity": message.severity,
            "url": message.url,
            "receipt_url": message.receipt_url,
            "good_for_s": message.good_for_s,
        }
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            SIGNATURE: sign(target.secret, body, round(time.time())),
        }
        try:
            post(self._hosts, target.url, body, headers)
        except GoneError as error:
            raise NotTakenError(str(error)) from error


def sign(secret: str, body: bytes, at: int) -> str:
    """Sign a body as of ``at``, seconds since 1970."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"
