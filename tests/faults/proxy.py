"""A way through which connections pass and on which they can be hurt: a small TCP proxy.

It stands between an agent and the broker, and between ingest and the broker or the database.
What it does to them is its :class:`Weather`, which may change at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to bytes on their way; each direction suffers it.

    ``stall_chance`` is how likely a piece is lost once and sent again by TCP ``stall_s``
    later, with all that follows waiting behind it. ``bytes_s`` bounds the bandwidth of a
    connection. ``deaf`` swallows everything and says nothing: a half-open connection stays
    one for good, also when the weather is fair again.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    stall_chance: float = 0.0
    stall_s: float = 0.3
    bytes_s: float | None = None
    deaf: bool = False


FAIR = Weather()


class _Connection:
    """Two sockets and what flows between them."""

    def __init__(self, proxy: Proxy, near: asyncio.StreamWriter) -> None:
        self.deaf = False
        # the loop itself remembers no task: a half-open one would be collected, and closed
        self._task = asyncio.current_task()
        self._proxy = proxy
        self._ends = [near]

    async def serve(self, reader: asyncio.StreamReader) -> None:
        far_reader, far = await self._proxy.dial()
        near = self._ends[0]
        self._ends.append(far)
        await asyncio.gather(self._carry(reader, far), self._carry(far_reader, near))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._deliver(pieces, writer))
            due = 0.0
            while piece := await reader.read(PIECE):
                due = self._proxy.due(due, len(piece))
                if not self.deaf:
                    await pieces.put((due, piece))
            if not self.deaf:
                await pieces.put((due, b""))

    async def _deliver(
        self, pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, piece = await pieces.get()
            if (wait_s := due - clock()) > 0:
                await asyncio.sleep(wait_s)
            if self.deaf:
                continue
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    def end(self, *, reset: bool) -> None:
        for end in self._ends:
            transport = end.get_extra_info("socket")
            if reset and transport is not None and transport.fileno() != -1:
                with contextlib.suppress(OSError):  # a Unix socket knows no reset
                    linger = struct.pack("ii", 1, 0)
                    transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                end.transport.abort()
            end.close()


class Proxy:
    """Listens on a port of its own and passes connections on to ``upstream``."""

    def __init__(self, port: int, upstream: int | Path, rng: random.Random) -> None:
        self.port = port
        self._upstream = upstream
        self._rng = rng
        self._weather = FAIR
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()

    # -- what a fault does -----------------------------------------------------------------

    def suffer(self, weather: Weather) -> None:
        """Let the weather be so from now on."""
        self._call(self._change(weather))

    def open(self) -> None:
        """Let connections in."""
        self._call(self._open())

    def shut(self) -> None:
        """Close all connections and refuse new ones: the line is down."""
        self._call(self._shut())

    def hang_up(self, *, reset: bool) -> None:
        """End all connections, by a reset or in order; new ones may come at once."""
        self._call(self._hang_up(reset=reset))

    def stop(self) -> None:
        """End for good."""
        self._call(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # -- within the loop -------------------------------------------------------------------

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _change(self, weather: Weather) -> None:
        self._weather = weather
        if weather.deaf:
            for connection in self._connections:
                connection.deaf = True

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, reuse_address=True
            )

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._hang_up(reset=False)

    async def _finish(self) -> None:
        await self._shut()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _hang_up(self, *, reset: bool) -> None:
        for connection in list(self._connections):
            connection.end(reset=reset)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, writer)
        connection.deaf = self._weather.deaf
        self._connections.add(connection)
        try:
            await connection.serve(reader)
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass  # one side is gone, or we are: so the other goes too
        finally:
            self._connections.discard(connection)
            connection.end(reset=False)

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to what is behind."""
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(str(self._upstream))
        return await asyncio.open_connection("127.0.0.1", self._upstream)

    def due(self, before: float, size: int) -> float:
        """Give when a piece arrives that was sent now, after one that arrives at ``before``."""
        weather = self._weather
        now = asyncio.get_running_loop().time()
        due = max(now + weather.delay_s + self._rng.uniform(0, weather.jitter_s), before)
        if self._rng.random() < weather.stall_chance:
            due += weather.stall_s
        if weather.bytes_s is not None:
            due += size / weather.bytes_s
        return due
