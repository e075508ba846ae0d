"""A client of an edge agent's native driver: JSON lines over TCP, nothing lost on the way.

Every reading stays in the queue until the agent says it is ``kept``; after a lost
connection all that was not is sent again, in order.
"""

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from anju_devices.errors import DeviceError
from anju_devices.messages import Command, CommandResult, Reading, encode

log = logging.getLogger(__name__)

MAX_QUEUE = 100_000
"""Readings kept in memory while the agent is away; then some are given up."""
_CONNECT_S = 5.0
_RETRY_FIRST_S, _RETRY_MOST_S = 0.25, 10.0
_STEADY_S = 5.0
_AT_ONCE = 500


class _Line:
    """A reading on its way: its text, and the number of the line it was sent as."""

    __slots__ = ("number", "refused", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.number = 0
        self.refused = False


class NativeClient:
    """One connection to one agent, for the devices behind its gateway.

    Args:
        address: the agent's host and port, or the file where the agent writes its port,
            read at every try because a restarted agent may have chosen another.
        token: the agent's native token.
        devices: model names by device id.
        on_command: carries out a command and gives the answer.
        on_connected: called each time the agent has greeted us.
    """

    def __init__(
        self,
        address: tuple[str, int | Path],
        token: str,
        devices: Mapping[str, str],
        *,
        on_command: Callable[[Command], CommandResult],
        on_connected: Callable[[], None] = lambda: None,
        max_queue: int = MAX_QUEUE,
    ) -> None:
        self.connected = False
        self.given_up = 0
        """Readings lost because the queue was full."""
        self._host, self._port = address
        self._name = f"{address[0]}:{address[1]}"
        self._hello = {"token": token, "devices": dict(devices)}
        self._on_command = on_command
        self._on_connected = on_connected
        self._max_queue = max_queue
        self._waiting: deque[_Line] = deque()
        self._sent: deque[_Line] = deque()
        self._kept = 0
        self._lines = 0
        self._more = asyncio.Event()

    @property
    def queued(self) -> int:
        """How many readings the agent has not confirmed."""
        return len(self._waiting) + len(self._sent)

    def offer(self, reading: Reading) -> None:
        """Take a reading; it is sent when the agent is there.

        When the queue is full the oldest that was never sent is given up for it; if all are
        on their way, which the agent counts, the new one is.
        """
        if self.queued >= self._max_queue:
            self.given_up += 1
            if self.given_up == 1:
                log.warning("%s: the queue is full; readings are lost", self._name)
            if not self._waiting:
                return
            self._waiting.popleft()
        self._waiting.append(_Line(encode(reading) + b"\n"))
        self._more.set()

    async def run(self) -> None:
        """Connect, serve, and connect again, until cancelled."""
        attempt = 0
        said = ""
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._once()
                reason = "the agent hung up"
            except (OSError, DeviceError, ValueError, msgspec.MsgspecError) as error:
                reason = str(error) or type(error).__name__
            self.connected = False
            steady = asyncio.get_running_loop().time() - began >= _STEADY_S
            attempt = 0 if steady else attempt + 1
            delay_s = min(_RETRY_FIRST_S * 2 ** min(attempt, 6), _RETRY_MOST_S)
            level = logging.DEBUG if reason == said else logging.WARNING
            log.log(level, "%s: %s; trying again", self._name, reason)
            said = reason
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))

    async def _once(self) -> None:
        """Serve one connection to its end."""
        port = self._port if isinstance(self._port, int) else int(self._port.read_text("utf-8"))
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(self._host, port, limit=1 << 20)
        try:
            self._begin()
            writer.write(json.dumps(self._hello).encode() + b"\n")
            async with asyncio.timeout(_CONNECT_S):
                greeting = _read(await reader.readline())
            if not greeting.get("ok"):
                raise DeviceError(f"refused: {greeting.get('error', 'no greeting')}")
            self.connected = True
            log.info("%s: connected", self._name)
            self._on_connected()
            sending = asyncio.create_task(self._send(writer))
            try:
                await self._listen(reader, writer)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            writer.close()

    def _begin(self) -> None:
        """Put what was sent and not kept in front of what waits."""
        for line in self._sent:
            line.refused = False
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()
        self._kept, self._lines = 0, 1

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        while True:
            while self._waiting:
                texts = []
                for _ in range(min(len(self._waiting), _AT_ONCE)):
                    line = self._waiting.popleft()
                    self._lines += 1
                    line.number = self._lines
                    self._sent.append(line)
                    texts.append(line.text)
                writer.write(b"".join(texts))
                await writer.drain()
            self._more.clear()
            await self._more.wait()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while text := await reader.readline():
            said = _read(text)
            if "kept" in said:
                self._confirm(int(said["kept"]))
            elif "command" in said:
                result = self._on_command(msgspec.convert(said["command"], Command))
                self._lines += 1
                answer = json.dumps({"result": msgspec.to_builtins(result)}, ensure_ascii=False)
                writer.write(answer.encode() + b"\n")
            elif "error" in said:
                self._refuse(said)

    def _confirm(self, kept: int) -> None:
        """Forget what the agent keeps; what it refused does not count."""
        while self._sent and (self._kept < kept or self._sent[0].refused):
            line = self._sent.popleft()
            if not line.refused:
                self._kept += 1

    def _refuse(self, said: Mapping[str, Any]) -> None:
        """Mark a line the agent cannot use; it is forgotten with the next confirmation."""
        log.warning("%s: %s", self._name, said["error"])
        number = said.get("line")
        for line in self._sent:
            if line.number == number:
                line.refused = True
                return


def _read(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise DeviceError(f"the agent does not speak the native protocol: {text[:80]!r}") from error
    if not isinstance(said, dict):
        raise DeviceError(f"the agent does not speak the native protocol: {text[:80]!r}")
    return said
