"""The Modbus driver at pymodbus's own server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from field_desk import Kept, wait_until

from anju_devices.messages import Command
from anju_devices.sim.peers.modbus import CABINET, METER, VALVE, ModbusPeer, last_byte_first
from anju_edge.clock import now_ms
from anju_edge.drivers.modbus.config import ModbusLine
from anju_edge.drivers.modbus.driver import ModbusDriver
from anju_edge.errors import DriverError
from anju_edge.roll import Roll

GOLDEN = Path(__file__).parent / "golden"
GAS = {
    "device": "gas",
    "unit": VALVE,
    "model": "gas_alarm",
    "poll_s": 0.1,
    "points": [
        {"field": "alarm", "function": "discrete", "address": 0, "type": "bit"}
        | {"rises": "alarm", "falls": "alarm_cleared"},
        {"field": "valve", "function": "coil", "address": 0, "type": "bit"}
        | {"words": {0: "open", 1: "closed"}},
    ],
    "commands": [{"name": "close_valve", "coil": 0}],
}
CABINET_DEVICE = {"device": "cabinet", "unit": CABINET, "profile": "cabinet-1x4", "poll_s": 0.1}
METER_DEVICE = {"device": "meter", "unit": METER, "profile": "xintai-water", "poll_s": 0.1}

ASKED: list[int] = []
"""Which units were asked, one after the other."""


@pytest.fixture
def peer() -> Iterator[ModbusPeer]:
    line = ModbusPeer(trace=lambda sending, frame: None if sending else ASKED.append(frame[6]))
    ASKED.clear()
    line.start()
    yield line
    line.stop()


@pytest.fixture
def kept(new_spool: Callable[..., Any], tmp_path: Path) -> Kept:
    return Kept(new_spool(), tmp_path / "spool.db")


@pytest.fixture
def drive(tmp_path: Path, kept: Kept) -> Iterator[Callable[..., ModbusDriver]]:
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start(port: int, *devices: dict[str, Any], timeout_s: float = 0.3) -> ModbusDriver:
        driver = make(tmp_path, kept, port, *devices, timeout_s=timeout_s)
        threads.append(threading.Thread(target=driver.run, args=(stop,), daemon=True))
        threads[-1].start()
        return driver

    yield start
    stop.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def make(
    path: Path, kept: Kept, port: int, *devices: dict[str, Any], timeout_s: float = 0.3
) -> ModbusDriver:
    line = ModbusLine.model_validate(
        {
            "line": "cellar",
            "host": "127.0.0.1",
            "port": port,
            "timeout_s": timeout_s,
            "devices": devices,
        }
    )
    roll = Roll(path / "roll.json", {}, lambda _: True)
    return ModbusDriver(line, kept.intake, roll)


def order(name: str, device: str, expires_ms: int = 5000) -> Command:
    return Command(id="c1", name=name, expires_at=now_ms() + expires_ms, device=device)


def test_cabinet_and_meter_are_read(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    drive(peer.port, CABINET_DEVICE, METER_DEVICE)

    wait_until(lambda: kept.values("cabinet") and kept.values("meter"), "both")

    # the fourth probe is not connected; the hottest of the others counts
    assert kept.values("cabinet")[0] == {"residual": 32, "cable_temperature": 26.4}
    assert kept.values("meter")[0] == {"total": 118.25}


def test_what_cannot_be_is_set_aside_once_and_the_rest_is_kept(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    peer.put(CABINET, "holding", 0, 60_000)
    drive(peer.port, CABINET_DEVICE)

    wait_until(lambda: len(kept.values("cabinet")) > 3, "some polls")

    assert all(values == {"cable_temperature": 26.4} for values in kept.values("cabinet"))
    [(source, line, reason)] = kept.rejected()
    assert source == "modbus cellar"
    assert line == b"cabinet unit 1 holding 0: ea60"
    assert reason == "cabinet.residual: 60000 mA is over 10000"


def test_not_a_number_is_set_aside(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    peer.put(METER, "holding", 0, *last_byte_first(float("nan")))
    drive(peer.port, METER_DEVICE)

    wait_until(kept.rejected, "the fault")
    peer.put(METER, "holding", 0, *last_byte_first(3.5))

    wait_until(lambda: kept.values("meter"), "a number")
    assert kept.values("meter")[0] == {"total": 3.5}
    assert "not finite" in kept.rejected()[0][2]


def test_devices_that_are_dead_hold_nobody_up(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver]
) -> None:
    dead = [{**METER_DEVICE, "device": f"dead-{unit}", "unit": unit} for unit in range(50, 60)]
    drive(peer.port, *dead, CABINET_DEVICE, timeout_s=0.1)
    wait_until(lambda: ASKED.count(50) > 1, "each dead one to be asked again")

    # asked in turn, each dead one would have been asked as often as the one that answers
    assert ASKED.count(CABINET) > 5 * max(ASKED.count(unit) for unit in range(50, 60))


def test_a_wrong_address_is_told_and_the_other_registers_are_read(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    beyond = {"field": "cable_temperature", "address": 500, "type": "int16"}
    drive(peer.port, {**CABINET_DEVICE, "points": [beyond]})

    wait_until(lambda: kept.values("cabinet") and kept.rejected(), "both")

    assert kept.values("cabinet")[0] == {"residual": 32}
    assert kept.rejected()[0][2] == "exception 2: illegal data address"


def test_an_alarm_is_an_event_when_it_begins_and_when_it_ends(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    drive(peer.port, GAS)
    wait_until(lambda: kept.values("gas"), "the first reading")
    assert kept.values("gas")[0] == {"alarm": False, "valve": "open"}

    peer.put(VALVE, "discrete", 0, 1)
    wait_until(lambda: kept.events("gas") == ["alarm"], "the alarm")
    peer.put(VALVE, "discrete", 0, 0)
    wait_until(lambda: kept.events("gas") == ["alarm", "alarm_cleared"], "its end")


def test_an_alarm_without_room_is_said_when_there_is_room(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    kept.full = True
    peer.put(VALVE, "discrete", 0, 1)
    drive(peer.port, GAS)
    wait_until(lambda: kept.refused > 2, "refusals")

    kept.full = False
    wait_until(lambda: kept.events("gas"), "the alarm")
    wait_until(lambda: len(kept.values("gas")) > 3, "more polls")
    assert kept.events("gas") == ["alarm"]


def test_a_valve_is_closed_and_read_back(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    driver = drive(peer.port, GAS)
    wait_until(lambda: kept.values("gas"), "the line")
    assert driver.has("gas")
    assert not driver.has("cabinet")

    result = driver.command(order("close_valve", "gas"))

    assert (result.ok, result.detail) == (True, "")
    assert peer.get(VALVE, "coil", 0) == 1
    wait_until(lambda: kept.values("gas")[-1]["valve"] == "closed", "the valve's own word")


def test_a_relay_whose_contact_stays_is_no_success(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    confirm = {"function": "discrete", "address": 4, "value": True, "within_s": 0.3}
    relay = {"name": "close_valve", "coil": 1, "confirm": confirm}
    driver = drive(peer.port, {**GAS, "commands": [relay]})
    wait_until(lambda: kept.values("gas"), "the line")

    result = driver.command(order("close_valve", "gas"))

    assert not result.ok
    assert result.detail == "written, but discrete 4 still says false"


def test_a_command_to_a_dead_device_or_line_is_answered(
    peer: ModbusPeer, drive: Callable[..., ModbusDriver], kept: Kept, tmp_path: Path
) -> None:
    driver = drive(peer.port, CABINET_DEVICE, {**GAS, "unit": 77})
    wait_until(lambda: kept.values("cabinet"), "the line")
    result = driver.command(order("close_valve", "gas"))
    assert not result.ok
    assert "did not answer" in result.detail

    unstarted = make(tmp_path, kept, peer.port, GAS)
    assert "no connection" in unstarted.command(order("close_valve", "gas")).detail
    assert "no command" in unstarted.command(order("self_test", "gas")).detail


def test_no_connection_and_a_lost_one_end_the_driver(
    peer: ModbusPeer, kept: Kept, tmp_path: Path
) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(DriverError, match="cannot connect"):
        make(tmp_path, kept, port, CABINET_DEVICE).run(stop)

    ended: list[str] = []

    def run() -> None:
        try:
            make(tmp_path, kept, peer.port, CABINET_DEVICE).run(stop)
        except DriverError as error:
            ended.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_until(lambda: kept.values("cabinet"), "the line")
    peer.stop()
    thread.join(20)
    assert "was lost" in ended[0]


def test_an_answer_that_comes_too_late_is_nobody_elses(
    drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    """A device that answers after the time-out must not be taken for the next one."""

    def late(server: socket.socket) -> None:
        link, _ = server.accept()
        with link:
            while asked := link.recv(256):
                unit, transaction = asked[6], asked[:2]
                body = bytes([unit, 3, 10]) + b"\0\x01" * 5 if unit == 9 else None
                if unit == 9:
                    time.sleep(0.45)
                else:
                    body = bytes([unit, 3, 10]) + b"\0\x20\0\xfb\0\xfb\0\xfb\0\xfb"
                link.sendall(transaction + b"\0\0\0\x0d" + (body or b""))

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=late, args=(server,), daemon=True).start()
        slow = {**CABINET_DEVICE, "device": "slow", "unit": 9}
        drive(server.getsockname()[1], slow, CABINET_DEVICE)
        wait_until(lambda: len(kept.values("cabinet")) > 5, "the other")

    assert all(values["residual"] == 32 for values in kept.values("cabinet"))


def test_the_recorded_session_gives_the_same_readings(
    drive: Callable[..., ModbusDriver], kept: Kept
) -> None:
    recorded = json.loads((GOLDEN / "modbus_pymodbus.json").read_text("utf-8"))
    frames = [bytes.fromhex(text) for _, text in recorded["frames"]]
    answers = {ask[6:]: answer[2:] for ask, answer in zip(frames[::2], frames[1::2], strict=True)}

    def play(server: socket.socket) -> None:
        link, _ = server.accept()
        with link:
            while ask := link.recv(12):
                link.sendall(ask[:2] + answers[ask[6:]])

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=play, args=(server,), daemon=True).start()
        driver = drive(server.getsockname()[1], CABINET_DEVICE, METER_DEVICE, GAS)
        devices = ("cabinet", "meter", "gas")
        wait_until(lambda: all(kept.values(one) for one in devices), "all of them")
        done = driver.command(order("close_valve", "gas"))

    assert kept.values("cabinet")[0] == {"residual": 32, "cable_temperature": 26.4}
    assert kept.values("meter")[0] == {"total": 118.25}
    assert kept.values("gas")[0]["alarm"] is False
    assert done.ok
