from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from anju_devices.messages import MAX_BATCH_BYTES, Lane, Reading, decode_batch, encode
from anju_edge import spool as spool_module
from anju_edge import spool_file as spool_file_module
from anju_edge.errors import SpoolError, SpoolFullError
from anju_edge.reserve import Reserve
from anju_edge.spool import Entry, Spool

NewSpool = Callable[..., Spool]


@pytest.fixture(autouse=True)
def telemetry_ready_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "LINGER_S", 0.0)


def entry(lane: Lane, number: int, size: int = 0) -> Entry:
    said = {"event": "rang"} if lane is Lane.EVENTS else {"values": {"x": number}}
    reading = Reading(device="d", at=number, data={"pad": "x" * size}, **said)  # type: ignore[arg-type]
    body = encode(reading)
    return Entry(lane, body, blake2b(body, digest_size=8).digest())


def telemetry(number: int, size: int = 0) -> Entry:
    return entry(Lane.TELEMETRY, number, size)


def event(number: int, size: int = 0) -> Entry:
    return entry(Lane.EVENTS, number, size)


def append_each(spool: Spool, entries: Iterable[Entry]) -> None:
    for one in entries:
        spool.append([one])


def numbers(payload: bytes | None) -> list[int]:
    assert payload is not None
    return [reading.at for reading in decode_batch(payload).readings]


def drain(spool: Spool, lane: Lane) -> list[tuple[int, list[Reading]]]:
    found = []
    for seq in range(spool.lane(lane).committed + 1, spool.lane(lane).last + 1):
        payload = spool.take(lane, seq)
        assert payload is not None
        found.append((seq, decode_batch(payload).readings))
    return found


def test_what_waits_travels_in_one_batch_and_what_was_taken_never_changes(
    new_spool: NewSpool,
) -> None:
    spool = new_spool()
    spool.append([event(1)])
    spool.append([event(2)])
    first = spool.take(Lane.EVENTS, 1)
    spool.append([event(3)])
    assert numbers(first) == [1, 2]
    assert numbers(spool.take(Lane.EVENTS, 1)) == [1, 2]
    assert numbers(spool.take(Lane.EVENTS, 2)) == [3]
    assert spool.take(Lane.EVENTS, 3) is None


def test_a_batch_left_by_an_earlier_run_never_grows(new_spool: NewSpool) -> None:
    new_spool().append([event(1)])
    spool = new_spool()
    spool.append([event(2)])
    assert [numbers(spool.take(Lane.EVENTS, seq)) for seq in (1, 2)] == [[1], [2]]


def test_numbers_and_epoch_go_on_after_a_restart_with_nothing_waiting(
    new_spool: NewSpool,
) -> None:
    spool = new_spool()
    epoch = spool.epoch
    spool.append([event(1), telemetry(1)])
    spool.take(Lane.EVENTS, 1)
    spool.committed(Lane.EVENTS, 1)
    spool = new_spool()
    spool.append([event(2)])
    assert spool.epoch == epoch
    assert numbers(spool.take(Lane.EVENTS, 2)) == [2]
    assert numbers(spool.take(Lane.TELEMETRY, 1)) == [1]


def test_telemetry_waits_for_company_and_events_do_not(
    new_spool: NewSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "LINGER_S", 60.0)
    spool = new_spool()
    spool.append([telemetry(0), event(0)])
    assert spool.take(Lane.TELEMETRY, 1) is None
    assert spool.take(Lane.EVENTS, 1) is not None
    spool.append([telemetry(n) for n in range(1, spool_module.READY_READINGS)])
    assert len(numbers(spool.take(Lane.TELEMETRY, 1))) == spool_module.READY_READINGS


def test_batches_stay_under_what_the_platform_accepts(new_spool: NewSpool) -> None:
    spool = new_spool()
    spool.append([telemetry(n, size=3000) for n in range(300)])
    last = spool.lane(Lane.TELEMETRY).last
    payloads = [spool.take(Lane.TELEMETRY, seq) for seq in range(1, last + 1)]
    assert max(len(p or b"") for p in payloads) <= MAX_BATCH_BYTES
    assert [n for p in payloads for n in numbers(p)] == list(range(300))


def test_a_reading_offered_again_is_kept_once_also_after_a_restart(new_spool: NewSpool) -> None:
    spool = new_spool()
    spool.append([event(1), event(1), telemetry(2)])
    new_spool().append([event(1), telemetry(2), event(3)])
    spool = new_spool()
    found = [r.at for lane in Lane for _, readings in drain(spool, lane) for r in readings]
    assert sorted(found) == [1, 2, 3]


def test_over_quota_the_oldest_telemetry_goes_its_numbers_stay_and_an_event_tells(
    new_spool: NewSpool,
) -> None:
    spool = new_spool(quota_bytes=100_000)
    for n in range(300):
        spool.append([telemetry(n, size=1000)])
        if n % 3 == 0:
            spool.take(Lane.TELEMETRY, spool.lane(Lane.TELEMETRY).last)
        if n < 5:
            spool.append([event(n)])
    batches = drain(spool, Lane.TELEMETRY)
    assert [seq for seq, _ in batches] == list(range(1, len(batches) + 1))
    kept = [reading.at for _, readings in batches for reading in readings]
    assert kept == list(range(kept[0], 300))
    assert len(kept) > 50
    events = [reading for _, readings in drain(spool, Lane.EVENTS) for reading in readings]
    said = [reading for reading in events if reading.event == "spool_full"]
    assert sum(reading.data["readings"] for reading in said) + len(kept) == 300
    assert len(events) - len(said) == 5
    assert spool.waiting_bytes() <= 110_000


def test_events_are_kept_beyond_the_quota_and_telemetry_is_then_refused(
    new_spool: NewSpool,
) -> None:
    spool = new_spool(quota_bytes=65_536)
    spool.append([event(n, size=1000) for n in range(100)])
    with pytest.raises(SpoolFullError, match="events alone fill the quota"):
        spool.append([telemetry(1)])
    spool.append([event(1000)])
    assert sum(len(readings) for _, readings in drain(spool, Lane.EVENTS)) == 101


def test_a_full_disk_gives_up_telemetry_for_what_is_newer_and_at_last_refuses(
    new_spool: NewSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reserve, "hold", lambda _: False)
    monkeypatch.setattr(Reserve, "free_bytes", lambda _: 0)
    monkeypatch.setattr(spool_module, "DROP_BYTES", 100_000)
    spool = new_spool(quota_bytes=100_000_000)
    spool._db.execute("PRAGMA max_page_count=200")  # what a full disk looks like to SQLite
    append_each(spool, (telemetry(n, size=3000) for n in range(500)))
    kept = [r.at for _, readings in drain(spool, Lane.TELEMETRY) for r in readings]
    assert kept == list(range(kept[0], 500))
    spool.append([event(1, size=3000)])
    events = [r for _, readings in drain(spool, Lane.EVENTS) for r in readings]
    assert {r.event for r in events} == {"spool_full", "rang"}
    with pytest.raises(SpoolFullError, match="free space on this disk"):
        append_each(spool, (event(n, size=3000) for n in range(2, 1000)))
    found = [r for _, readings in drain(spool, Lane.EVENTS) for r in readings]
    rang = [r.at for r in found if r.event == "rang"]
    assert rang == list(range(1, len(rang) + 1))


def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(
    new_spool: NewSpool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = new_spool()
    spool.append([event(n, size=2000) for n in range(50)])
    epoch = spool.epoch
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    spool = Spool(path, quota_bytes=1_000_000, gateway="gw")
    assert spool.epoch != epoch
    assert spool.lane(Lane.EVENTS).last == 0
    assert "is damaged" in caplog.text
    assert len(list(tmp_path.glob("spool.db.damaged-*"))) == 1
    spool.close()
    path.write_bytes(b"this was never a database" * 400)
    Spool(path, quota_bytes=1_000_000, gateway="gw").close()
    (aside,) = tmp_path.glob("spool.db.damaged-*")
    assert aside.read_bytes().startswith(b"this was never"), "the newest alone stays"


def test_events_in_front_of_the_damage_and_behind_it_are_saved(
    new_spool: NewSpool, tmp_path: Path
) -> None:
    spool = new_spool()
    for n in range(1, 61):
        spool.append([telemetry(n, size=500)])
        spool.append([event(n, size=2000)])
        spool.take(Lane.EVENTS, n)
    spool.committed(Lane.EVENTS, 4)
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    spool = Spool(path, quota_bytes=1_000_000, gateway="gw")
    batches = drain(spool, Lane.EVENTS)
    saved = [reading.at for _, readings in batches for reading in readings]
    assert [seq for seq, _ in batches] == list(range(1, len(batches) + 1))
    assert saved == sorted(set(saved) & set(range(5, 61)))
    assert (saved[0], saved[-1]) == (5, 60)
    assert len(saved) > 45
    assert f"with the {len(saved)} events that could be saved" in spool.loss
    spool.append([event(99)])
    assert numbers(spool.take(Lane.EVENTS, len(batches) + 1)) == [99]
    spool.close()


def spoil(path: Path) -> None:
    """Damage the file of a spool at work, and let it know that the file has changed."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA user_version=7")
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))


def test_damage_at_work_is_noticed_and_told(new_spool: NewSpool, tmp_path: Path) -> None:
    spool = new_spool()
    told: list[bool] = []
    spool.on_damage = lambda: told.append(True)
    spool.append([event(1)])
    spoil(tmp_path / "spool.db")
    with pytest.raises(SpoolError, match="is damaged"):
        spool.append([event(2)])
    assert told
    spool.close()
    spool = new_spool()
    assert "damage was met at work" in spool.loss
    assert new_spool().loss == ""


def test_a_great_backlog_is_not_read_through_first_and_damage_is_met_at_work(
    new_spool: NewSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_file_module, "CHECKED_BYTES", 100_000)
    spool = new_spool()
    for n in range(1, 31):
        spool.append([event(n, size=20_000)])
        spool.take(Lane.EVENTS, n)
    spool.close()
    path = tmp_path / "spool.db"
    content = bytearray(path.read_bytes())
    content[8 * 4096 : -20 * 4096] = b"\xa5" * (len(content) - 28 * 4096)
    path.write_bytes(content)
    with pytest.raises(SpoolError, match="is damaged"):
        read_all(new_spool)
    assert (tmp_path / "spool.suspect").exists()
    spool = new_spool()
    assert "damage was met at work" in spool.loss
    assert drain(spool, Lane.EVENTS)


def read_all(new_spool: NewSpool) -> None:
    drain(new_spool(), Lane.EVENTS)


def test_sealing_puts_telemetry_on_the_disk_and_an_event_does_not_wait_for_it(
    new_spool: NewSpool, tmp_path: Path
) -> None:
    spool = new_spool()
    spool.append([event(1)])
    spool.append([telemetry(1)])
    log = tmp_path / "spool.db-wal"
    before = log.read_bytes()
    assert numbers(spool.take(Lane.EVENTS, 1)) == [1]
    assert log.read_bytes() == before
    assert numbers(spool.take(Lane.TELEMETRY, 1)) == [1]
    assert log.read_bytes() != before


def test_not_even_a_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"this was never a database" * 400)
    spool = Spool(path, quota_bytes=1_000_000, gateway="gw")
    assert spool.epoch
    spool.close()


def test_a_new_epoch_numbers_what_waits_from_one(new_spool: NewSpool) -> None:
    spool = new_spool()
    for n in range(5):
        spool.append([event(n)])
        spool.take(Lane.EVENTS, n + 1)
    spool.committed(Lane.EVENTS, 3)
    old = spool.epoch
    spool.begin_epoch()
    assert spool.epoch != old
    assert [(s, [r.at for r in x]) for s, x in drain(spool, Lane.EVENTS)] == [(1, [3]), (2, [4])]
    spool.append([event(9)])
    assert numbers(spool.take(Lane.EVENTS, 3)) == [9]


def test_a_new_epoch_rewrites_nothing_and_its_numbers_survive_a_restart_and_another_epoch(
    new_spool: NewSpool,
) -> None:
    spool = new_spool()
    for n in range(200):
        spool.append([event(n), telemetry(n)])
        spool.take(Lane.EVENTS, n + 1)
        spool.take(Lane.TELEMETRY, n + 1)
    spool.committed(Lane.EVENTS, 50)
    before = spool._db.total_changes
    spool.begin_epoch()
    assert spool._db.total_changes - before < 10
    spool = new_spool()
    assert spool.lane(Lane.EVENTS).last == 150
    assert numbers(spool.take(Lane.EVENTS, 1)) == [50]
    assert numbers(spool.take(Lane.TELEMETRY, 1)) == [0]
    spool.committed(Lane.EVENTS, 100)
    spool.begin_epoch()
    spool.append([event(1000)])
    spool = new_spool()
    found = [(s, r.at) for s, readings in drain(spool, Lane.EVENTS) for r in readings]
    assert found == [*((n + 1, 150 + n) for n in range(50)), (51, 1000)]


def test_a_mark_is_kept_with_its_readings(new_spool: NewSpool) -> None:
    spool = new_spool()
    assert spool.mark("replay") == 0
    spool.append([event(1)], mark=("replay", 7))
    assert new_spool().mark("replay") == 7


def test_rejected_lines_are_kept_and_counted(new_spool: NewSpool, tmp_path: Path) -> None:
    spool = new_spool()
    spool.reject("native", b"{nonsense", "not JSON")
    assert spool.rejected == 1
    with sqlite3.connect(tmp_path / "spool.db") as db:
        row: Any = db.execute("SELECT source, line, reason FROM rejected").fetchone()
    db.close()
    assert row == ("native", b"{nonsense", "not JSON")


def test_of_a_rejected_line_no_more_than_its_beginning_takes_up_room(
    new_spool: NewSpool, tmp_path: Path
) -> None:
    new_spool().reject("native", b"x" * 60_000, "y" * 60_000)
    with sqlite3.connect(tmp_path / "spool.db") as db:
        row: Any = db.execute("SELECT length(line), length(reason) FROM rejected").fetchone()
    db.close()
    assert row == (2048, 500)


def test_the_wire_form_is_a_batch(new_spool: NewSpool) -> None:
    spool = new_spool()
    spool.append([event(1)])
    tree = json.loads(spool.take(Lane.EVENTS, 1) or b"")
    assert tree["epoch"] == spool.epoch
    assert tree["seq"] == 1
    assert tree["readings"] == [{"device": "d", "at": 1, "event": "rang", "data": {"pad": ""}}]
