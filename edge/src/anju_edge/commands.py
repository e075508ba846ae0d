"""What the platform asks of this gateway and of the devices behind it.

The platform asks again until it is answered or the command has expired. So what this gateway
does itself (uploads, which may take long) is acknowledged to the broker as soon as it is
known, and so is every repetition: what is unacknowledged takes a place in the broker's window
to us, and a full window would also stop the platform's ``down/committed``. A device's command
is acknowledged when its result has been published, so that it survives a crash of this agent.

While this agent runs, a command that comes again is answered and not carried out again; one
that was under way in a crash may be carried out a second time before it expires.
"""

import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable

from anju_devices.errors import InvalidMessageError
from anju_devices.link import Message
from anju_devices.messages import Command, CommandResult, decode_command, encode
from anju_edge.answering import failed
from anju_edge.clock import now_ms
from anju_edge.errors import EdgeError, GoingDownError

UPLOAD_SNAPSHOT = "upload-snapshot"
OWN_WORKERS = 4
DEVICE_WORKERS = 64
"""They mostly wait: when a whole building's doors are to open, those that do not answer must
not keep the others waiting."""
REMEMBERED = 1000
RETRY_S = 0.5

_log = logging.getLogger(__name__)
Handler = Callable[[Command], CommandResult]


class Commands:
    """Carries out commands away from the network thread, so many at a time.

    What this gateway does itself and what its devices do have workers of their own: neither
    waits for the other.

    Args:
        own: what this gateway itself can do, by command name.
        devices: asks a device and waits for its answer; None when no driver can.
        publish: publishes a result; False when not connected.
        acknowledge: tells the broker that a message has been dealt with.
        ending: set when the agent goes down; handlers that wait watch it too.
    """

    def __init__(
        self,
        *,
        own: dict[str, Handler],
        devices: Handler | None,
        publish: Callable[[bytes], bool],
        acknowledge: Callable[[Message], bool],
        ending: threading.Event,
    ) -> None:
        self._own = own
        self._devices = devices
        self._publish = publish
        self._acknowledge = acknowledge
        self._ending = ending
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._answered: OrderedDict[str, CommandResult] = OrderedDict()
        self._own_queue = _crew("own-command", OWN_WORKERS, self._work)
        self._device_queue = _crew("device-command", DEVICE_WORKERS, self._work)

    def receive(self, message: Message) -> None:
        """Take one message of ``down/commands``; returns at once."""
        try:
            command = decode_command(message.payload)
        except InvalidMessageError as error:
            _log.warning("a command that cannot be read is passed over: %s", error)
            self._acknowledge(message)
            return
        if self._ending.is_set():
            return  # unacknowledged: it comes again after the restart
        with self._lock:
            again = command.id in self._under_way
            answer = self._answered.get(command.id)
            if not again and answer is None:
                self._under_way.add(command.id)
        if answer is not None:
            self._publish(encode(answer))
        if again or answer is not None:
            self._acknowledge(message)
        elif command.device:
            self._device_queue.put((command, message))
        else:
            self._acknowledge(message)
            self._own_queue.put((command, None))

    def stop(self) -> None:
        """Begin no further command; what is unfinished comes again after the restart."""
        self._ending.set()

    def _work(self, command: Command, message: Message | None) -> None:
        if self._ending.is_set():
            return
        try:
            result = self._carry_out(command)
        except GoingDownError:
            return
        payload = encode(result)
        while not self._publish(payload):
            if self._ending.wait(RETRY_S):
                return
        with self._lock:
            self._under_way.discard(command.id)
            self._answered[command.id] = result
            if len(self._answered) > REMEMBERED:
                self._answered.popitem(last=False)
        if message is not None:
            self._acknowledge(message)

    def _carry_out(self, command: Command) -> CommandResult:
        if command.expires_at <= now_ms():
            return _failed(command, "it came after it had expired")
        handler = self._devices if command.device else self._own.get(command.name)
        if handler is None:
            return _failed(command, f"this gateway does not know the command {command.name!r}")
        try:
            return handler(command)
        except GoingDownError:
            raise
        except EdgeError as error:
            return _failed(command, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, the platform is told
            _log.exception("command %s failed", command.name)
            return _failed(command, f"the gateway failed: {error}")


_Task = tuple[Command, Message | None]


def _crew(
    name: str, workers: int, work: Callable[[Command, Message | None], None]
) -> "queue.SimpleQueue[_Task]":
    """Start threads that work off the queue given back.

    They are daemons, unlike those of an executor: a stuck upload never delays the agent's end.
    """
    tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()

    def serve() -> None:
        while True:
            try:
                work(*tasks.get())
            except Exception:  # noqa: BLE001 - a worker less keeps others waiting unseen
                _log.exception("%s: a command was not answered", name)

    for number in range(workers):
        threading.Thread(target=serve, name=f"{name}-{number}", daemon=True).start()
    return tasks


def _failed(command: Command, detail: str) -> CommandResult:
    _log.warning("command %s %s failed: %s", command.name, command.id, detail)
    return failed(command, detail)
