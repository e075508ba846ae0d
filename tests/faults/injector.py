"""Numbered readings and alarms, said to a real edge agent by real devices.

Each number is one value of one device at one time. A device keeps what it said until the
agent has answered "kept", and says it again after every broken connection: that is the
native protocol's own contract, so the ledger may count on each number exactly once.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

METERS = 6
BUTTONS = 40
PER_VALUE = 100
"""A reading's number is its value (humidity, in %) times this."""
RATE = 25.0
"""Readings a second and gateway."""
ALARM_EVERY_S = 0.5
AHEAD = 400
"""Lines sent and not yet answered."""


def now_ms() -> int:
    """Our clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def meters() -> list[str]:
    """Name the devices whose readings are numbered."""
    return [f"meter-{n}" for n in range(METERS)]


def buttons() -> list[str]:
    """Name the devices whose alarms are numbered: one alarm each."""
    return [f"sos-{n}" for n in range(BUTTONS)]


@dataclass(slots=True)
class Said:
    """One thing said: a reading if it has a ``number``, else the alarm ``id``."""

    device: str
    at: int
    number: int | None = None
    id: str = ""
    kept: bool = False
    refused: int = 0

    @property
    def line(self) -> bytes:
        """Give it as the native protocol has it."""
        what: dict[str, object] = (
            {"event": "pressed", "id": self.id}
            if self.number is None
            else {"values": {"humidity": self.number / PER_VALUE}}
        )
        return json.dumps({"device": self.device, "at": self.at, **what}).encode() + b"\n"


@dataclass(slots=True)
class _Conversation:
    """One connection to the agent: which line carried what, and how far it is answered."""

    socket: socket.socket
    lines: int = 1
    open: dict[int, Said] = field(default_factory=dict)
    kept: int = 0
    rest: bytes = b""


class Injector:
    """All devices behind one gateway, in a thread of their own.

    ``clock`` is what the devices take for the time. ``speed`` multiplies the readings.
    """

    def __init__(self, name: str, port_file: Path, token: str) -> None:
        self.said: list[Said] = []
        self.speed = 1.0
        self.clock: Callable[[], int] = now_ms
        self._name = name
        self._port_file = port_file
        self._token = token
        self._waiting: deque[Said] = deque()
        self._numbers = dict.fromkeys(meters(), 0)
        self._last_at = 0
        self._alarms = 0
        self._talk: _Conversation | None = None
        self._lock = threading.Lock()
        self._quiet = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"injector-{name}", daemon=True)

    def start(self) -> None:
        """Begin to speak."""
        self._thread.start()

    def hush(self) -> None:
        """Say nothing new; what was said is still repeated until it is kept."""
        self._quiet.set()

    def stop(self) -> None:
        """Hang up."""
        self._ending.set()
        self._thread.join(10)

    def alarm(self) -> Said:
        """Press the next button."""
        with self._lock:
            assert self._alarms < BUTTONS, "no button is left"
            said = Said(f"sos-{self._alarms}", self._at(), id=f"{self._name}-{self._alarms}")
            self._alarms += 1
            self._note(said)
        return said

    def unkept(self) -> int:
        """Give how many things the agent has not said "kept" to."""
        with self._lock:
            return sum(not one.kept for one in self.said)

    # -- in the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        began = time.monotonic()
        due, alarm_due = began, began + ALARM_EVERY_S / 2
        while not self._ending.is_set():
            now = time.monotonic()
            if self._quiet.is_set():
                due = alarm_due = now
            while due < now:
                self._read_meter()
                due += 1 / (RATE * self.speed)
            if alarm_due < now and self._alarms < BUTTONS - 2:  # the last are for afterwards
                self.alarm()
                alarm_due = now + ALARM_EVERY_S * max(1.0, (now - began) / 8)
            try:
                self._converse()
            except OSError:
                self._hang_up()
                self._ending.wait(0.1)
        self._hang_up()

    def _read_meter(self) -> None:
        with self._lock:
            device = min(self._numbers, key=lambda name: self._numbers[name])
            number = self._numbers[device]
            self._numbers[device] += 1
            self._note(Said(device, self._at(), number=number))

    def _at(self) -> int:
        """Give a time that no other thing was said at."""
        self._last_at = max(self.clock(), self._last_at + 1)
        return self._last_at

    def _note(self, said: Said) -> None:
        self.said.append(said)
        self._waiting.append(said)

    def _converse(self) -> None:
        """Send what waits and take the answers in."""
        talk = self._talk or self._connect()
        with self._lock:
            lines = []
            while self._waiting and len(talk.open) < AHEAD:
                said = self._waiting.popleft()
                talk.lines += 1
                talk.open[talk.lines] = said
                lines.append(said.line)
        if lines:
            talk.socket.sendall(b"".join(lines))
        while select.select([talk.socket], [], [], 0.02)[0]:
            received = talk.socket.recv(65536)
            if not received:
                raise ConnectionError("the agent hung up")
            *answers, talk.rest = (talk.rest + received).split(b"\n")
            for answer in answers:
                self._take(talk, json.loads(answer))

    def _connect(self) -> _Conversation:
        try:
            port = int(self._port_file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConnectionError("no port yet") from error
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        devices = dict.fromkeys(meters(), "climate") | dict.fromkeys(buttons(), "sos_button")
        hello = {"token": self._token, "devices": devices}
        connection.sendall(json.dumps(hello).encode() + b"\n")
        self._talk = _Conversation(connection)
        return self._talk

    def _take(self, talk: _Conversation, answer: dict[str, object]) -> None:
        if "line" in answer and "error" in answer:
            said = talk.open.pop(int(str(answer["line"])), None)
            if said is not None:  # refused: it is offered again a little later
                said.refused += 1
                with self._lock:
                    self._waiting.append(said)
                self._ending.wait(0.02)
        elif "error" in answer:
            raise ConnectionError(str(answer["error"]))
        elif "kept" in answer:
            fresh = int(str(answer["kept"])) - talk.kept
            talk.kept += fresh
            for line in sorted(talk.open)[:fresh]:
                talk.open.pop(line).kept = True

    def _hang_up(self) -> None:
        talk, self._talk = self._talk, None
        if talk is None:
            return
        talk.socket.close()
        with self._lock:  # what was not heard "kept" for is said again, in its order
            self._waiting.extendleft(talk.open[line] for line in sorted(talk.open, reverse=True))
