"""Web push (RFC 8030, 8291, 8292): a browser's push service carries it, sealed for the browser."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from anju_platform.notifications.outside.carriers.carrier import (
    ANSWER_S,
    CONNECT_S,
    Message,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.notifications.outside.carriers.posting import judge, session, translated

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

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message to the push service whose endpoint is ``target.to``.

        Raises:
            NotTakenError, NoAnswerError, GoneError: as a carrier.
        """
        from pywebpush import WebPushException, webpush  # when first needed, as in services.py

        if fault := self._hosts.fault(target.to):
            raise NotTakenError(fault)
        parts = urlsplit(target.to)
        self._hosts.demand_outside(parts.hostname or "")
        urgency = "high" if message.severity <= _URGENT else "normal"
        try:
            with session() as client:
                webpush(
                    {"endpoint": target.to, "keys": target.keys or {}},
                    data=json.dumps(_shown(message), ensure_ascii=False),
                    vapid_private_key=self._key(),
                    vapid_claims={"sub": self._contact},
                    ttl=message.good_for_s,
                    headers={"Urgency": urgency},
                    timeout=(CONNECT_S, ANSWER_S),
                    requests_session=client,
                )
        except requests.RequestException as error:
            raise translated(error) from error
        except WebPushException as error:
            if error.status_code is None:
                raise NotTakenError("the browser's keys are not good") from error
            judge(error.status_code, error.retry_after)


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
