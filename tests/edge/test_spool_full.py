"""The spool on a disk that is really full: a tmpfs of its own, mounted for each test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path

import pytest

from anju_devices.messages import Lane, Reading, decode_batch, encode
from anju_edge import spool as spool_module
from anju_edge.errors import SpoolFullError
from anju_edge.spool import Entry, Spool

DISK_MIB = 56
NewSpool = Callable[[], Spool]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={DISK_MIB}m"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no small disk can be made here: {error}")
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def new_spool(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewSpool]:
    """Open the spool of the small disk; opening it again closes the one before."""
    monkeypatch.setattr(spool_module, "LINGER_S", 0.0)
    monkeypatch.setattr(spool_module, "RESERVE_TRY_S", 0.0)
    opened: list[Spool] = []

    def make() -> Spool:
        while opened:
            opened.pop().close()
        opened.append(Spool(disk / "spool.db", quota_bytes=2 * 1024**3, gateway="gw"))
        return opened[-1]

    yield make
    for spool in opened:
        spool.close()


def entry(lane: Lane, number: int, size: int) -> Entry:
    said = {"event": "rang"} if lane is Lane.EVENTS else {"values": {"x": number}}
    reading = Reading(device="d", at=number, data={"pad": "x" * size}, **said)  # type: ignore[arg-type]
    body = encode(reading)
    return Entry(lane, body, blake2b(body, digest_size=8).digest())


def fill_with_telemetry(spool: Spool, mib: int) -> int:
    """Append this much telemetry, sealed as it goes; give how many readings that were."""
    count = mib * 1024 // 2
    for first in range(0, count, 20):
        spool.append([entry(Lane.TELEMETRY, first + n, 2000) for n in range(20)])
        if first % 400 == 0:
            spool.take(Lane.TELEMETRY, spool.lane(Lane.TELEMETRY).last)
    return count // 20 * 20 + (20 if count % 20 else 0)


def fill_with_events(spool: Spool) -> int:
    """Append events until they are refused; give how many were kept."""
    for first in range(0, 10**6, 20):
        try:
            spool.append([entry(Lane.EVENTS, first + n, 2000) for n in range(20)])
        except SpoolFullError:
            return first
    raise AssertionError("the disk has no end")


def fill_disk(disk: Path) -> None:
    """Let something else take all the room there is."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def readings(spool: Spool, lane: Lane) -> list[Reading]:
    found: list[Reading] = []
    for seq in range(spool.lane(lane).committed + 1, spool.lane(lane).last + 1):
        payload = spool.take(lane, seq)
        assert payload is not None
        found += decode_batch(payload).readings
    return found


def test_a_full_disk_costs_the_oldest_telemetry_and_never_the_newest_or_an_event(
    disk: Path, new_spool: NewSpool
) -> None:
    spool = new_spool()
    for number in range(5):
        spool.append([entry(Lane.EVENTS, number, 200)])
    count = fill_with_telemetry(spool, 2 * DISK_MIB)
    for number in range(5, 25):
        spool.append([entry(Lane.EVENTS, number, 200)])
    kept = [reading.at for reading in readings(spool, Lane.TELEMETRY)]
    assert kept == list(range(kept[0], count))
    assert len(kept) > 5000
    events = readings(spool, Lane.EVENTS)
    assert [r.at for r in events if r.event == "rang"] == list(range(25))
    dropped = sum(r.data["readings"] for r in events if r.event == "spool_full")
    assert dropped + len(kept) == count
    assert os.statvfs(disk).f_bavail * 4096 > 1024 * 1024, "room to write in is left"


def test_what_is_committed_is_forgotten_on_a_full_disk_and_a_restart_works(
    new_spool: NewSpool,
) -> None:
    spool = new_spool()
    fill_with_telemetry(spool, 2 * DISK_MIB)
    readings(spool, Lane.TELEMETRY)
    last = spool.lane(Lane.TELEMETRY).sealed
    spool.committed(Lane.TELEMETRY, last - 10)
    spool = new_spool()
    assert spool.lane(Lane.TELEMETRY).committed == last - 10
    spool.append([entry(Lane.EVENTS, 1, 200)])
    spool.committed(Lane.TELEMETRY, last)
    assert not readings(spool, Lane.TELEMETRY)


def test_a_disk_that_others_filled_still_keeps_events_and_forgets_what_is_stored(
    disk: Path, new_spool: NewSpool
) -> None:
    spool = new_spool()
    assert (disk / "spool.reserve").exists()
    spool.append([entry(Lane.EVENTS, 0, 200)])
    spool.take(Lane.EVENTS, 1)
    fill_with_telemetry(spool, 3)
    fill_disk(disk)
    for number in range(1, 2001):
        spool.append([entry(Lane.EVENTS, number, 1000)])
    spool.committed(Lane.EVENTS, 1)
    spool.append([entry(Lane.TELEMETRY, 1_000_000, 2000)])
    rang = [r.at for r in readings(spool, Lane.EVENTS) if r.event == "rang"]
    assert rang == list(range(1, 2001))
    assert not (disk / "spool.reserve").exists()
    (disk / "ballast").unlink()
    spool.append([entry(Lane.EVENTS, 2001, 200)])
    assert (disk / "spool.reserve").exists()
    (pages,) = spool._db.execute("PRAGMA max_page_count").fetchone()
    assert pages > 2**31


def test_a_spool_is_opened_on_a_disk_that_is_full(disk: Path, new_spool: NewSpool) -> None:
    new_spool().append([entry(Lane.EVENTS, 0, 200)])
    spool = new_spool()
    spool.close()
    fill_disk(disk)
    spool = new_spool()
    spool.append([entry(Lane.EVENTS, 1, 200)])
    assert [r.at for r in readings(spool, Lane.EVENTS)] == [0, 1]


def test_events_alone_can_fill_a_disk_and_are_then_refused_and_can_still_go(
    new_spool: NewSpool,
) -> None:
    spool = new_spool()
    number = fill_with_events(spool)
    with pytest.raises(SpoolFullError, match="free space on this disk"):
        spool.append([entry(Lane.EVENTS, number + n, 2000) for n in range(20)])
    assert len(readings(spool, Lane.EVENTS)) == number
    assert number > 8000
    spool.committed(Lane.EVENTS, spool.lane(Lane.EVENTS).sealed)
    spool.append([entry(Lane.EVENTS, number, 200)])
