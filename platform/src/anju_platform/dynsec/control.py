"""Speaks to the plugin of a running broker: a short connection, commands, their answers."""

import json
import logging
import queue
import secrets
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from anju_devices.link import Link, LinkSettings, Message
from anju_platform.database import Json
from anju_platform.dynsec.accounts import CONTROL_TOPIC, RESPONSE_TOPIC
from anju_platform.errors import BrokerError

log = logging.getLogger(__name__)

WAIT_S = 5.0
"""How long the broker may take to let us in, and to answer."""
_PAGE = 100
"""So many accounts are listed at a time: an answer stays far below the largest packet."""


class Control:
    """One connection as the keeper; use it as a context.

    Raises:
        BrokerError: the broker does not answer, or does not let the keeper in.
    """

    def __init__(self, settings: LinkSettings, *, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._states: queue.Queue[tuple[bool, str]] = queue.Queue()
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._link = Link(
            settings,
            on_message=self._arrived,
            on_state=lambda online, reason: self._states.put((online, reason)),
            subscriptions=(RESPONSE_TOPIC,),
        )

    def __enter__(self) -> Self:
        """Connect."""
        self._link.start()
        try:
            online, reason = self._states.get(timeout=self._wait_s)
        except queue.Empty:
            online, reason = False, "no answer"
        if not online:
            self._link.stop()
            raise BrokerError("the broker does not let us change accounts: {why}", why=reason)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Say what is still to be said, and go."""
        self._link.stop()

    def ask(self, *commands: Json) -> list[Json]:
        """Have commands carried out one after the other, nothing in between; give the answers.

        An answer holds ``error`` when its command was refused.

        Raises:
            BrokerError: no answer came: they may have been carried out, or not.
        """
        mark = secrets.token_hex(8)
        marked = [{**command, "correlationData": mark} for command in commands]
        if not self._link.publish(CONTROL_TOPIC, json.dumps({"commands": marked}).encode()):
            raise BrokerError("the broker does not answer; nothing was changed there")
        until = time.monotonic() + self._wait_s
        while (left := until - time.monotonic()) > 0:
            try:
                said = json.loads(self._answers.get(timeout=left))
            except queue.Empty:
                break
            answers: list[Json] = said.get("responses", [])
            if answers and all(answer.get("correlationData") == mark for answer in answers):
                return answers
        raise BrokerError("the broker does not answer; look whether it was changed there")

    def demand(self, *commands: Json) -> list[Json]:
        """Ask, and take no refusal.

        Raises:
            BrokerError: no answer came, or a command was refused.
        """
        return accepted(self.ask(*commands))

    def listed(self, command: str, name: str) -> Iterator[Json]:
        """Give everything a list command gives, page by page.

        Raises:
            BrokerError: no answer came, or it was refused.
        """
        offset, total = 0, 1
        while offset < total:
            wanted = {"command": command, "verbose": True, "count": _PAGE, "offset": offset}
            data = self.demand(wanted)[0]["data"]
            yield from data[name]
            offset, total = offset + _PAGE, int(data["totalCount"])

    def say(self, topic: str, payload: bytes) -> None:
        """Publish a retained message."""
        if not self._link.publish(topic, payload, retain=True):
            log.warning("the broker does not take a message on %s", topic)

    def _arrived(self, message: Message) -> None:
        self._answers.put(message.payload)
        self._link.ack(message)


def accepted(answers: list[Json]) -> list[Json]:
    """Give answers back of which none is a refusal.

    Raises:
        BrokerError: a command was refused.
    """
    for answer in answers:
        if "error" in answer:
            why = f"{answer.get('command')}: {answer['error']}"
            raise BrokerError("the broker refuses it: {why}", why=why)
    return answers
