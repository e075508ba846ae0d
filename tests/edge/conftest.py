"""What the edge's tests share: a spool, a stand-in for the platform's ingest, an agent process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Batch, Committed, Lane, Reading, decode_batch, encode
from anju_devices.topics import Channel
from anju_edge.spool import Spool

COMMUNITY, GATEWAY, TOKEN = "yangguang", "gw-west", "a-token"


def wait_until(true: Callable[[], object], what: str = "it", timeout_s: float = 20.0) -> None:
    """Wait until a statement is true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.005)


class IngestStandIn:
    """Stores batches under the lane rules of the wire contract, and acknowledges them."""

    def __init__(self, port: int) -> None:
        self.committed: dict[tuple[str, Lane], int] = {}
        self.readings: list[tuple[Lane, Reading]] = []
        self.arrived: list[float] = []
        self.gaps = 0
        self.again = 0
        self.forget_until = 0.0
        self.status: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.silent = False
        self._lock = threading.Lock()
        self._topic = {c: topics.build(COMMUNITY, GATEWAY, c) for c in Channel}
        self.link = Link(
            LinkSettings(host="127.0.0.1", port=port, client_id="ingest"),
            on_message=self._on_message,
            subscriptions=[self._topic[c] for c in Channel if c.startswith("up/")],
        )
        self.link.start()
        wait_until(lambda: self.link.connected, "the stand-in to connect")

    def _on_message(self, message: Message) -> None:
        channel = topics.parse(message.topic).channel
        self.link.ack(message)
        if channel is Channel.STATUS:
            self.status.append(json.loads(message.payload))
        elif channel is Channel.RESULTS:
            self.results.append(json.loads(message.payload))
        elif not self.silent:
            self._store(Lane(channel.rsplit("/", 1)[1]), decode_batch(message.payload))

    def _store(self, lane: Lane, batch: Batch) -> None:
        with self._lock:
            done = self.committed.get((batch.epoch, lane), 0)
            if batch.seq == done + 1:
                self.readings += [(lane, reading) for reading in batch.readings]
                self.arrived.append(time.monotonic())
                self.committed[batch.epoch, lane] = batch.seq
            elif batch.seq <= done:
                self.again += 1
            else:
                self.gaps += 1
            self.answer(batch.epoch)

    def answer(self, epoch: str) -> None:
        """Publish what is committed."""
        said = Committed(
            epoch=epoch,
            events=self.committed.get((epoch, Lane.EVENTS), 0),
            telemetry=self.committed.get((epoch, Lane.TELEMETRY), 0),
        )
        self.link.publish(self._topic[Channel.COMMITTED], encode(said))

    def send(self, channel: Channel, message: dict[str, Any]) -> None:
        """Publish to the gateway."""
        assert self.link.publish(self._topic[channel], json.dumps(message).encode())

    def events(self, name: str | None = None) -> list[Reading]:
        """Give the stored events, of one name if given."""
        found = [r for _, r in self.readings if r.event is not None]
        return [r for r in found if name is None or r.event == name]


class AgentProcess:
    """A real ``anju-edge`` process with a configuration file of its own."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self.folder = folder
        self.config = folder / "edge.yaml"
        self.config.write_text(yaml.safe_dump(document), encoding="utf-8")
        self.log = folder / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; does not wait for anything."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "anju_edge", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def port(self) -> int:
        """Wait for the native driver's port and give it."""
        path = self.folder / "port"
        wait_until(path.exists, f"the port file; log: {self.text()}")
        return int(path.read_text())

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def text(self) -> str:
        """Give its log."""
        return self.log.read_text() if self.log.exists() else ""

    def kill(self) -> None:
        """End it as a crash would."""
        (self.folder / "port").unlink(missing_ok=True)
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Wait until it ends by itself, and give its exit code."""
        assert self._process is not None
        return self._process.wait(15)

    def stop(self) -> int:
        """Ask it to end, and give its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(15)


@pytest.fixture
def new_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    """Open the test's spool; opening it again closes the one before."""
    opened: list[Spool] = []

    def make(**settings: Any) -> Spool:
        while opened:
            opened.pop().close()
        quota = settings.pop("quota_bytes", 10_000_000)
        opened.append(Spool(tmp_path / "spool.db", quota_bytes=quota, gateway=GATEWAY, **settings))
        return opened[-1]

    yield make
    for spool in opened:
        spool.close()


@pytest.fixture
def ingest(broker: Any) -> Iterator[IngestStandIn]:
    """A stand-in for the platform, at a real broker."""
    stand_in = IngestStandIn(broker.port)
    yield stand_in
    stand_in.link.stop(1.0)


@pytest.fixture
def agent(tmp_path: Path, broker: Any) -> Iterator[Callable[..., AgentProcess]]:
    """Make agents; each is ended after the test."""
    made: list[AgentProcess] = []

    def make(**changes: Any) -> AgentProcess:
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        document = {
            "community": COMMUNITY,
            "gateway": GATEWAY,
            "data_dir": str(tmp_path / "data"),
            "broker": {"host": "127.0.0.1", "port": broker.port},
            "native": {"token_file": "token", "port_file": "port"},
            **changes,
        }
        made.append(AgentProcess(tmp_path, document))
        return made[-1]

    yield make
    for process in made:
        process.stop()
