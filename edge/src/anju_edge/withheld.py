"""Devices of which this gateway passes nothing on: whoever lives there wants it so.

The platform says which, all of them at once; it holds across restarts.
"""

import logging
import threading
from pathlib import Path

import msgspec

from anju_devices.messages import Command, CommandResult
from anju_edge.clock import now_ms
from anju_edge.errors import EdgeError
from anju_edge.whole_file import write_whole

WITHHOLD = "withhold"

_log = logging.getLogger(__name__)


class WithholdError(EdgeError):
    """It cannot be carried out; the text says why."""


class _Kept(msgspec.Struct, frozen=True):
    """What was asked last: which command said so, and the devices."""

    command: str = ""
    devices: frozenset[str] = frozenset()


class Withheld:
    """The devices, kept in a file; any thread may ask."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._kept = _read(path)

    def __contains__(self, device: object) -> bool:
        """Tell whether nothing of a device is passed on."""
        return device in self._kept.devices

    def withhold(self, command: Command) -> CommandResult:
        """Do as a command says; what was asked before it, and comes later, changes nothing.

        Raises:
            WithholdError: it names no devices, or the file cannot be written.
        """
        devices = command.args.get("devices")
        if not isinstance(devices, list) or not all(isinstance(one, str) for one in devices):
            raise WithholdError("withhold needs the ids of devices in args.devices")
        with self._lock:
            if command.id >= self._kept.command:  # ids are in the order of asking
                self._keep(_Kept(command.id, frozenset(devices)))
            number = len(self._kept.devices)
        said = f"nothing of {number} devices is passed on"
        return CommandResult(id=command.id, ok=True, at=now_ms(), detail=said)

    def _keep(self, kept: _Kept) -> None:
        try:
            write_whole(self._path, msgspec.json.encode(kept))
        except OSError as error:
            raise WithholdError(f"{self._path.name} cannot be written: {error.strerror}") from error
        self._kept = kept


def _read(path: Path) -> _Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept()
    except (OSError, msgspec.DecodeError) as error:
        # the platform refuses what still comes, and asks again
        _log.error("%s cannot be read, all devices are passed on: %s", path, error)
        return _Kept()
