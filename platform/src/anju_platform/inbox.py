"""Messages that wait for the one writer: alarms before telemetry, one gateway after the other.

What one gateway says stays in its order; among gateways each has its turn, so one that floods
us delays nobody else. It is heard as far as its windows reach: what is more is refused, and
its lane sends it again, for it was not told that it is stored.
"""

import logging
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence

from anju_devices import topics
from anju_devices.errors import InvalidTopicError
from anju_devices.link import Message
from anju_devices.topics import Channel

log = logging.getLogger(__name__)

MOST = 1024
"""More than this wait in the network: MQTT 3.1.1 has no other way to slow a broker down."""
GATEWAY_MOST = 64
"""Of one gateway and kind: two windows of an agent, for it may have begun anew."""
GROUP_MESSAGES = 256
GROUP_BYTES = 256 * 1024
GROUP_LEAST_BYTES = 8 * 1024
GROUP_S = 0.06
"""Bounds how long an alarm waits for the transaction before its own, and how long its own takes:
a group is as large as this machine, as busy as it is, carries through in that time."""
_URGENT_SHARE = 0.75
"""Alarms have a group of their own, which is through at once. Telemetry must not stand still:
if it had to wait for such a group already, the next one holds no more of them than this, and
telemetry in what is left."""


class _Turns:
    """Queues by gateway, each of which gives one message at its turn."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[Message]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, who: str, message: Message) -> bool:
        queue = self._queues.get(who)
        if queue is None:
            queue = self._queues[who] = deque()
        elif len(queue) >= GATEWAY_MOST:
            return False
        queue.append(message)
        self._count += 1
        return True

    def take(self) -> Message:
        who, queue = self._queues.popitem(last=False)
        message = queue.popleft()
        if queue:
            self._queues[who] = queue
        self._count -= 1
        return message

    def oldest(self) -> int | None:
        return min((queue[0].received_at for queue in self._queues.values()), default=None)


class Inbox:
    """Filled by the network thread, emptied by the writer.

    ``refused`` counts the messages that were not taken, by ``community/gateway``;
    ``bytes_most`` is how large a group may be, as :meth:`took` learned.
    """

    def __init__(self) -> None:
        self._urgent = _Turns()
        self._telemetry = _Turns()
        self._changed = threading.Condition()
        self.refused: Counter[str] = Counter()
        self.bytes_most = GROUP_BYTES
        self._has_waited = False
        """Telemetry had to wait for a group of alarms."""

    def put(self, message: Message) -> bool:
        """Let a message wait; False when too many of its gateway do.

        Blocks while too many wait in all.
        """
        who, urgent = _sender(message.topic)
        waiting = self._urgent if urgent else self._telemetry
        with self._changed:
            self._changed.wait_for(lambda: len(self._urgent) + len(self._telemetry) < MOST)
            if waiting.put(who, message):
                self._changed.notify()
                return True
        self.refused[who] += 1
        times = self.refused[who]
        if times & (times - 1) == 0:  # 1, 2, 4, 8 ...
            log.warning("%s sends more than it may; %d messages were refused", who, times)
        return False

    def took(self, group: Sequence[Message], seconds: float) -> None:
        """Learn from how long a group took how large the next ones may be."""
        size = sum(len(message.payload) for message in group)
        if size < GROUP_LEAST_BYTES or seconds <= 0 or _sender(group[0].topic)[1]:
            return  # what a transaction or an alarm costs tells nothing of telemetry
        fits = size / seconds * GROUP_S
        # half of the way: one slow commit is no slow machine
        self.bytes_most = int(
            max(GROUP_LEAST_BYTES, min((self.bytes_most + fits) / 2, GROUP_BYTES))
        )

    def take(self, timeout_s: float) -> list[Message]:
        """Wait for a message, then give all that wait up to the bounds; none when time is up."""
        group: list[Message] = []
        with self._changed:
            self._changed.wait_for(lambda: self._urgent or self._telemetry, timeout_s)
            alarms = bool(self._urgent)
            shared = alarms and self._has_waited and bool(self._telemetry)
            taken = self._fill(group, self._urgent, _URGENT_SHARE if shared else 1.0)
            if shared or not alarms:
                self._fill(group, self._telemetry, max(1 - taken, 1 - _URGENT_SHARE))
            self._has_waited = alarms and not shared and bool(self._telemetry)
            self._changed.notify()
        return group

    def _fill(self, group: list[Message], waiting: _Turns, share: float) -> float:
        """Take up to a share of a group; gives the share that was taken."""
        most, bytes_most = GROUP_MESSAGES * share, self.bytes_most * share
        count = size = 0
        while waiting and count < most and size < bytes_most:
            group.append(waiting.take())
            count += 1
            size += len(group[-1].payload)
        return max(count / GROUP_MESSAGES, size / self.bytes_most)

    def waiting(self) -> dict[str, tuple[int, int | None]]:
        """Give how many wait and when the oldest came (epoch ms), by kind."""
        with self._changed:
            kinds = {"urgent": self._urgent, "telemetry": self._telemetry}
            return {kind: (len(turns), turns.oldest()) for kind, turns in kinds.items()}


def _sender(topic: str) -> tuple[str, bool]:
    """Give who sent a message, and whether it is urgent: all but telemetry is."""
    try:
        parsed = topics.parse(topic)
    except InvalidTopicError:
        return "", True
    return f"{parsed.community}/{parsed.gateway}", parsed.channel is not Channel.TELEMETRY
