from __future__ import annotations

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
def new_uplink(broker: Any) -> Iterator[Callable[[Spool], Uplink]]:
    made: list[Uplink] = []

    def make(spool: Spool) -> Uplink:
        made.append(
            Uplink(
                spool,
                LinkSettings(host="127.0.0.1", port=broker.port, client_id="gw-west"),
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


def test_what_the_platform_did_not_take_is_sent_again(
    new_spool: NewSpool,
    new_uplink: Callable[[Spool], Uplink],
    ingest: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uplink_module, "RESEND_S", 0.3)
    spool = new_spool()
    ingest.silent = True
    new_uplink(spool)
    for n in range(100):
        spool.append([entry(Lane.EVENTS, n)])
        time.sleep(0.001)
    ingest.silent = False
    wait_until(lambda: spool.waiting_bytes() == 0)
    assert stored(ingest, Lane.EVENTS) == list(range(100))


def test_a_killed_broker_loses_and_doubles_nothing(
    new_spool: NewSpool, new_uplink: Callable[[Spool], Uplink], ingest: Any, broker: Any
) -> None:
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
    monkeypatch.setattr(uplink_module, "RESEND_S", 0.2)
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
    monkeypatch.setattr(uplink_module, "RESEND_S", 0.3)
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
