"""A small community and a gateway that follows the wire contract, for tests of ingest."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import (
    Batch,
    Command,
    Lane,
    Reading,
    Status,
    decode_command,
    decode_committed,
    encode,
)
from anju_devices.topics import Channel

COMMUNITY, GATEWAY = "tiny", "gw"
CHANNELS = {Lane.EVENTS: Channel.EVENTS, Lane.TELEMETRY: Channel.TELEMETRY}
WINDOW = 20
RESEND_S = 0.5
QUICK_INTERVAL_S = 2


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def until(said: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """Wait until something is true; gives it."""
    deadline = time.monotonic() + timeout_s
    while not (value := said()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def community_file(climates: int = 4) -> dict[str, Any]:
    """One building, one home of an elder with the reference kit, and some climate sensors."""

    def device(slug: str, model: str, place: str, household: str | None = None) -> dict[str, Any]:
        names = {"name": slug, "name_en": slug}
        where = {"gateway": GATEWAY, "place": place, "household": household}
        return {"slug": slug, "model": model, **where, **names}

    return {
        "community": {"slug": COMMUNITY, "name": "小园", "name_en": "Tiny Garden"},
        "places": [
            {"slug": "b1", "kind": "building", "label": "1 栋", "label_en": "Building 1"},
            {
                "slug": "b1-101",
                "parent": "b1",
                "kind": "unit",
                "label": "1 栋 101",
                "label_en": "1-101",
            },
        ],
        "gateways": [{"slug": GATEWAY, "place": "b1", "name": "网关", "name_en": "Gateway"}],
        "households": [
            {
                "slug": "b1-101",
                "place": "b1-101",
                "attributes": {"lives_alone": True},
                "residents": [{"name": "王奶奶", "born_on": "1940-02-03", "elder": True}],
                "contacts": [{"name": "王小明", "relation": "儿子", "phone": "13800000000"}],
                "consents": [
                    {"viewers": ["guard", "admin", "family"], "purposes": ["care"]},
                    {"viewers": ["everybody"], "purposes": ["statistics"]},
                ],
            }
        ],
        "devices": [
            device("sos", "sos_button", "b1-101", "b1-101"),
            device("smoke", "smoke_alarm", "b1-101", "b1-101"),
            device("pir", "pir", "b1-101", "b1-101"),
            device("cam", "camera", "b1"),
            *(device(f"climate-{n}", "climate", "b1") for n in range(climates)),
            device("quick", "climate", "b1") | {"interval_s": QUICK_INTERVAL_S},
        ],
    }


class Sender:
    """Sends batches of two lanes until they are committed: a spool in memory, go-back-N."""

    def __init__(self, port: int, gateway: str = GATEWAY, community: str = COMMUNITY) -> None:
        self.epoch = str(uuid.uuid4())
        self.gateway = gateway
        self.community = community
        self.committed = dict.fromkeys(Lane, 0)
        self.commands: list[Command] = []
        self.answers = 0
        self._batches: dict[Lane, list[list[Reading]]] = {lane: [] for lane in Lane}
        self._sent = dict.fromkeys(Lane, 0)
        self._moved_at = time.monotonic()
        self._change = threading.Condition()
        self._stopping = False
        settings = LinkSettings(host="127.0.0.1", port=port, client_id=f"test-{self.epoch}")
        self._link = Link(
            settings,
            on_message=self._arrived,
            on_state=self._state_changed,
            subscriptions=(self._topic(Channel.COMMITTED), self._topic(Channel.COMMANDS)),
        )
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._link.start()
        self._pump.start()

    def put(self, lane: Lane, *readings: Reading) -> int:
        """Spool a batch; gives its number."""
        with self._change:
            self._batches[lane].append(list(readings))
            self._change.notify_all()
            return len(self._batches[lane])

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until everything is committed."""
        deadline = time.monotonic() + timeout_s
        with self._change:
            while any(self.committed[lane] < len(self._batches[lane]) for lane in Lane):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"committed only {self.committed}")
                self._change.wait(left)

    def raw(self, channel: Channel, payload: bytes, *, retain: bool = False) -> None:
        """Publish anything on a channel of this gateway."""
        deadline = time.monotonic() + 10
        while not self._link.publish(self._topic(channel), payload, retain=retain):
            if time.monotonic() > deadline:
                raise TimeoutError("no broker")
            time.sleep(0.01)

    def say(self, *, online: bool) -> None:
        status = Status(online=online, at=now_ms(), epoch=self.epoch, version="test")
        self.raw(Channel.STATUS, encode(status), retain=True)

    def stop(self) -> None:
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._pump.join()
        self._link.stop()

    def _topic(self, channel: Channel) -> str:
        return topics.build(self.community, self.gateway, channel)

    def _arrived(self, message: Message) -> None:
        if message.topic.endswith("commands"):
            self.commands.append(decode_command(message.payload))
        else:
            committed = decode_committed(message.payload)
            if committed.epoch == self.epoch:
                self.answers += 1
                self._note(Lane.EVENTS, committed.events)
                self._note(Lane.TELEMETRY, committed.telemetry)
        self._link.ack(message)

    def _note(self, lane: Lane, number: int) -> None:
        with self._change:
            if number > self.committed[lane]:
                self.committed[lane] = number
                self._moved_at = time.monotonic()
                self._change.notify_all()

    def _state_changed(self, connected: bool, _reason: str) -> None:
        if connected:
            with self._change:
                self._sent = dict(self.committed)
                self._change.notify_all()

    def _run(self) -> None:
        while True:
            with self._change:
                if self._stopping:
                    return
                if time.monotonic() - self._moved_at > RESEND_S:
                    self._sent = dict(self.committed)
                    self._moved_at = time.monotonic()
                for lane in Lane:
                    self._send(lane)
                self._change.wait(0.05)

    def _send(self, lane: Lane) -> None:
        batches, sent = self._batches[lane], max(self._sent[lane], self.committed[lane])
        while sent < min(len(batches), self.committed[lane] + WINDOW):
            batch = Batch(epoch=self.epoch, seq=sent + 1, sent_at=now_ms(), readings=batches[sent])
            if not self._link.publish(self._topic(CHANNELS[lane]), encode(batch)):
                break
            sent += 1
        self._sent[lane] = sent
