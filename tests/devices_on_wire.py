"""A device as it really talks: JSON lines to an edge agent's native driver."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def now_ms() -> int:
    """Our clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


class NativeClient:
    """One connection to a native driver, for any number of devices behind it."""

    def __init__(self, port: int, token: str, devices: Mapping[str, str]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lines = self._socket.makefile("rb")
        self._sent = 0
        self._write({"token": token, "devices": dict(devices)})
        answer = self.read()
        if not answer.get("ok"):
            raise AssertionError(answer)

    @classmethod
    def to(cls, edge_folder: Path, token_file: Path, devices: Mapping[str, str]) -> NativeClient:
        """Connect to the agent whose folder this is, once it is there."""
        said = edge_folder / "port"
        deadline = time.monotonic() + 60
        while not said.exists() or not said.read_text("utf-8"):
            assert time.monotonic() < deadline, "the agent never said where it listens"
            time.sleep(0.05)
        port = int(said.read_text("utf-8"))
        return cls(port, token_file.read_text("utf-8").strip(), devices)

    def _write(self, message: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def send(self, device: str, *, at: int | None = None, **reading: Any) -> None:
        """Send one reading; give ``values``, ``event``, ``data``, ``id`` as needed."""
        self._sent += 1
        self._write({"device": device, "at": at or now_ms(), **reading})

    def read(self) -> dict[str, Any]:
        """Read the agent's next line."""
        line = self._lines.readline()
        if not line:
            raise AssertionError("the agent closed the connection")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def wait_kept(self) -> None:
        """Wait until the agent has everything sent so far on its disk."""
        while True:
            answer = self.read()
            if "error" in answer:
                raise AssertionError(answer)
            if answer.get("kept", 0) >= self._sent:
                return

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()
