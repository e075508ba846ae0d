"""Mail, short messages and chat groups, through the services that Apprise knows.

Apprise says yes or no, and not why; so one message goes to one target here, and what took as
long as we wait is taken for an answer that did not come.
"""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.carriers.carrier import (
    ANSWER_S,
    CONNECT_S,
    Message,
    NoAnswerError,
    NotTakenError,
    Target,
)
from anju_platform.notifications.outside.carriers.hosts import Hosts

if TYPE_CHECKING:
    import apprise

_CHATS = (
    "wecombot", "dingtalk", "feishu", "lark", "slack", "tgram", "discord", "workflows",
    "ntfy", "ntfys", "gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets",
    "json", "jsons", "form", "forms",
)  # fmt: skip
_SHORT_MESSAGES = (
    "twilio", "vonage", "clicksend", "d7sms", "messagebird", "plivo", "sinch", "sns", "bulksms",
    "smseagle", "smseagles", "httpsms", "json", "jsons", "form", "forms",
)  # fmt: skip
SCHEMES: Mapping[Kind, tuple[str, ...]] = {
    Kind.EMAIL: ("mailto", "mailtos"),
    Kind.SMS: _SHORT_MESSAGES,
    Kind.ROBOT: _CHATS,
}
"""What a channel of each kind may be: nothing that stays on this machine or runs a program."""
_NAMES_A_HOST = frozenset({
    "mailto", "mailtos", "ntfy", "ntfys", "gotify", "gotifys", "mmost", "mmosts", "rocket",
    "rockets", "json", "jsons", "form", "forms", "smseagle", "smseagles",
})  # fmt: skip
TO = "{to}"
"""Stands for the address of whoever is told, in the URL of mail and short messages."""
_EXAMPLE = {Kind.EMAIL: "name@example.org", Kind.SMS: "+8613800000000"}

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it repeats addresses; we say what failed


class Services:
    """Speaks to every service outside but push and telephone gateways."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def fault(self, kind: Kind, url: str) -> str | None:
        """Say what is wrong with a channel's URL; nothing if it can be used."""
        scheme, _, _ = url.partition("://")
        allowed = SCHEMES[kind]
        if scheme.lower() not in allowed:
            return f"it must begin with one of {', '.join(f'{one}://' for one in allowed)}"
        if kind in _EXAMPLE and TO not in url:
            return f"it must hold {TO}, which stands for the address of whoever is told"
        if scheme.lower() in _NAMES_A_HOST:
            fault = self._hosts.fault(url, schemes=allowed)
            if fault is not None:
                return fault
        if _service(_filled(url, _EXAMPLE.get(kind, ""))) is None:
            return "nobody can be told by it: something is missing or misspelt"
        return None

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message over.

        Raises:
            NotTakenError, NoAnswerError: as a carrier; that an address is gone nobody says.
        """
        scheme, _, _ = target.url.partition("://")
        if scheme in _NAMES_A_HOST:
            self._hosts.demand_outside(urlsplit(target.url).hostname or "")
        service = _service(_filled(target.url, target.to))
        if service is None:
            raise NotTakenError("its address cannot be used; look at the channel")
        began = time.monotonic()
        try:
            taken = service.notify(
                title=message.title,
                body=f"{message.body}\n{message.url}",
            )
        except Exception as error:  # a service of Apprise's may fail in any way
            raise NotTakenError(f"it failed ({type(error).__name__})") from error
        if taken:
            return
        if time.monotonic() - began >= ANSWER_S:
            raise NoAnswerError(f"no answer within {ANSWER_S:g} s")
        raise NotTakenError("it was refused")


def _service(url: str) -> "apprise.NotifyBase | None":
    import apprise  # when first needed: a worker that starts has alarms to tell

    asset = apprise.AppriseAsset(
        app_id="Anju",
        app_desc="Anju",
        app_url="",
        async_mode=False,
        secure_logging=True,
        http_redirects=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    made = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if not isinstance(made, apprise.NotifyBase):
        return None
    made.socket_connect_timeout, made.socket_read_timeout = CONNECT_S, ANSWER_S
    return made


def _filled(url: str, to: str) -> str:
    return url.replace(TO, quote(to, safe=""))
