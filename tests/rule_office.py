"""Ingest's writer without a process: for it, time passes when a test says so."""

from __future__ import annotations

from sqlalchemy import Engine
from wire_sender import GATEWAY, now_ms

from anju_devices import topics
from anju_devices.link import Message
from anju_devices.messages import Batch, Reading, Status, encode
from anju_devices.topics import Channel
from anju_platform.database import transaction
from anju_platform.walk import Walk
from anju_rules import load_library


class Office:
    """The writer of all communities, in this process, at a time of the test's choosing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.now = now_ms()
        self._sent: dict[str, int] = {}
        self.open()

    def open(self) -> None:
        """Begin a term of office, as after a restart."""
        self._walk = Walk(load_library())
        with transaction(self._engine) as session:
            self._walk.load(session, self.now)
        self.take(*(self._status(c) for c in ("tiny", "other")))

    def follow(self) -> None:
        """Hear that other rules are in force."""
        with transaction(self._engine) as session:
            self._walk.reload_rules(session)
            self._walk.take_in(session, [], self.now)

    def say(self, temperature: float, device: str = "climate-0", community: str = "tiny") -> None:
        """Let a device tell a temperature."""
        reading = Reading(device=device, at=self.now, values={"temperature": temperature})
        self.tell(reading, community)

    def tell_values(self, **values: float) -> None:
        """Let a device tell values."""
        self.tell(Reading(device="climate-0", at=self.now, values=dict(values)))

    def tell(self, reading: Reading, community: str = "tiny") -> None:
        number = self._sent[community] = self._sent.get(community, 0) + 1
        batch = Batch(epoch="one", seq=number, sent_at=self.now, readings=[reading])
        self.take(self._message(community, Channel.TELEMETRY, encode(batch)))

    def take(self, *messages: Message) -> None:
        with transaction(self._engine) as session:
            self._walk.take_in(session, messages, self.now)

    def pass_time(self, seconds: int) -> None:
        """Let time pass, a second at a time."""
        for _ in range(seconds):
            self.now += 1000
            self.take()

    def _status(self, community: str) -> Message:
        status = Status(online=True, at=self.now, epoch="one")
        return self._message(community, Channel.STATUS, encode(status))

    def _message(self, community: str, channel: Channel, payload: bytes) -> Message:
        topic = topics.build(community, GATEWAY, channel)
        return Message(topic, payload, False, self.now, 1, 1, False)  # noqa: FBT003 - a tuple
