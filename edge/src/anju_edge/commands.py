"""What the platform asks of this gateway and of the devices behind it.

A command's MQTT message is acknowledged only when its result has been published, so that a
command survives a crash of this agent; one that comes twice is carried out once.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from anju_devices.errors import InvalidMessageError
from anju_devices.link import Message
from anju_devices.messages import Command, CommandResult, decode_command, encode
from anju_edge.clock import now_ms
from anju_edge.errors import EdgeError

UPLOAD_SNAPSHOT = "upload-snapshot"
WORKERS = 4
REMEMBERED = 1000
RETRY_S = 0.5

_log = logging.getLogger(__name__)
Handler = Callable[[Command], CommandResult]


class Commands:
    """Carries out commands, a few at a time, away from the network thread.

    Args:
        own: what this gateway itself can do, by command name.
        devices: asks a device and waits for its answer; None when no driver can.
        publish: publishes a result; False when not connected.
        acknowledge: tells the broker that a message has been dealt with.
    """

    def __init__(
        self,
        *,
        own: dict[str, Handler],
        devices: Handler | None,
        publish: Callable[[bytes], bool],
        acknowledge: Callable[[Message], bool],
    ) -> None:
        self._own = own
        self._devices = devices
        self._publish = publish
        self._acknowledge = acknowledge
        self._stop = threading.Event()
        self._known: OrderedDict[str, CommandResult | None] = OrderedDict()
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="command")

    def receive(self, message: Message) -> None:
        """Take one message of ``down/commands``; returns at once."""
        try:
            command = decode_command(message.payload)
        except InvalidMessageError as error:
            _log.warning("a command that cannot be read is passed over: %s", error)
            self._acknowledge(message)
            return
        if self._stop.is_set():
            return
        with self._lock:
            if command.id in self._known and self._known[command.id] is None:
                return  # it is being carried out; that run acknowledges its own delivery
            self._known.setdefault(command.id, None)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._workers.submit(self._work, command, message)

    def stop(self) -> None:
        """Begin no further command; what is unfinished comes again after the restart."""
        self._stop.set()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _work(self, command: Command, message: Message) -> None:
        result = self._known.get(command.id) or self._carry_out(command)
        payload = encode(result)
        while not self._publish(payload):
            if self._stop.wait(RETRY_S):
                return
        with self._lock:
            self._known[command.id] = result
        self._acknowledge(message)

    def _carry_out(self, command: Command) -> CommandResult:
        if command.expires_at <= now_ms():
            return _failed(command, "it came after it had expired")
        handler = self._devices if command.device else self._own.get(command.name)
        if handler is None:
            return _failed(command, f"this gateway does not know the command {command.name!r}")
        try:
            return handler(command)
        except EdgeError as error:
            return _failed(command, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, the platform is told
            _log.exception("command %s failed", command.name)
            return _failed(command, f"the gateway failed: {error}")


def _failed(command: Command, detail: str) -> CommandResult:
    _log.warning("command %s %s failed: %s", command.name, command.id, detail)
    return CommandResult(id=command.id, ok=False, at=now_ms(), detail=detail)
