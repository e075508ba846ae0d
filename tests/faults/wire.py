"""Speaking MQTT past the agents: a gateway that sends rubbish, and an echo of what others send."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
import uuid
from collections import deque
from types import TracebackType
from typing import Self

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Batch, Lane, Reading, decode_committed, encode
from anju_devices.topics import Channel

from .injector import PER_VALUE, Said, now_ms
from .scene import GATEWAY, WILD

RESEND_S = 0.5
_CHANNELS = {Lane.EVENTS: Channel.EVENTS, Lane.TELEMETRY: Channel.TELEMETRY}


class Echo:
    """Hears every batch and says it again: at once, later, and in another order."""

    def __init__(self, port: int, slugs: list[str], rng: random.Random) -> None:
        self.said = 0
        self._rng = rng
        self._heard: deque[Message] = deque(maxlen=400)
        self._own: set[tuple[str, bytes]] = set()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        channels = (Channel.EVENTS, Channel.TELEMETRY)
        self._link = Link(
            LinkSettings(host="127.0.0.1", port=port, client_id="echo", clean_start=True),
            on_message=self._hear,
            subscriptions=[topics.build(s, GATEWAY, c) for s in slugs for c in channels],
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._link.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join(10)
        self._link.stop()

    def _hear(self, message: Message) -> None:
        with self._lock:
            if (message.topic, message.payload) not in self._own:
                self._heard.append(message)
        self._link.ack(message)

    def _run(self) -> None:
        while not self._ending.wait(0.05):
            with self._lock:
                some = self._rng.sample(list(self._heard), min(5, len(self._heard)))
                self._own.update((one.topic, one.payload) for one in some)
            for one in some:  # a sample comes in an order of its own
                self.said += self._link.publish(one.topic, one.payload)


class WildGateway:
    """A second voice of a gateway, with an epoch of its own: good batches and rubbish by turns."""

    def __init__(self, port: int, slug: str, said: list[Said]) -> None:
        self.epoch = str(uuid.uuid4())
        self._said = said
        self._slug = slug
        self._committed = 0
        self._seq = 0
        self._number = 0
        self._moved = threading.Condition()
        self._link = Link(
            LinkSettings(host="127.0.0.1", port=port, client_id=f"wild-{slug}", clean_start=True),
            on_message=self._hear,
            subscriptions=[topics.build(slug, GATEWAY, Channel.COMMITTED)],
        )
        self._link.start()

    def good(self, *strange: Reading) -> None:
        """Send a batch of numbered readings, with strange ones among them."""
        readings = []
        for _ in range(3):
            said = Said(WILD, now_ms() + self._number, number=self._number)
            self._number += 1
            self._said.append(said)
            values: dict[str, bool | int | float | str] = {
                "humidity": (said.number or 0) / PER_VALUE
            }
            readings.append(Reading(device=WILD, at=said.at, values=values))
        readings[1:1] = strange
        self._seq += 1
        batch = Batch(epoch=self.epoch, seq=self._seq, sent_at=now_ms(), readings=readings)
        self._deliver(encode(batch))

    def numbered(self, **parts: object) -> None:
        """Send a batch that cannot be taken in, though its head can be read."""
        self._seq += 1
        head = {"epoch": self.epoch, "seq": self._seq, "sent_at": now_ms(), "readings": []}
        self._deliver(json.dumps({**head, **parts}).encode())

    def raw(self, payload: bytes) -> None:
        """Send anything once."""
        self._publish(payload)

    def stop(self) -> None:
        """Hang up."""
        self._link.stop()

    def _deliver(self, payload: bytes) -> None:
        """Send a batch until it is committed."""
        deadline = time.monotonic() + 30
        while self._committed < self._seq:
            assert time.monotonic() < deadline, (
                f"batch {self._seq} blocks its lane: {payload[:80]!r}"
            )
            self._publish(payload)
            with self._moved:
                self._moved.wait_for(lambda: self._committed >= self._seq, RESEND_S)

    def _publish(self, payload: bytes) -> None:
        topic = topics.build(self._slug, GATEWAY, Channel.TELEMETRY)
        deadline = time.monotonic() + 10
        while not self._link.publish(topic, payload) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _hear(self, message: Message) -> None:
        with contextlib.suppress(Exception):
            answer = decode_committed(message.payload)
            if answer.epoch == self.epoch:
                with self._moved:
                    self._committed = answer.telemetry
                    self._moved.notify_all()
        self._link.ack(message)


def rubbish(wild: WildGateway) -> None:
    """Send every kind of batch that cannot be taken in, with good ones in between."""
    for payload in (b"", b"{", b"\xff\xfe\x00", b"[1,2", b"null", b"[" * 5000, b'{"epoch": 5}'):
        wild.raw(payload)
        wild.good()
    for parts in (
        {"readings": [{"device": WILD}]},
        {"readings": "none"},
        {"sent_at": "yesterday"},
        {"readings": [{"device": "A B", "at": 1, "values": {}}]},
        {"readings": [{"device": WILD, "at": now_ms(), "values": {"humidity": "\0"}}]},
        {"pad": "x" * 300_000},
        {"readings": [{"device": WILD, "at": 10**30, "values": {"humidity": 1}}]},
    ):
        wild.numbered(**parts)
        wild.good()
    at = now_ms()
    for strange in (
        Reading(device="nobody", at=at, values={"humidity": 1.0}),
        Reading(device=WILD, at=at, values={"humidity": 1e308}),
        Reading(device=WILD, at=at, values={"humidity": 10**400}),
        Reading(device=WILD, at=at, values={"humidity": "wet"}),
        Reading(device=WILD, at=at, values={"colour": 1}),
        Reading(device=WILD, at=at, event="exploded"),
        Reading(device=WILD, at=at),
        Reading(device="sos-39", at=0, values={"battery": 50.0}),
        Reading(device="sos-39", at=253_402_300_799_999, values={"battery": 50.0}),
    ):
        wild.good(strange)
