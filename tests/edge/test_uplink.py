from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any

import pytest

from anju_devices.link import LinkSettings
from anju_devices.messages import Lane, Reading, encode
from anju_edge import uplink as uplink_module
from anju_edge.spool import Entry, Spool
from anju_edge.uplink import Uplink

NewSpool = Callable[..., Spool]


def wait_until(true: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def entry(lane: Lane, number: int) -> Entry:
    said = {"event": "rang"} if lane is Lane.EVENTS else {"values": {"x": number}}
    body = encode(Reading(device="d", at=number, **said))  # type: ignore[arg-type]
    return Entry(lane, body, blake2b(body, digest_size=8).digest())


def stored(ingest: Any, lane: Lane) -> list[int]:
    return [reading.at for where, reading in ingest.readings if where is lane]


@pytest.fixture
def new_uplink(broker: Any) -> Iterator[Callable[..., Uplink]]:
    made: list[Uplink] = []

    def make(spool: Spool, port: int = broker.port) -> Uplink:
        made.append(
            Uplink(
                spool,
                LinkSettings(host="127.0.0.1", port=port, client_id="gw-west"),
                community="yangguang",
                gateway="gw-west",
                on_command=lambda _: None,
                on_config=lambda _: None,
            )
        )
        made[-1].start()
        return made[-1]

    yield make
    for uplink in made:
        uplink.stop()
        assert uplink.failures == 0


def test_everything_arrives_once_and_in_order_and_the_spool_empties(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any
) -> None:
    spool = new_spool()
    spool.append([entry(lane, n) for n in range(2000) for lane in Lane])
    new_uplink(spool)
    for n in range(2000, 2200):
        spool.append([entry(Lane.EVENTS, n), entry(Lane.TELEMETRY, n)])
    wait_until(lambda: spool.waiting_bytes() == 0)
    assert stored(ingest, Lane.EVENTS) == list(range(2200))
    assert stored(ingest, Lane.TELEMETRY) == list(range(2200))


def test_an_event_leaves_within_milliseconds(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any
) -> None:
    spool = new_spool()
    uplink = new_uplink(spool)
    wait_until(lambda: uplink.link.connected)
    delays = []
    for n in range(100):
        began = time.monotonic()
        spool.append([entry(Lane.EVENTS, n)])
        wait_until(lambda count=n: len(ingest.arrived) > count)  # type: ignore[misc]
        delays.append(ingest.arrived[n] - began)
    print(f"median {sorted(delays)[50] * 1000:.2f} ms, p98 {sorted(delays)[97] * 1000:.2f} ms")
    assert sorted(delays)[50] < 0.02


class SlowLine:
    """A line to the broker that carries BYTES_A_SECOND upwards; downwards it is quick."""

    BYTES_A_SECOND = 1_000_000 / 8

    def __init__(self, broker_port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._broker_port = broker_port
        self._ends: list[socket.socket] = [self._server]
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self) -> None:
        box, _ = self._server.accept()
        broker = socket.create_connection(("127.0.0.1", self._broker_port))
        self._ends += [box, broker]
        threading.Thread(target=self._pump, args=(broker, box, 0), daemon=True).start()
        self._pump(box, broker, 1 / self.BYTES_A_SECOND)

    def _pump(self, source: socket.socket, sink: socket.socket, s_per_byte: float) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(4096):
                time.sleep(len(piece) * s_per_byte)
                sink.sendall(piece)

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.fixture
def slow_line(broker: Any, new_uplink: Any) -> Iterator[SlowLine]:
    del new_uplink  # it ends after the line has been cut, and need not wait for it
    line = SlowLine(broker.port)
    yield line
    line.close()


def test_on_a_slow_line_an_alarm_does_not_wait_behind_the_backlog(
    new_spool: NewSpool, new_uplink: Callable[..., Uplink], ingest: Any, slow_line: SlowLine
) -> None:
    spool = new_spool()
    pad = "x" * 20_000
    for n in range(200):
        body = encode(Reading(device="d", at=n, values={"pad": pad}))
        spool.append([Entry(Lane.TELEMETRY, body, n.to_bytes(8))])
    new_uplink(spool, slow_line.port)
    wait_until(lambda: stored(ingest, Lane.TELEMETRY))
    began = time.monotonic()
    spool.append([entry(Lane.EVENTS, 1)])
    wait_until(lambda: stored(ingest, Lane.EVENTS))
    delay_s = time.monotonic() - began
    print(f"{delay_s:.1f} s behind {spool.waiting_bytes():,} bytes")
    assert delay_s < 4


def test_what_the_platform_did_not_take_is_sent_again(
    new_spool: NewSpool,
    new_uplink: Callable[[Spool], Uplink],
    ingest: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(uplink_module.RESEND_S, Lane.EVENTS, 0.3)
    spool = new_spool()
    ingest.silent = True
    new_uplink(spool)
    for n in range(100):
        spool.append([entry(Lane.EVENTS, n)])
        time.sleep(0.001)
    ingest.silent = False
    wait_until(lambda: spool.waiting_bytes() == 0)
    assert stored(ingest, Lane.EVENTS) == list(range(100))


def test_an_alarm_lost_on_its_way_is_sent_again_within_seconds(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any
) -> None:
    spool = new_spool()
    ingest.silent = True  # such as a broker that restarted and does not know it yet
    uplink = new_uplink(spool)
    wait_until(lambda: uplink.link.connected)
    began = time.monotonic()
    spool.append([entry(Lane.EVENTS, 1)])
    time.sleep(0.3)
    ingest.silent = False
    wait_until(lambda: stored(ingest, Lane.EVENTS))
    assert time.monotonic() - began < 4


def test_an_answer_about_telemetry_ends_the_long_wait_of_an_alarm(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any
) -> None:
    spool = new_spool()
    ingest.silent = True
    uplink = new_uplink(spool)
    spool.append([entry(Lane.EVENTS, 1)])
    wait_until(lambda: uplink._windows[Lane.EVENTS].sizes)
    uplink._windows[Lane.EVENTS].patience_s = 3600  # as after a long silence
    ingest.silent = False  # another process has taken the platform's part over
    spool.append([entry(Lane.TELEMETRY, 1)])
    wait_until(lambda: stored(ingest, Lane.EVENTS))


def test_a_killed_broker_loses_and_doubles_nothing(
    new_spool: NewSpool,
    new_uplink: Callable[[Spool], Uplink],
    ingest: Any,
    broker: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(uplink_module.RESEND_S, Lane.TELEMETRY, 2.0)
    spool = new_spool()
    new_uplink(spool)
    for n in range(600):
        spool.append([entry(Lane.EVENTS, n), entry(Lane.TELEMETRY, n)])
        if n == 300:
            broker.kill()
        if n == 500:
            broker.start()
        time.sleep(0.001)
    wait_until(lambda: spool.waiting_bytes() == 0, timeout_s=40)
    assert stored(ingest, Lane.EVENTS) == list(range(600))
    assert stored(ingest, Lane.TELEMETRY) == list(range(600))


def test_a_platform_that_lost_its_memory_gets_a_new_epoch(
    new_spool: NewSpool,
    new_uplink: Callable[[Spool], Uplink],
    ingest: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uplink_module, "RESEND_S", dict.fromkeys(Lane, 0.2))
    monkeypatch.setattr(uplink_module, "DISAGREE_S", 0.5)
    spool = new_spool()
    new_uplink(spool)
    spool.append([entry(Lane.EVENTS, 1)])
    wait_until(lambda: spool.waiting_bytes() == 0)
    old = spool.epoch
    ingest.committed.clear()
    spool.append([entry(Lane.EVENTS, 2)])
    wait_until(lambda: spool.waiting_bytes() == 0)
    assert spool.epoch != old
    assert stored(ingest, Lane.EVENTS) == [1, 2]


def test_a_platform_that_insists_in_bursts_gets_a_new_epoch_as_well(
    new_spool: NewSpool,
    new_uplink: Callable[[Spool], Uplink],
    ingest: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(uplink_module.RESEND_S, Lane.EVENTS, 0.3)
    monkeypatch.setattr(uplink_module, "RESEND_MOST_S", dict.fromkeys(Lane, 0.3))
    monkeypatch.setattr(uplink_module, "GAP_PATIENCE_S", 0.0)
    monkeypatch.setattr(uplink_module, "DISAGREE_S", 1.0)
    spool = new_spool()
    new_uplink(spool)
    spool.append([entry(Lane.EVENTS, 1)])
    wait_until(lambda: spool.waiting_bytes() == 0)
    old, once = spool.epoch, ingest.answer

    def burst(epoch: str) -> None:
        for _ in range(20):
            once(epoch)

    monkeypatch.setattr(ingest, "answer", burst)
    ingest.committed.clear()
    spool.append([entry(Lane.EVENTS, 2)])
    wait_until(lambda: spool.waiting_bytes() == 0, timeout_s=15)
    assert spool.epoch != old
    assert stored(ingest, Lane.EVENTS) == [1, 2]


def test_a_spool_restored_from_a_backup_begins_a_new_epoch(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any
) -> None:
    spool = new_spool()
    old = spool.epoch
    ingest.committed[old, Lane.EVENTS] = 50
    new_uplink(spool)
    spool.append([entry(Lane.EVENTS, 1)])
    wait_until(lambda: spool.waiting_bytes() == 0)
    assert spool.epoch != old
    assert stored(ingest, Lane.EVENTS) == [1]


def test_presence_is_told_and_taken_back(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any
) -> None:
    spool = new_spool()
    uplink = new_uplink(spool)
    wait_until(lambda: ingest.status)
    assert ingest.status[-1]["online"] is True
    assert ingest.status[-1]["epoch"] == spool.epoch
    uplink.stop()
    wait_until(lambda: ingest.status[-1]["online"] is False)
