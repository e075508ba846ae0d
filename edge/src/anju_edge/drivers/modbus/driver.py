"""Reads the devices of one Modbus TCP line in turn, and writes their relays when asked.

One thread, one connection, one request at a time: a line cannot do more. Commands are
carried out between two requests. When the connection is lost the supervisor starts this
driver again, later each time.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU

from anju_devices.errors import InvalidReadingError
from anju_devices.messages import Command, CommandResult, Reading, Value
from anju_edge.answering import failed, time_left_s
from anju_edge.clock import new_id, now_ms
from anju_edge.drivers.modbus.config import (
    BITS,
    Confirmed,
    ModbusDevice,
    ModbusLine,
    Point,
    Relay,
)
from anju_edge.drivers.modbus.decoding import Block, blocks, refusal, value
from anju_edge.drivers.modbus.turns import Turns
from anju_edge.errors import DriverError, SpoolFullError
from anju_edge.intake import Intake, Said
from anju_edge.roll import Roll

LOOK_S = 0.5
"""How often ``stop`` is looked at while nothing is due."""
AGAIN_S = 3600.0
"""A value that stays wrong is set aside once in this time, not at every poll: others' faults
must not be pushed out of what is kept for people to look at."""
CONFIRM_EVERY_S = 0.2

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # we say it once, it at every request
_log = logging.getLogger(__name__)
_Job = tuple[ModbusDevice, Relay, Command, "Future[CommandResult]"]


_BEHIND_GATEWAY = frozenset({10, 11})
"""Exceptions by which a gateway says for a device that it does not answer."""


class _RefusedError(Exception):
    """The device answered, with an exception."""


class ModbusDriver:
    """One line."""

    def __init__(self, config: ModbusLine, intake: Intake, roll: Roll) -> None:
        self.name = f"modbus {config.line}"
        self._config = config
        self._intake = intake
        self._roll = roll
        self._devices = {one.device: one for one in config.devices}
        self._blocks = {one.device: blocks(one.every_point) for one in config.devices}
        polls = {one.device: one.poll_s for one in config.devices if one.every_point}
        self._turns = Turns(polls, timeout_s=config.timeout_s, now=time.monotonic())
        self._jobs: queue.Queue[_Job] = queue.Queue()
        self._up = False
        self._bits: dict[tuple[str, str], bool] = {}
        self._faults: dict[tuple[str, str, int], tuple[str, float]] = {}
        self._client = ModbusTcpClient(
            config.host, port=config.port, timeout=config.timeout_s, retries=0
        )

    def run(self, stop: threading.Event) -> None:
        """Read and write until ``stop``.

        Raises:
            DriverError: there is no connection, or it was lost.
        """
        where = f"{self._config.host}:{self._config.port}"
        try:
            if not self._client.connect():  # type: ignore[no-untyped-call]
                raise DriverError(f"cannot connect to {where}")
            self._up = True
            while not stop.is_set():
                self._do_next()
        except (ConnectionException, OSError) as error:
            raise DriverError(f"the connection to {where} was lost: {error}") from error
        finally:
            self._up = False
            self._client.close()  # type: ignore[no-untyped-call]

    def has(self, device: str) -> bool:
        """Tell whether a device of this line can be told something."""
        return device in self._devices and bool(self._devices[device].commands)

    def command(self, command: Command) -> CommandResult:
        """Write a relay and wait until its device says that it did."""
        device = self._devices[command.device or ""]
        relay = next((one for one in device.commands if one.name == command.name), None)
        if relay is None:
            return failed(command, f"{device.device} has no command {command.name!r}")
        if not self._up:
            return failed(command, f"there is no connection to line {self._config.line}")
        done: Future[CommandResult] = Future()
        self._jobs.put((device, relay, command, done))
        try:
            return done.result(time_left_s(command))
        except (TimeoutError, CancelledError):
            if done.cancel():
                return failed(command, "the line was busy until the command expired")
        # it is being written at this moment: what comes of it is bounded by its time-outs
        within_s = relay.confirm.within_s if relay.confirm else 0.0
        try:
            return done.result(within_s + 4 * self._config.timeout_s)
        except TimeoutError:
            return failed(command, "written, but the device did not say that it did")

    def _do_next(self) -> None:
        """Do what is next: a command, a device whose turn it is, or nothing for a while."""
        name, wait_s = self._turns.next(time.monotonic())
        try:
            job = self._jobs.get(timeout=min(wait_s, LOOK_S)) if wait_s else self._jobs.get_nowait()
        except queue.Empty:
            if name is not None:
                self._poll(self._devices[name])
            return
        self._carry_out(*job)

    def _poll(self, device: ModbusDevice) -> None:
        said: list[tuple[Point, Value]] = []
        fault = ""
        for block in self._blocks[device.device]:
            try:
                said += self._understand(device, block, self._read(device, block))
            except _RefusedError as error:
                self._set_aside(device, block.function, block.address, b"", str(error))
            except ConnectionException:
                raise
            except ModbusException as error:
                fault = str(error)
                break
        if said:
            self._keep(device, said)
        now = time.monotonic()
        if fault and not said:
            if self._turns.failed(device.device, now):
                _log.warning("%s: %s does not answer: %s", self.name, device.device, fault)
        elif self._turns.answered(device.device, now):
            _log.info("%s: %s answers again", self.name, device.device)

    def _read(self, device: ModbusDevice, block: Block) -> Sequence[int]:
        """Ask for a block.

        Raises:
            _RefusedError: the device answers with an exception.
            ModbusException: it does not answer, or another does.
        """
        client = self._client
        ask: dict[str, Callable[..., ModbusPDU]] = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }
        answer = ask[block.function](block.address, count=block.count, device_id=device.unit)
        _judge(answer)
        return answer.bits if block.function in BITS else answer.registers

    def _understand(
        self, device: ModbusDevice, block: Block, words: Sequence[int]
    ) -> list[tuple[Point, Value]]:
        """Give what can be used of a block; what is implausible is set aside."""
        said: list[tuple[Point, Value]] = []
        for point in block.points:
            part = words[point.address - block.address :][: point.size]
            try:
                found = value(point, part)
                field = device.our_model.field(point.field)
                fault = field.check(found) if field and found is not None else None
            except ValueError as error:
                fault = str(error)
            if fault:
                raw = " ".join(f"{int(word):04x}" for word in part).encode()
                reason = f"{device.device}.{point.field}: {fault}"
                self._set_aside(device, point.function, point.address, raw, reason)
            elif found is not None:
                self._faults.pop((device.device, point.function, point.address), None)
                said.append((point, found))
        return said

    def _keep(self, device: ModbusDevice, said: Sequence[tuple[Point, Value]]) -> None:
        """Keep values, and events of bits that turned; those are tried again until kept."""
        at = now_ms()
        values = {point.field: found for point, found in said}
        readings = [Reading(device=device.device, at=at, values=values)]
        turned: dict[tuple[str, str], bool] = {}
        for point, found in said:
            key = (device.device, point.field)
            if not (point.rises or point.falls) or self._bits.get(key, False) == bool(found):
                continue
            turned[key] = bool(found)
            if event := point.rises if found else point.falls:
                readings.append(Reading(device=device.device, at=at, event=event, id=new_id()))
        try:
            self._intake.keep([Said(one, device.our_model) for one in readings])
        except SpoolFullError as error:
            _log.error("%s: a reading of %s has no room: %s", self.name, device.device, error)
        except InvalidReadingError as error:
            self._intake.reject(self.name, repr(readings).encode(), str(error))
        else:
            self._bits.update(turned)
            self._roll.heard(device.device)

    def _set_aside(
        self, device: ModbusDevice, function: str, address: int, raw: bytes, reason: str
    ) -> None:
        key = (device.device, function, address)
        before, again_at = self._faults.get(key, ("", 0.0))
        # a value that wanders where it cannot be is the same fault at each poll
        if before[:40] == reason[:40] and time.monotonic() < again_at:
            return
        self._faults[key] = (reason, time.monotonic() + AGAIN_S)
        _log.warning("%s: %s %s %d: %s", self.name, device.device, function, address, reason)
        line = f"{device.device} unit {device.unit} {function} {address}: ".encode() + raw
        self._intake.reject(self.name, line, reason)

    def _carry_out(
        self, device: ModbusDevice, relay: Relay, command: Command, done: "Future[CommandResult]"
    ) -> None:
        if command.expires_at <= now_ms() or not done.set_running_or_notify_cancel():
            done.cancel()
            return
        try:
            result = self._write(device, relay, command)
        except ConnectionException:
            done.set_result(failed(command, "the connection was lost; it may have been done"))
            raise
        except ModbusException as error:
            result = failed(command, f"{device.device} did not answer: {error}")
        done.set_result(result)

    def _write(self, device: ModbusDevice, relay: Relay, command: Command) -> CommandResult:
        try:
            _judge(self._client.write_coil(relay.coil, relay.value, device_id=device.unit))
        except _RefusedError as error:
            return failed(command, f"{device.device} refused: {error}")
        confirm = relay.confirm or Confirmed(address=relay.coil, value=relay.value, within_s=0)
        until = time.monotonic() + confirm.within_s
        block = Block(confirm.function, confirm.address, 1, ())
        while True:
            try:
                stands = bool(self._read(device, block)[0])
            except _RefusedError as error:
                return failed(command, f"written, but it cannot be read back: {error}")
            if stands == confirm.value:
                return CommandResult(id=command.id, ok=True, at=now_ms())
            if time.monotonic() >= until:
                break
            time.sleep(CONFIRM_EVERY_S)
        where = f"{confirm.function} {confirm.address}"
        return failed(command, f"written, but {where} still says {str(stands).lower()}")


def _judge(answer: ModbusPDU) -> None:
    """Let an answer pass.

    Raises:
        _RefusedError: it is an exception.
        ModbusException: it is a gateway's, whose device does not answer.
    """
    if answer.isError() and answer.exception_code in _BEHIND_GATEWAY:
        raise ModbusException(refusal(answer.exception_code))
    if answer.isError():
        raise _RefusedError(refusal(answer.exception_code))
