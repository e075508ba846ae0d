"""Messages that wait for the one writer: alarms before telemetry, each kind in its order."""

import threading
from collections import deque

from anju_devices import topics
from anju_devices.errors import InvalidTopicError
from anju_devices.link import Message
from anju_devices.topics import Channel

MOST = 1024
"""More than this wait in the network: MQTT 3.1.1 has no other way to slow a broker down."""
GROUP_MESSAGES = 256
GROUP_BYTES = 256 * 1024
"""Bounds how long an alarm waits for the transaction before its own: some tenths of a second."""


class Inbox:
    """Filled by the network thread, emptied by the writer."""

    def __init__(self) -> None:
        self._urgent: deque[Message] = deque()
        self._telemetry: deque[Message] = deque()
        self._changed = threading.Condition()

    def put(self, message: Message) -> None:
        """Let a message wait; blocks while too many do."""
        waiting = self._telemetry if _is_telemetry(message.topic) else self._urgent
        with self._changed:
            self._changed.wait_for(lambda: len(self._urgent) + len(self._telemetry) < MOST)
            waiting.append(message)
            self._changed.notify()

    def take(self, timeout_s: float) -> list[Message]:
        """Wait for a message, then give all that wait up to the bounds; none when time is up."""
        group: list[Message] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._urgent or self._telemetry, timeout_s)
            while len(group) < GROUP_MESSAGES and size < GROUP_BYTES:
                waiting = self._urgent or self._telemetry
                if not waiting:
                    break
                group.append(waiting.popleft())
                size += len(group[-1].payload)
            self._changed.notify()
        return group

    def waiting(self) -> dict[str, tuple[int, int | None]]:
        """Give how many wait and when the oldest came (epoch ms), by kind."""
        with self._changed:
            kinds = {"urgent": self._urgent, "telemetry": self._telemetry}
            return {
                kind: (len(of), of[0].received_at if of else None) for kind, of in kinds.items()
            }


def _is_telemetry(topic: str) -> bool:
    try:
        return topics.parse(topic).channel is Channel.TELEMETRY
    except InvalidTopicError:
        return False
