"""The native protocol: JSON lines over TCP, for devices and simulators that speak Anju.

The client's first line is ``{"token": ..., "devices": {"<id>": "<model>", ...}}``; we answer
``{"ok": true}``, or ``{"error": ...}`` and hang up. Each further line is a reading. After
readings are on the disk we write ``{"kept": n}``, how many of this connection are; whoever
did not hear it sends them again, and nothing is doubled. A line that cannot be used is
answered with ``{"error": ..., "line": n}`` (the first line is number 1), set aside in the
spool with its reason, and the next line is read. When there is no room for telemetry its
lines are answered with ``error`` too and are lost: they must not stand in front of an alarm.
When there is none for an event we say so and hang up, so that the client keeps it and comes
back. A client that does not read what we write is hung up on after SEND_S.

We may write ``{"command": {...}}``; the client answers ``{"result": {...}}``.
"""

import contextlib
import hmac
import json
import logging
import socket
import struct
import threading
import time
from typing import Any

import msgspec
from pydantic import SecretStr

from anju_devices import catalog
from anju_devices.errors import InvalidReadingError, UnknownModelError
from anju_devices.messages import Command, CommandResult, Id, Lane, Reading
from anju_devices.model import DeviceModel
from anju_edge.answering import failed, not_connected, time_left_s
from anju_edge.config import NativeConfig
from anju_edge.drivers.supported import Support, Tier
from anju_edge.errors import DriverError, SpoolFullError
from anju_edge.intake import Intake
from anju_edge.spool import MAX_READING_BYTES, Entry
from anju_edge.whole_file import write_whole

SUPPORT = Support(
    driver="native",
    title="Native lines",
    tier=Tier.PEER,
    speaks="Anju's JSON lines over TCP, version 1",
    says="the simulator of this project speaks it in every demo and in tests/walk; it is our"
    " own protocol, there is no other peer.",
    page="native.md",
    devices=("the simulator `anju-sim`",),
)

HELLO_S = 10.0
"""How long a client may take for its whole first line."""
MAX_HELLO_BYTES = 4 * 1024 * 1024
RECEIVE_BYTES = 256 * 1024
MAX_CONNECTIONS = 256
SEND_S = 10
"""How long a client may not take what we write; a full socket would hold up everybody who
writes to it, commands above all."""
UNACKNOWLEDGED_MS = 20_000
TELL_S = 30.0

_log = logging.getLogger(__name__)


class _Hello(msgspec.Struct, forbid_unknown_fields=True):
    token: str
    devices: dict[Id, str]


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    result: CommandResult


_decode_hello = msgspec.json.Decoder(_Hello)
_decode_reading = msgspec.json.Decoder(Reading)
_decode_answer = msgspec.json.Decoder(_Answer)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class NativeDriver:
    """Serves the native protocol; one thread per connection, any number of devices on each."""

    name = "native"

    def __init__(self, config: NativeConfig, token: SecretStr, intake: Intake) -> None:
        self._config = config
        self._token = token
        self._intake = intake
        self._lock = threading.Lock()
        self._connections: dict[_Connection, None] = {}
        """In the order in which they came."""

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop``.

        Raises:
            DriverError: the address cannot be listened on, or a free port not be told.
        """
        address = (self._config.host, self._config.port)
        try:
            server = socket.create_server(address, backlog=64)
        except OSError as error:
            raise DriverError(f"cannot listen on {address[0]}:{address[1]}: {error}") from error
        with server:
            port = server.getsockname()[1]
            self._tell_port(port)
            _log.info("native devices may connect to %s:%d", address[0], port)
            server.settimeout(0.25)
            while not stop.is_set():
                try:
                    accepted, peer = server.accept()
                except TimeoutError:
                    continue
                self._begin(accepted, f"{peer[0]}:{peer[1]}")
        self._hang_up()

    def _tell_port(self, port: int) -> None:
        """Write the port to its file; on a full disk a fixed port serves without one."""
        if self._config.port_file is None:
            return
        try:
            write_whole(self._config.port_file, f"{port}\n".encode())
        except OSError as error:
            said = f"{self._config.port_file} cannot be written: {error.strerror}"
            if not self._config.port:
                raise DriverError(said) from error
            _log.error("%s", said)

    def _begin(self, accepted: socket.socket, peer: str) -> None:
        _watch_peer(accepted)
        connection = _Connection(accepted, peer, self._intake, self._token)
        with self._lock:
            full = len(self._connections) >= MAX_CONNECTIONS
            if not full:
                self._connections[connection] = None
        if full:
            _log.error("%s: refused: there are %d connections already", peer, MAX_CONNECTIONS)
            connection.close()
            return
        name = f"native-{peer}"
        threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True).start()

    def _serve(self, connection: "_Connection") -> None:
        try:
            connection.serve()
        except OSError as error:
            _log.info("%s: connection ended: %s", connection.peer, error)
        except Exception:  # noqa: BLE001 - one client's trouble is no other's
            _log.exception("%s: connection dropped", connection.peer)
        finally:
            with self._lock:
                del self._connections[connection]
            connection.close()

    def _hang_up(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.close()

    def has(self, device: str) -> bool:
        """Tell whether a device is connected."""
        with self._lock:
            return any(device in one.devices for one in self._connections)

    def command(self, command: Command) -> CommandResult:
        """Ask a device and wait for its answer until the command expires.

        A device that connected again is asked where it came last: the connection before may
        be dead without our knowing yet.
        """
        with self._lock:
            serving = [c for c in self._connections if command.device in c.devices]
        if not serving:
            return not_connected(command)
        return serving[-1].ask(command)


class _Connection:
    """One client, from its first line to its last."""

    def __init__(
        self, accepted: socket.socket, peer: str, intake: Intake, token: SecretStr
    ) -> None:
        self.peer = peer
        self.devices: dict[str, DeviceModel] = {}
        self._socket = accepted
        self._intake = intake
        self._token = token
        self._writing = threading.Lock()
        self._answered = threading.Condition()
        self._asked: set[str] = set()
        self._answers: dict[str, CommandResult] = {}
        self._closed = False
        self._line = 0
        self._kept = 0
        self._told_at = -TELL_S

    def serve(self) -> None:
        """Greet, then keep readings until the client hangs up."""
        rest = self._greet()
        if rest is None:
            return
        _log.info("%s: connected with %d devices", self.peer, len(self.devices))
        while True:
            lines = rest.split(b"\n")
            rest = lines.pop()
            if not self._keep(lines):
                return
            rest = rest[: MAX_READING_BYTES + 1]  # longer, it is refused when it has ended
            received = self._socket.recv(RECEIVE_BYTES)
            if not received:
                return
            rest += received

    def _greet(self) -> bytes | None:
        """Read and judge the first line; give what came after it, None when refused."""
        received = b""
        until = time.monotonic() + HELLO_S
        while b"\n" not in received and len(received) <= MAX_HELLO_BYTES:
            # drop by drop, a stranger could keep a place that a device needs
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            more = self._socket.recv(RECEIVE_BYTES)
            if not more:
                return None
            received += more
        self._socket.settimeout(None)  # SO_SNDTIMEO bounds what we write
        line, _, rest = received.partition(b"\n")
        fault = self._judge(line)
        if fault:
            _log.warning("%s: refused: %s", self.peer, fault)
            self._write({"error": fault})
            return None
        self._line = 1
        self._write({"ok": True})
        return rest

    def _judge(self, line: bytes) -> str | None:
        """Say why the client may not go on, or take in its devices."""
        try:
            hello = _decode_hello.decode(line)
        except _UNREADABLE as error:
            return f"the first line must be token and devices: {error}"
        if not hmac.compare_digest(hello.token.encode(), self._token.get_secret_value().encode()):
            return "the token is not this agent's"
        try:
            self.devices = {name: catalog.model(model) for name, model in hello.devices.items()}
        except UnknownModelError as error:
            return str(error)
        return None

    def _keep(self, lines: list[bytes]) -> bool:
        """Keep what can be used and answer the rest; False when the client must go."""
        entries: list[tuple[int, Entry]] = []
        for line in lines:
            self._line += 1
            if not line.strip():
                continue
            try:
                entries.append((self._line, self._understand(line)))
            except (*_UNREADABLE, InvalidReadingError) as error:
                if self._take_answer(line):
                    continue
                self._intake.reject(f"native {self.peer}", line, str(error))
                self._write({"error": str(error), "line": self._line})
        if not entries:
            return True
        try:
            kept = self._append(entries)
        except SpoolFullError as error:
            _log.error("%s: %s", self.peer, error)
            self._write({"error": str(error), "line": self._line})
            return False
        if kept:
            self._kept += kept
            self._write({"kept": self._kept})
        return True

    def _append(self, entries: list[tuple[int, Entry]]) -> int:
        """Keep readings, the events alone if there is no room for more; give how many.

        Raises:
            SpoolFullError: there is no room for the events either; nothing was kept.
        """
        try:
            self._intake.append([entry for _, entry in entries])
        except SpoolFullError as error:
            reason = str(error)
            refused = [line for line, entry in entries if entry.lane is Lane.TELEMETRY]
            if not refused:
                raise
        else:
            return len(entries)
        events = [entry for _, entry in entries if entry.lane is Lane.EVENTS]
        if events:
            self._intake.append(events)
        if time.monotonic() - self._told_at >= TELL_S:
            self._told_at = time.monotonic()
            _log.error("%s: telemetry is lost: %s", self.peer, reason)
        self._write(*({"error": reason, "line": line} for line in refused))
        return len(events)

    def _understand(self, line: bytes) -> Entry:
        if len(line) > MAX_READING_BYTES:
            raise InvalidReadingError(f"a line over {MAX_READING_BYTES} bytes")
        reading = _decode_reading.decode(line)
        model = self.devices.get(reading.device)
        if model is None:
            raise InvalidReadingError(f"device {reading.device!r} is not in the first line")
        return self._intake.check(reading, model)

    def _take_answer(self, line: bytes) -> bool:
        """Take a command's result, if that is what the line is."""
        try:
            answer = _decode_answer.decode(line)
        except _UNREADABLE:
            return False
        with self._answered:
            if answer.result.id in self._asked:
                self._answers[answer.result.id] = answer.result
                self._answered.notify_all()
        return True

    def ask(self, command: Command) -> CommandResult:
        """Send a command and wait for its result, at most ANSWER_S or until it expires."""
        lost = fault = "the connection to the device was lost"
        with self._answered:
            self._asked.add(command.id)
        try:
            self._write({"command": msgspec.to_builtins(command)})
            fault = "the device did not answer in time"
            with self._answered:
                self._answered.wait_for(
                    lambda: self._closed or command.id in self._answers,
                    timeout=time_left_s(command),
                )
                answer = self._answers.pop(command.id, None)
                fault = lost if self._closed else fault
        except OSError:
            answer = None
        with self._answered:
            self._asked.discard(command.id)
        return answer or failed(command, fault)

    def _write(self, *messages: dict[str, Any]) -> None:
        """Write lines, one writer at a time.

        Raises:
            OSError: the client is gone, or did not read for SEND_S and has been hung up on.
        """
        lines = [json.dumps(m, ensure_ascii=False).encode() + b"\n" for m in messages]
        if not self._writing.acquire(timeout=SEND_S):
            self.close()
            raise TimeoutError("the client does not read")
        try:
            self._socket.sendall(b"".join(lines))
        except OSError as error:
            self.close()  # half a line may have gone: nothing more can be said here
            if isinstance(error, BlockingIOError):
                raise TimeoutError("the client does not read") from error
            raise
        finally:
            self._writing.release()

    def close(self) -> None:
        """Hang up; a thread reading this connection ends, and so does waiting for answers."""
        with self._answered:
            self._closed = True
            self._answered.notify_all()
        with contextlib.suppress(OSError):  # it may be gone already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _watch_peer(accepted: socket.socket) -> None:
    """Let the kernel find out within seconds that a client is gone or does not read."""
    tcp = socket.IPPROTO_TCP
    accepted.setsockopt(tcp, socket.TCP_NODELAY, 1)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", SEND_S, 0))
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    accepted.setsockopt(tcp, socket.TCP_KEEPIDLE, 15)
    accepted.setsockopt(tcp, socket.TCP_KEEPINTVL, 5)
    accepted.setsockopt(tcp, socket.TCP_KEEPCNT, 3)
    accepted.setsockopt(tcp, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
