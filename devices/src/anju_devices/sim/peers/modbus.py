"""A Modbus TCP line with a cabinet, a water meter and a gas valve, on pymodbus's own server.

Unit 1 is a cabinet (``cabinet-1x4``), unit 2 a water meter (``xintai-water``), unit 3 a gas
alarm: discrete input 0 is its alarm, coil 0 closes its valve. All other units are silent.
"""

import argparse
import asyncio
import contextlib
import random
import struct
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from anju_devices.errors import DeviceError

CABINET, METER, VALVE = 1, 2, 3
EVERY_S = 1.0
_HOLDING = 16
_UNIT = 6
"""Where a frame says which unit it is of or for."""
_FUNCTIONS = {"coil": 5, "discrete": 2, "holding": 6, "input": 4}


class ModbusPeer:
    """The line; its values may be changed while it serves.

    Args:
        port: 0 takes a free one.
        trace: is shown each frame, with whether the line says it.
    """

    def __init__(
        self, port: int = 0, *, trace: Callable[[bool, bytes], None] | None = None
    ) -> None:
        self._wanted = port
        self._trace = trace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def start(self) -> None:
        """Serve in the background.

        Raises:
            DeviceError: pymodbus is not installed, or the port is taken.
        """
        self._thread.start()
        try:
            self._do(self._serve())
        except (ImportError, RuntimeError, OSError) as error:
            self.stop()
            raise DeviceError(f"a Modbus line cannot be simulated: {error}") from error

    def stop(self) -> None:
        """Hang up on everybody and end."""
        if not self._thread.is_alive():
            return
        if self.port:
            self._do(self._server.shutdown())  # type: ignore[no-untyped-call]
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    def put(self, unit: int, function: str, address: int, *values: int) -> None:
        """Have a unit say other values from now on; bits are 0 or 1."""
        said = [bool(one) for one in values] if function in {"coil", "discrete"} else list(values)
        self._do(self._server.async_setValues(unit, _FUNCTIONS[function], address, said))

    def get(self, unit: int, function: str, address: int) -> int:
        """Give what stands at an address."""
        reading = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[function]
        return int(self._do(self._server.async_getValues(unit, reading, address, 1))[0])

    async def _serve(self) -> None:
        from pymodbus.server import ModbusTcpServer
        from pymodbus.simulator import DataType, SimData, SimDevice

        def device(unit: int, holding: list[int]) -> SimDevice:
            bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
            words = [SimData(0, values=holding, datatype=DataType.REGISTERS)]
            return SimDevice(unit, (bits, bits, words, words))

        self._server = ModbusTcpServer(
            [
                device(CABINET, [32, 251, 264, 248, 0x7FFF, *[0] * (_HOLDING - 5)]),
                device(METER, [*last_byte_first(118.25), *[0] * (_HOLDING - 2)]),
                device(VALVE, [0] * _HOLDING),
            ],
            address=("127.0.0.1", self._wanted),
            trace_packet=self._show,
        )
        await self._server.serve_forever(background=True)
        listening: Any = self._server.transport
        self.port = listening.sockets[0].getsockname()[1]

    def _show(self, sending: bool, frame: bytes) -> bytes:
        if self._trace:
            self._trace(sending, frame)
        silent = sending and frame[_UNIT] not in {CABINET, METER, VALVE}
        return b"" if silent else frame  # the server would say "device failure"

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def last_byte_first(number: float) -> tuple[int, int]:
    """Give a float's two registers with its last byte first (DCBA)."""
    low, high = struct.unpack(">2H", struct.pack("<f", number))
    return low, high


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the values wander a little."""
    parser = argparse.ArgumentParser(
        prog="python -m anju_devices.sim.peers.modbus", description=__doc__
    )
    parser.add_argument("--port", type=int, default=5020)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    peer = ModbusPeer(options.port)
    peer.start()
    sys.stdout.write(f"a Modbus line at 127.0.0.1:{peer.port}: units 1, 2 and 3\n")
    total = 118.25
    with contextlib.suppress(KeyboardInterrupt):
        while not threading.Event().wait(EVERY_S):
            peer.put(CABINET, "holding", 0, chance.randint(25, 45))
            total += chance.choice((0, 0, 0.002))
            peer.put(METER, "holding", 0, *last_byte_first(total))
    peer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
