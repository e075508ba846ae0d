"""Chats and short messages of the services that Apprise knows, each at its own fixed address.

Apprise says yes or no and not why, so a *no* may have been delivered: it is repeated once.
What it takes in its query (other hosts, templates to fetch, certificates not to check) is none of
a channel's business: a URL has none.
"""

import logging
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from anju_platform.errors import Phrase
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers.carrier import (
    CONNECT_S,
    TOTAL_S,
    Message,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import looked_up

if TYPE_CHECKING:
    import apprise

SCHEMES: Mapping[Kind, Mapping[str, str]] = {
    Kind.ROBOT: {
        "slack": "hooks.slack.com",
        "tgram": "api.telegram.org",
        "discord": "discord.com",
    },
    Kind.SMS: {
        "twilio": "api.twilio.com",
        "vonage": "rest.nexmo.com",
        "messagebird": "rest.messagebird.com",
        "clicksend": "rest.clicksend.com",
        "plivo": "api.plivo.com",
    },
}
"""Where each is: none that names a host, stays on this machine or runs a program."""
_REACH_S = 2.0
_SAY_S = 4.0
TO = "{to}"
"""Stands for the address of whoever is told, in the URL of short messages."""
_EXAMPLE = "+8613800000000"

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it repeats addresses; we say what failed


class Services:
    """Speaks to such services for one kind of channel."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def fault(self, url: str) -> Phrase | None:
        """Say what is wrong with a channel's URL; nothing if it can be used."""
        if "?" in url or "#" in url or not url.isprintable():
            return Phrase("it may have no query")
        if self._kind is Kind.SMS and TO not in url:
            return Phrase(
                "it must hold {place}, which stands for the address of whoever is told", place=TO
            )
        if _service(_filled(url, _EXAMPLE)) is None:
            return Phrase("nobody can be told by it: something is missing or misspelt")
        return None

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message over.

        Raises:
            NotTakenError, NoAnswerError: as a carrier; that an address is gone nobody says.
        """
        service = _service(_filled(target.url, target.to))
        if service is None:
            raise NotTakenError("its address cannot be used; look at the channel")
        _demand_reachable(SCHEMES[self._kind][target.url.partition("://")[0]])
        said: list[object] = []

        def say() -> None:
            try:
                said.append(
                    service.notify(title=message.title, body=f"{message.body}\n{message.url}")
                )
            except Exception as error:  # noqa: BLE001 - Apprise's services fail in any way
                said.append(error)

        saying = threading.Thread(target=say, name="apprise", daemon=True)
        saying.start()
        saying.join(_SAY_S)  # it knows no bound of its own
        if said == [True]:
            return
        if said and isinstance(said[0], Exception):
            raise NoAnswerError(f"it failed ({type(said[0]).__name__})")
        raise NoAnswerError("it was refused" if said else f"no answer within {TOTAL_S:g} s")


def _demand_reachable(host: str) -> None:
    """Make sure that the service is there: what never left us was certainly not delivered.

    Raises:
        NotTakenError: it is not.
    """
    for found in looked_up(host)[:1]:
        with suppress(OSError), socket.create_connection((found[4][0], 443), _REACH_S):
            return
    raise NotTakenError("no connection")


def _service(url: str) -> "apprise.NotifyBase | None":
    import apprise  # when first needed: a worker that starts has alarms to tell

    asset = apprise.AppriseAsset(
        app_id="Anju",
        app_desc="Anju",
        app_url="",
        async_mode=False,
        secure_logging=True,
        http_redirects=False,
        allow_templates=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    made = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if not isinstance(made, apprise.NotifyBase):
        return None
    made.socket_connect_timeout, made.socket_read_timeout = CONNECT_S, CONNECT_S
    return made


def _filled(url: str, to: str) -> str:
    return url.replace(TO, quote(to, safe=""))
