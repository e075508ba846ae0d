"""Sends the spool to the platform, in order, until the platform says it is stored.

Each lane is sent with a bounded window of batches that are on their way (go-back-N): what
comes back on ``committed`` moves the window; nothing coming back moves it back to the first
batch the platform does not have. MQTT's own acknowledgement is not storage and counts for
nothing here.

Rewinds happen on every new connection, after a while without progress (longer each time
while nothing at all is heard, from the first again with each answer), and when the
platform answers that nothing moved although batches are on their way (it met a gap). The
last is heard at most once a second: right after a reconnect such answers also follow from
batches it received twice.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from anju_devices import topics
from anju_devices.errors import InvalidMessageError
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Committed, Lane, Status, decode_committed, encode
from anju_devices.topics import Channel
from anju_edge import __version__
from anju_edge.clock import now_ms
from anju_edge.spool import Spool

WINDOW_BATCHES = 32
WINDOW_BYTES = {Lane.EVENTS: 1024 * 1024, Lane.TELEMETRY: 128 * 1024}
"""An alarm waits behind the telemetry that is on its way: with the batch that fills the
window up, 2 to 3 s on a line of 1 Mbit/s. A ping of the broker's waits there as well."""
RESEND_S = {Lane.EVENTS: 2.0, Lane.TELEMETRY: 10.0}
RESEND_MOST_S = {Lane.EVENTS: 60.0, Lane.TELEMETRY: 300.0}
"""While nothing comes back the wait doubles up to this, and one batch goes instead of a
window: whatever a broker queues for an absent platform must not grow with our impatience."""
GAP_PATIENCE_S = 1.0
SLOW_LINE_BYTES_S = 32 * 1024
"""How quick a line is believed to be at least: every wait is longer by what it needs for all
that is on its way. Sending again what is still travelling would make a slow line slower."""
DISAGREE_S = 30.0
"""How long the platform must insist on less than it acknowledged before a new epoch."""
CONGESTED_S = 0.02

_CHANNELS = {Lane.EVENTS: Channel.EVENTS, Lane.TELEMETRY: Channel.TELEMETRY}
_log = logging.getLogger(__name__)


class Courier(Protocol):
    """The part of a link that the uplink uses."""

    @property
    def connected(self) -> bool:
        """Whether a message can be published now."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand one message over; False when it was not taken."""

    def ack(self, message: Message) -> bool:
        """Acknowledge a message."""

    def start(self) -> None:
        """Begin to connect, in the background."""

    def stop(self, timeout_s: float = 5.0) -> None:
        """Say goodbye and end."""


@dataclass(slots=True)
class _Window:
    """What is on its way in one lane: numbers ``committed + 1`` to ``next - 1``."""

    next: int
    most_bytes: int
    patience_s: float
    sizes: dict[int, int] = field(default_factory=dict)
    moved_at: float = 0.0
    """When it last advanced, was rewound, or began to be used after being empty."""
    limit: int = WINDOW_BATCHES

    def room(self) -> bool:
        return len(self.sizes) < self.limit and self.size() < self.most_bytes

    def size(self) -> int:
        return sum(self.sizes.values())


class Uplink:
    """One thread that moves both lanes, events first.

    Args:
        spool: what is sent; its appends wake this thread.
        settings: how to reach the broker.
        community: with ``gateway``, whose topics these are.
        gateway: this agent's id.
        on_command: called in the network thread with each message on ``down/commands``;
            who handles it acknowledges it with :meth:`ack`.
        on_config: the same for the retained ``down/config``.
    """

    def __init__(
        self,
        spool: Spool,
        settings: LinkSettings,
        *,
        community: str,
        gateway: str,
        on_command: Callable[[Message], None],
        on_config: Callable[[Message], None],
    ) -> None:
        self._spool = spool
        self._topics = {channel: topics.build(community, gateway, channel) for channel in Channel}
        self._handlers = {
            self._topics[Channel.COMMITTED]: self._on_committed,
            self._topics[Channel.COMMANDS]: on_command,
            self._topics[Channel.CONFIG]: on_config,
        }
        self._wake = threading.Condition()
        self._awake = False
        self._stopping = False
        self._fresh_connection = False
        self._answers: list[Committed] = []
        self._low_since: dict[Lane, float] = {}
        self._windows = self._empty_windows()
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)
        self.failures = 0
        self.link: Courier = Link(
            settings,
            on_message=self._on_message,
            on_state=self._on_state,
            will=(self._topics[Channel.STATUS], encode(self._status(online=False))),
            subscriptions=tuple(self._handlers),
        )
        spool.on_append = self.wake

    def start(self) -> None:
        """Begin to connect and to send."""
        self._thread.start()
        self.link.start()

    def stop(self) -> None:
        """Say that we go, and end; what is not committed stays in the spool."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(5.0)
        self.link.publish(
            self._topics[Channel.STATUS], encode(self._status(online=False)), retain=True
        )
        self.link.stop()

    def wake(self) -> None:
        """Look at once whether there is something to send."""
        with self._wake:
            self._awake = True
            self._wake.notify()

    def publish(self, channel: Channel, payload: bytes) -> bool:
        """Publish one message outside the lanes, such as a command's result."""
        return self.link.publish(self._topics[channel], payload)

    def ack(self, message: Message) -> bool:
        """Tell the broker that a command or configuration has been dealt with."""
        return self.link.ack(message)

    def _status(self, *, online: bool) -> Status:
        return Status(online=online, at=now_ms(), epoch=self._spool.epoch, version=__version__)

    def _empty_windows(self) -> dict[Lane, _Window]:
        return {lane: self._empty_window(lane) for lane in Lane}

    def _empty_window(self, lane: Lane) -> _Window:
        first = self._spool.lane(lane).committed + 1
        return _Window(first, WINDOW_BYTES[lane], RESEND_S[lane], moved_at=time.monotonic())

    def _expected_by(self, window: _Window, patience_s: float) -> float:
        """Give when a window ought to have moved, were the line as slow as we believe."""
        travelling = sum(each.size() for each in self._windows.values())
        return window.moved_at + patience_s + travelling / SLOW_LINE_BYTES_S

    # -- called by the link's thread: note and wake, never work ------------------------

    def _on_state(self, online: bool, reason: str) -> None:
        if online:
            with self._wake:
                self._fresh_connection = True
            self.wake()
        else:
            _log.debug("not connected: %s", reason)

    def _on_message(self, message: Message) -> None:
        handler = self._handlers.get(message.topic)
        if handler is None:
            _log.warning("a message on the unexpected topic %s is passed over", message.topic)
            self.link.ack(message)
            return
        handler(message)

    def _on_committed(self, message: Message) -> None:
        try:
            answer = decode_committed(message.payload)
        except InvalidMessageError as error:
            _log.warning("an acknowledgement that cannot be read is passed over: %s", error)
        else:
            with self._wake:
                self._answers.append(answer)
            self.wake()
        self.link.ack(message)

    # -- the sending thread ------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            try:
                answers, fresh = self._wait()
                if fresh:
                    self._begin_connection()
                for answer in answers:
                    self._settle(answer)
                self._rewind_stalled()
                self._send()
            except Exception:  # noqa: BLE001 - the only way out of the spool must not end
                self.failures += 1
                _log.exception("the uplink failed; it goes on in a second")
                time.sleep(1.0)

    def _wait(self) -> tuple[list[Committed], bool]:
        """Sleep until there may be work; give the answers that came and whether we connected."""
        timeout = self._patience()
        with self._wake:
            if not (self._awake or self._stopping):
                self._wake.wait(timeout)
            self._awake = False
            answers, self._answers = self._answers, []
            fresh, self._fresh_connection = self._fresh_connection, False
        return answers, fresh

    def _patience(self) -> float | None:
        """Give how long nothing needs doing unless somebody wakes us; None is for ever."""
        if not self.link.connected:
            return None
        now = time.monotonic()
        times = []
        for lane, window in self._windows.items():
            state = self._spool.lane(lane)
            if window.sizes:
                times.append(self._expected_by(window, window.patience_s))
            if window.room() and window.next <= state.sealed:
                times.append(now + CONGESTED_S)
            elif window.room() and (due := self._spool.due(lane)) is not None:
                times.append(due if due > now else now + CONGESTED_S)
        return max(0.0, min(times) - now) if times else None

    def _begin_connection(self) -> None:
        self.link.publish(
            self._topics[Channel.STATUS], encode(self._status(online=True)), retain=True
        )
        self._low_since.clear()
        self._windows = self._empty_windows()

    def _settle(self, answer: Committed) -> None:
        """Take in what the platform has: forget it here, move the windows."""
        if answer.epoch != self._spool.epoch:
            return
        numbers = {Lane.EVENTS: answer.events, Lane.TELEMETRY: answer.telemetry}
        states = {lane: self._spool.lane(lane) for lane in Lane}
        if any(numbers[lane] > states[lane].sealed for lane in Lane):
            _log.error("the platform has numbers this spool never used; was the disk restored?")
            self._begin_epoch()
            return
        fell_back = [lane for lane in Lane if self._fell_back(lane, numbers[lane])]
        if fell_back:
            _log.error("the platform lost what it had acknowledged; was it restored?")
            self._begin_epoch()
            return
        moved = [lane for lane in Lane if self._advance(lane, numbers[lane])]
        for lane in set(Lane) - set(moved):
            # the platform is there: it had not heard us, as when another process took over
            self._windows[lane].patience_s = RESEND_S[lane]
        if not moved:
            self._rewind_met_gap()

    def _fell_back(self, lane: Lane, number: int) -> bool:
        """Say whether the platform has insisted long enough on less than it acknowledged.

        A single lower number may be an old answer that the broker delivers again.
        """
        if number >= self._spool.lane(lane).committed:
            self._low_since.pop(lane, None)
            return False
        if not self._windows[lane].sizes:
            return False  # nothing is on its way: no reason to insist, none to be appeased
        now = time.monotonic()
        return now - self._low_since.setdefault(lane, now) > DISAGREE_S

    def _advance(self, lane: Lane, number: int) -> bool:
        if number <= self._spool.lane(lane).committed:
            return False
        self._spool.committed(lane, number)
        window = self._windows[lane]
        window.sizes = {seq: size for seq, size in window.sizes.items() if seq > number}
        window.next = max(window.next, number + 1)
        window.moved_at = time.monotonic()
        window.limit, window.patience_s = WINDOW_BATCHES, RESEND_S[lane]
        return True

    def _begin_epoch(self) -> None:
        self._spool.begin_epoch()
        self._low_since.clear()
        self._begin_connection()

    def _rewind_met_gap(self) -> None:
        """The platform answers and nothing moves: send again what has been on its way a while."""
        now = time.monotonic()
        for lane, window in self._windows.items():
            if window.sizes and now >= self._expected_by(window, GAP_PATIENCE_S):
                self._rewind(lane, "the platform met a gap")

    def _rewind_stalled(self) -> None:
        """Nothing comes back: try again, one batch only, and less often each time."""
        now = time.monotonic()
        for lane, window in self._windows.items():
            if window.sizes and now >= self._expected_by(window, window.patience_s):
                self._rewind(lane, "no acknowledgement")
                again = self._windows[lane]
                again.limit = 1
                again.patience_s = min(window.patience_s * 2, RESEND_MOST_S[lane])

    def _rewind(self, lane: Lane, why: str) -> None:
        window = self._windows[lane] = self._empty_window(lane)
        _log.info("%s: sending again from %d: %s", lane, window.next, why)

    def _send(self) -> None:
        """Send what is ready and fits the windows; after each telemetry batch, events again."""
        if not self.link.connected:
            return
        while self._send_events() and self._send_one(Lane.TELEMETRY):
            pass

    def _send_events(self) -> bool:
        """Send every event batch that is ready; False when the link takes no more."""
        while self._send_one(Lane.EVENTS):
            pass
        return self.link.connected

    def _send_one(self, lane: Lane) -> bool:
        window = self._windows[lane]
        if not window.room():
            return False
        payload = self._spool.take(lane, window.next)
        if payload is None or not self.link.publish(self._topics[_CHANNELS[lane]], payload):
            return False
        if not window.sizes:
            window.moved_at = time.monotonic()
        window.sizes[window.next] = len(payload)
        window.next += 1
        return True
