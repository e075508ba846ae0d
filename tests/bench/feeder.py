"""A gateway that sends telemetry as fast as it is committed; run as a process of its own.

The batches are encoded beforehand, so that the figure is the platform's and not ours.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
import uuid
from pathlib import Path

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Batch, Committed, Reading, decode_committed, encode
from anju_devices.topics import Channel


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
        self._topic = topics.build(community, gateway, Channel.TELEMETRY)
        self._window = window
        self._epoch = str(uuid.uuid4())
        self._committed = 0
        self._changed = threading.Condition()
        self._link = Link(
            settings,
            on_message=self._on_message,
            subscriptions=[topics.build(community, gateway, Channel.COMMITTED)],
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
                self._committed = committed.telemetry
                self._changed.notify_all()

    def run(self, batches: list[bytes], go: threading.Event) -> float:
        """Send all and give the seconds from the first send to the last commit."""
        self._link.start()
        while not self._link.connected:
            time.sleep(0.01)
        go.wait()
        begun = time.monotonic()
        for number, payload in enumerate(batches):
            self._wait_until_committed(number + 1 - self._window)
            while not self._link.publish(self._topic, payload):
                time.sleep(0.001)
        self._wait_until_committed(len(batches))
        seconds = time.monotonic() - begun
        self._link.stop()
        if self._committed < len(batches):
            raise SystemExit(f"only {self._committed} of {len(batches)} batches were committed")
        return seconds

    def _wait_until_committed(self, number: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._committed >= number, 120)


def main() -> None:
    """Prepare, say "ready", wait for a line on standard input, run, print the seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", type=Path, help="JSON: broker, account, devices, counts")
    plan = json.loads(parser.parse_args().plan.read_text("utf-8"))
    settings = LinkSettings(
        host=plan["host"],
        port=plan["port"],
        client_id=f"feeder-{plan['gateway']}",
        username=plan["username"],
        password=plan["password"],
        clean_start=True,
    )
    feeder = Feeder(settings, plan["community"], plan["gateway"], plan["window"])
    batches = make_batches(
        feeder.epoch, plan["devices"], batches=plan["batches"], readings=plan["readings"]
    )
    go = threading.Event()
    print("ready", flush=True)
    sys.stdin.readline()
    go.set()
    print(json.dumps({"seconds": feeder.run(batches, go)}), flush=True)


if __name__ == "__main__":
    main()
