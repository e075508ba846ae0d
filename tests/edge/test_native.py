from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from devices_on_wire import NativeClient
from pydantic import SecretStr

from anju_devices.messages import Command, CommandResult, Lane, decode_batch
from anju_edge import answering
from anju_edge.clock import now_ms
from anju_edge.config import NativeConfig
from anju_edge.drivers import native as native_module
from anju_edge.drivers.native import NativeDriver
from anju_edge.errors import DriverError, SpoolFullError
from anju_edge.intake import Intake
from anju_edge.spool import Entry, Spool

TOKEN = "secret-token"
DEVICES = {"sos-1": "sos_button", "pir-1": "pir"}


class Served:
    def __init__(self, driver: NativeDriver, spool: Spool, port: int) -> None:
        self.driver = driver
        self.spool = spool
        self.port = port

    def connect(self, **devices: str) -> NativeClient:
        return NativeClient(self.port, TOKEN, devices or DEVICES)


@pytest.fixture
def native(new_spool: Callable[..., Spool], tmp_path: Path) -> Iterator[Served]:
    spool = new_spool()
    port_file = tmp_path / "port"
    config = NativeConfig(token_file=tmp_path / "token", port_file=port_file)
    driver = NativeDriver(config, SecretStr(TOKEN), Intake(spool))
    stop = threading.Event()
    thread = threading.Thread(target=driver.run, args=(stop,))
    thread.start()
    while not port_file.exists():
        time.sleep(0.005)
    yield Served(driver, spool, int(port_file.read_text()))
    stop.set()
    thread.join()


def kept(spool: Spool, lane: Lane) -> list[str]:
    """Give the devices of the readings in the lane's first batch."""
    payload = spool.take(lane, 1)
    return [] if payload is None else [r.device for r in decode_batch(payload).readings]


def test_a_reading_is_on_the_disk_when_its_device_hears_kept(native: Served) -> None:
    client = native.connect()
    client.send("sos-1", event="pressed")
    client.wait_kept()
    payload = native.spool.take(Lane.EVENTS, 1)
    assert payload is not None
    (reading,) = decode_batch(payload).readings
    assert (reading.device, reading.event) == ("sos-1", "pressed")
    assert reading.id is not None
    client.close()


@pytest.mark.parametrize(
    ("token", "devices", "expected"),
    [
        ("wrong", DEVICES, "the token is not this agent's"),
        (TOKEN, {"x": "teapot"}, "no device model 'teapot'"),
        (TOKEN, {"Not An Id": "pir"}, "matching regex"),
    ],
)
def test_a_client_that_may_not_is_told_why(
    native: Served, token: str, devices: dict[str, str], expected: str
) -> None:
    hello = json.dumps({"token": token, "devices": devices}).encode() + b"\n"
    with socket.create_connection(("127.0.0.1", native.port), timeout=10) as client:
        client.sendall(hello)
        with client.makefile("rb") as lines:
            assert expected in json.loads(lines.readline())["error"]
            assert lines.readline() == b""


def test_a_bad_line_is_answered_set_aside_and_stops_nothing(native: Served, tmp_path: Path) -> None:
    client = native.connect()
    client.send("pir-1", values={"motion": "yes"})
    client.send("pir-1", values={"mood": 1})
    client.send("stranger", values={"motion": True})
    client._socket.sendall(b"{nonsense\n")
    client.send("sos-1", event="pressed")
    answers = [client.read() for _ in range(5)]
    assert [answer.get("line") for answer in answers] == [2, 3, 4, 5, None]
    assert answers[-1] == {"kept": 1}
    assert "'yes' is not true or false" in answers[0]["error"]
    assert "no such field" in answers[1]["error"]
    assert "stranger" in answers[2]["error"]
    with sqlite3.connect(tmp_path / "spool.db") as db:
        (count,) = db.execute("SELECT count(*) FROM rejected").fetchone()
    db.close()
    assert count == native.spool.rejected == 4
    client.close()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'"' + b"x" * 200_000 + b'"', "a line over 65536 bytes"),
        (b"[" * 20_000 + b"]" * 20_000, "maximum recursion depth"),
        (b"[" * 990 + b"]" * 990, "nested over 32 deep"),  # readable here, but not in a batch
    ],
)
def test_an_alarm_behind_a_line_beyond_all_measure_is_kept(
    native: Served, data: bytes, expected: str
) -> None:
    client = native.connect()
    client._socket.sendall(b'{"device":"sos-1","at":1,"event":"pressed","data":{"x":%b}}\n' % data)
    client.send("sos-1", event="pressed")
    refused, answer = client.read(), client.read()
    assert expected in refused["error"]
    assert refused["line"] == 2
    assert answer == {"kept": 1}
    assert native.spool.rejected == 1
    client.close()


def test_an_event_whose_data_no_rule_could_judge_is_refused_and_set_aside(
    native: Served, tmp_path: Path
) -> None:
    client = native.connect(radar="fall_radar")
    client.send("radar", event="fall", data={"fall_confidence": "0.95"})
    assert "fall_confidence: '0.95' is not a number" in client.read()["error"]
    client.send("radar", event="fall", data={"fall_confidence": 0.95})
    assert client.read() == {"kept": 1}
    with sqlite3.connect(tmp_path / "spool.db") as db:
        (line,) = db.execute("SELECT line FROM rejected").fetchone()
    db.close()
    assert b'"0.95"' in line
    client.close()


def test_readings_sent_again_on_a_new_connection_are_kept_once(native: Served) -> None:
    for _ in range(2):
        client = native.connect()
        client.send("sos-1", at=1000, event="pressed")
        client.send("pir-1", at=1000, values={"motion": True})
        client.wait_kept()
        client.close()
    assert kept(native.spool, Lane.EVENTS) == ["sos-1"]
    assert native.spool.lane(Lane.TELEMETRY).open_count == 1


def test_without_room_for_telemetry_an_alarm_behind_it_is_kept(
    native: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = native.spool.append

    def only_events(entries: Sequence[Entry], **rest: Any) -> None:
        if any(entry.lane is Lane.TELEMETRY for entry in entries):
            raise SpoolFullError("events alone fill the quota")
        real(entries, **rest)

    client = native.connect()
    monkeypatch.setattr(native.spool, "append", only_events)
    client.send("pir-1", values={"motion": True})
    assert client.read() == {"error": "events alone fill the quota", "line": 2}
    lines = [{"device": "pir-1", "at": 1, "values": {"lux": 3}}] * 2
    lines.insert(1, {"device": "sos-1", "at": 1, "event": "pressed"})
    client._socket.sendall("".join(json.dumps(line) + "\n" for line in lines).encode())
    answers = [client.read() for _ in range(3)]
    assert [answer.get("line") for answer in answers] == [3, 5, None]
    assert answers[-1] == {"kept": 1}
    assert kept(native.spool, Lane.EVENTS) == ["sos-1"]
    client.close()


def test_a_client_that_does_not_read_holds_up_no_command_for_long(
    native: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_module, "SEND_S", 1)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(("127.0.0.1", native.port))
        hello = {"token": TOKEN, "devices": {"lock": "door"}}
        deaf.sendall(json.dumps(hello).encode() + b"\n")
        time.sleep(0.2)
        asked = Command(id="c", name="unlock", expires_at=now_ms() + 1000, device="lock")
        long = msgspec.structs.replace(asked, id="c-0", args={"pad": "x" * 8_000_000})
        first = threading.Thread(target=native.driver.command, args=(long,), daemon=True)
        first.start()
        began = time.monotonic()
        second = threading.Thread(target=native.driver.command, args=(asked,), daemon=True)
        second.start()
        for thread in (first, second):
            thread.join(6)
            assert not thread.is_alive()
        assert time.monotonic() - began < 6


def test_a_device_that_came_twice_is_asked_where_it_came_last(native: Served) -> None:
    clients = [native.connect() for _ in range(8)]
    for number in range(8):
        asked = Command(id=f"c-{number}", name="locate", expires_at=now_ms() + 300, device="sos-1")
        thread = threading.Thread(target=native.driver.command, args=(asked,))
        thread.start()
        assert clients[-1].read()["command"]["id"] == asked.id
        thread.join()
        clients.pop().close()
        time.sleep(0.1)
    assert not clients


def test_a_port_that_is_fixed_is_served_also_when_its_file_cannot_be_written(
    new_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nowhere = tmp_path / "nowhere" / "port"
    config = NativeConfig(token_file=tmp_path / "token", port=port, port_file=nowhere)
    driver = NativeDriver(config, SecretStr(TOKEN), Intake(new_spool()))
    stop = threading.Event()
    thread = threading.Thread(target=driver.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 10
    client = None
    while client is None and time.monotonic() < deadline:
        try:
            client = NativeClient(port, TOKEN, DEVICES)
        except ConnectionRefusedError:
            time.sleep(0.01)
    assert client
    client.send("sos-1", event="pressed")
    client.wait_kept()
    client.close()
    stop.set()
    thread.join()
    with pytest.raises(DriverError, match="cannot be written"):
        NativeDriver(
            NativeConfig(token_file=tmp_path / "token", port_file=nowhere),
            SecretStr(TOKEN),
            Intake(new_spool()),
        ).run(stop)


def test_a_first_line_that_comes_drop_by_drop_is_not_waited_for(
    native: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_module, "HELLO_S", 0.5)
    with socket.create_connection(("127.0.0.1", native.port), timeout=5) as stranger:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 5:
                stranger.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - began < 3


def test_connections_are_bounded(native: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_module, "MAX_CONNECTIONS", 3)
    clients = [native.connect() for _ in range(3)]
    with socket.create_connection(("127.0.0.1", native.port), timeout=5) as surplus:
        assert surplus.recv(1) == b""
    clients.pop().close()
    time.sleep(0.2)
    clients.append(native.connect())
    for client in clients:
        client.close()


def test_without_room_the_client_is_told_and_keeps_its_readings(
    native: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SpoolFullError("the disk is full")

    client = native.connect()
    monkeypatch.setattr(native.spool, "append", full)
    client.send("sos-1", event="pressed")
    assert client.read() == {"error": "the disk is full", "line": 2}
    with pytest.raises(AssertionError, match="closed the connection"):
        client.read()
    client.close()


def test_thousands_of_devices_on_one_connection_keep_5000_readings_a_second(
    native: Served,
) -> None:
    devices = {f"pir-{n}": "pir" for n in range(5000)}
    client = native.connect(**devices)
    now = now_ms()
    lines = [
        json.dumps({"device": name, "at": now + turn, "values": {"motion": True, "lux": 3}})
        for turn in range(3)
        for name in devices
    ]
    began = time.monotonic()
    threading.Thread(
        target=client._socket.sendall, args=("\n".join([*lines, ""]).encode(),)
    ).start()
    client._sent = len(lines)
    client.wait_kept()
    rate = len(lines) / (time.monotonic() - began)
    print(f"{rate:.0f} readings/s")
    assert rate > 5000
    client.close()


def test_a_command_reaches_its_device_and_its_answer_comes_back(native: Served) -> None:
    client = native.connect()
    answered: list[object] = []
    command = Command(id="c-1", name="locate", expires_at=now_ms() + 5000, device="sos-1")
    thread = threading.Thread(target=lambda: answered.append(native.driver.command(command)))
    thread.start()
    asked = client.read()["command"]
    assert (asked["id"], asked["device"]) == ("c-1", "sos-1")
    client._write({"result": {"id": "c-1", "ok": True, "at": now_ms(), "detail": "done"}})
    thread.join()
    assert answered[0].detail == "done"  # type: ignore[attr-defined]
    client.close()


def test_a_clock_that_stands_years_behind_makes_no_command_wait_for_ever(
    native: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "ANSWER_S", 0.3)
    client = native.connect()
    in_years = now_ms() + 10 * 365 * 86_400_000
    result = native.driver.command(Command("c", "locate", in_years, device="sos-1"))
    assert not result.ok
    assert result.detail == "the device did not answer in time"
    client.close()


def test_a_command_fails_at_once_when_its_devices_connection_is_lost(native: Served) -> None:
    client = native.connect()
    asked = Command("c", "locate", now_ms() + 20_000, device="sos-1")
    answered: list[CommandResult] = []
    thread = threading.Thread(target=lambda: answered.append(native.driver.command(asked)))
    thread.start()
    assert client.read()["command"]["id"] == "c"
    client.close()
    thread.join(5)
    assert [result.detail for result in answered] == ["the connection to the device was lost"]


def test_a_command_for_an_absent_device_fails_at_once(native: Served) -> None:
    command = Command(id="c-2", name="locate", expires_at=now_ms() + 5000, device="nobody")
    result = native.driver.command(command)
    assert not result.ok
    assert "not connected" in result.detail
