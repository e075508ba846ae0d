"""A gateway that sends telemetry as an edge agent does; run as a process of its own.

Batches are encoded beforehand, wholly or but for their times, so that the figure is the
platform's and not ours.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from pathlib import Path

import msgspec
from tests.bench.batches import templates, three_values, two_values
from tests.bench.supply import (
    Backlog,
    Day,
    Made,
    Ordered,
    Paced,
    Phases,
    Supply,
    Sustained,
    Task,
    Unlimited,
)

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Batch, Committed, Reading, Status, decode_committed, encode
from anju_devices.topics import Channel

SAMPLE_S = 0.25
_STUCK_S = 120.0
_LOOK_S = 0.02
"""How soon is looked again whether there is more to send."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who it is, and what it sends; ``window`` batches at most are in flight."""

    host: str
    port: int
    username: str
    password: str
    community: str
    gateway: str
    devices: dict[str, str]
    readings: int
    window: int
    task: Task


class Fed(msgspec.Struct, frozen=True):
    """What was sent: in seconds from the first send to the last commit.

    ``samples`` are readings due and committed by a time, epoch seconds, some a second.
    """

    batches: int
    readings: int
    points: int
    seconds: float
    samples: list[tuple[float, int, int]]


def make_batches(epoch: str, devices: list[str], *, batches: int, readings: int) -> list[bytes]:
    """Encode ``batches`` of PIR readings with three values each, a minute apart per device."""
    start = time.time_ns() // 1_000_000 - 1_000
    made = []
    for seq in range(1, batches + 1):
        said = [
            Reading(
                device=devices[(seq * readings + n) % len(devices)],
                at=start + (seq * readings + n) // len(devices),
                values={"motion": n % 7 == 0, "battery": 80 + n % 10, "rssi": -60 - n % 20},
            )
            for n in range(readings)
        ]
        made.append(encode(Batch(epoch=epoch, seq=seq, sent_at=start, readings=said)))
    return made


class Feeder:
    """Keeps ``window`` batches in flight until all are committed."""

    def __init__(self, settings: LinkSettings, community: str, gateway: str, window: int) -> None:
        self._topics = {c: topics.build(community, gateway, c) for c in Channel}
        self._window = window
        self._epoch = str(uuid.uuid4())
        self._committed = 0
        self._changed = threading.Condition()
        self.samples: list[tuple[float, int, int]] = []
        """Batches due and committed by a time, epoch seconds."""
        self._link = Link(
            settings,
            on_message=self._on_message,
            subscriptions=[self._topics[Channel.COMMITTED]],
        )

    @property
    def epoch(self) -> str:
        """This run's epoch."""
        return self._epoch

    def _on_message(self, message: Message) -> None:
        self._link.ack(message)
        committed: Committed = decode_committed(message.payload)
        if committed.epoch == self._epoch:
            with self._changed:
                self._committed = max(self._committed, committed.telemetry)
                self._changed.notify_all()

    def connect(self) -> None:
        """Come online, as an agent does."""
        self._link.start()
        while not self._link.connected:
            time.sleep(0.01)
        here = Status(
            online=True, at=time.time_ns() // 1_000_000, epoch=self._epoch, version="bench"
        )
        self._publish(Channel.STATUS, encode(here), retain=True)

    def run(self, supply: Supply) -> tuple[int, float]:
        """Send all; gives how many batches, and the seconds until the last one is committed."""
        begun = time.monotonic()
        sent = 0
        while True:
            elapsed = time.monotonic() - begun
            due = supply.due(elapsed, sent)
            self._sample(due)
            if sent < min(due, self._committed + self._window):
                self._publish(Channel.TELEMETRY, supply.batch(sent + 1))
                sent += 1
            elif sent == due and supply.is_over(elapsed):
                break
            elif sent < due:
                self._wait_for(sent - self._window + 1, SAMPLE_S)  # a commit wakes us
            else:
                self._wait_for(sent + 1, _LOOK_S)
        deadline = time.monotonic() + _STUCK_S
        while not self._wait_for(sent, SAMPLE_S) and time.monotonic() < deadline:
            self._sample(sent)
        seconds = time.monotonic() - begun
        self._sample(sent, at_once=True)
        self._link.stop()
        if self._committed < sent:
            raise SystemExit(f"only {self._committed} of {sent} batches were committed")
        return sent, seconds

    def _publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> None:
        while not self._link.publish(self._topics[channel], payload, retain=retain):
            time.sleep(0.001)

    def _sample(self, due: int, *, at_once: bool = False) -> None:
        now = time.time()
        if at_once or not self.samples or now - self.samples[-1][0] >= SAMPLE_S:
            self.samples.append((now, due, self._committed))

    def _wait_for(self, number: int, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._committed >= number, timeout_s)


def main() -> None:
    """Prepare, say "ready", wait for a line on standard input, run, print a :class:`Fed`."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    settings = LinkSettings(
        host=plan.host,
        port=plan.port,
        client_id=plan.username,
        username=plan.username,
        password=plan.password,
        clean_start=True,
    )
    feeder = Feeder(settings, plan.community, plan.gateway, plan.window)
    made: list[bytes] = []
    if isinstance(plan.task, Ordered):
        made = make_batches(
            feeder.epoch,
            list(plan.devices),
            batches=plan.task.batches,
            readings=plan.readings,
        )
    say = two_values if isinstance(plan.task, Day) else three_values
    ready = templates(feeder.epoch, plan.devices, plan.readings, say)
    feeder.connect()
    print("ready", flush=True)
    sys.stdin.readline()
    match plan.task:
        case Ordered():
            supply: Supply = Made(made)
        case Sustained(seconds):
            supply = Unlimited(ready, seconds)
        case Phases(phases):
            supply = Paced(ready, phases)
        case Day(minutes):
            supply = Backlog(ready, minutes, len(plan.devices) // plan.readings)
    batches, seconds = feeder.run(supply)
    readings = batches * plan.readings
    samples = [(at, due * plan.readings, done * plan.readings) for at, due, done in feeder.samples]
    points = readings * (ready[0].points // ready[0].readings)
    print(msgspec.json.encode(Fed(batches, readings, points, seconds, samples)).decode())


if __name__ == "__main__":
    main()
