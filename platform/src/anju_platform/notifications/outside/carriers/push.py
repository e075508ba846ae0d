"""Web push (RFC 8030, 8291, 8292): a browser's push service carries it, sealed for the browser."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from anju_platform.errors import Phrase
from anju_platform.notifications.outside.carriers.carrier import Message, NotTakenError, Target
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.posting import post

if TYPE_CHECKING:
    from py_vapid import Vapid02

_URGENT = 2


class Push:
    """Sends what browsers show by themselves.

    ``key`` gives the platform's own key, by which push services know it, ``contact`` is whom
    they may write to.
    """

    def __init__(self, hosts: Hosts, key: "Callable[[], Vapid02]", contact: str) -> None:
        self._hosts, self._key, self._contact = hosts, key, contact

    def fault(self, url: str) -> Phrase | None:
        """Say what is wrong with a push channel's URL: it has none."""
        return (
            Phrase("a push channel has none: browsers say where they are reached") if url else None
        )

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message to the push service whose endpoint is ``target.to``.

        Raises:
            NotTakenError, NoAnswerError, GoneError: as a carrier.
        """
        # one tag: a browser that gets it twice shows it once, so it is harmless
        from pywebpush import WebPusher  # when first needed, as in posting.py

        subscription = {"endpoint": target.to, "keys": target.keys or {}}
        try:
            sealed = WebPusher(subscription).encode(
                json.dumps(_shown(message), ensure_ascii=False).encode()
            )
        except Exception as error:  # a key that is no point of the curve fails in many ways
            raise NotTakenError("the browser's keys are not good", of_the_service=False) from error
        parts = urlsplit(target.to)
        claims = {"sub": self._contact, "aud": f"{parts.scheme}://{parts.netloc}"}
        headers = {
            **self._key().sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(message.good_for_s),
            "Urgency": "high" if message.severity <= _URGENT else "normal",
        }
        post(self._hosts, target.to, bytes(sealed["body"]), headers, harmless=True)


def _shown(message: Message) -> dict[str, Any]:
    """Give what the service worker reads (static/js/sw.js)."""
    return {
        "title": message.title,
        "body": message.body,
        "tag": message.tag,
        "url": message.url,
        "receipt": message.receipt_url,
        "severity": message.severity,
        "lang": message.language,
    }
