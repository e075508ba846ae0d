"""A broker with accounts, and those who connect to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anju_devices.link import Link, LinkSettings, Message
from anju_platform import authority
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.dynsec.accounts import KEEPER_USER
from anju_platform.dynsec.control import Control


@dataclass
class Ear:
    link: Link
    heard: list[Message] = field(default_factory=list)
    said: list[tuple[bool, str]] = field(default_factory=list)

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.heard]


@dataclass
class Site:
    """A broker as a site has it; ``join`` connects somebody."""

    folder: Path
    clear: int
    tls: int
    server: Mosquitto
    links: list[Link] = field(default_factory=list)

    def settings(self, user: str, secret: str, **more: Any) -> LinkSettings:
        known: dict[str, Any] = {
            "host": "localhost",
            "port": self.tls,
            "client_id": user,
            "username": user,
            "password": secret,
            "tls": True,
            "ca_file": str(self.folder / "ca" / authority.CA_CERTIFICATE),
            "clean_start": True,
        }
        return LinkSettings(**(known | more))

    def join(
        self,
        user: str,
        secret: str,
        *filters: str,
        will: tuple[str, bytes] | None = None,
        **more: Any,
    ) -> Ear:
        ear: Ear

        def hear(message: Message) -> None:
            ear.heard.append(message)
            ear.link.ack(message)

        link = Link(
            self.settings(user, secret, **more),
            on_message=hear,
            on_state=lambda online, reason: ear.said.append((online, reason)),
            will=will,
            subscriptions=filters,
        )
        ear = Ear(link)
        self.links.append(link)
        link.start()
        return ear

    def control(self) -> Control:
        return Control(self.settings(KEEPER_USER, "keeper-secret"))


def until(ready: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.05)
    return False


def is_refused(ear: Ear, words: str) -> bool:
    return until(lambda: any(words in reason for online, reason in ear.said if not online)) and (
        not ear.link.connected
    )
