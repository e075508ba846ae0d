"""The roll of devices that drivers of foreign protocols have met: who is who with us.

A foreign device gets one id of ours and keeps it: the one an installer wrote beside its
foreign name in ``names``, else one made of that name alone, so that it is the same after
the box was set up anew. The platform is told once (``device_found``), with the model the
driver takes it for; an installer lets it in there, and what it said meanwhile is replayed.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from anju_edge.clock import now_ms
from anju_edge.whole_file import write_whole

_UNFIT = re.compile(r"[^a-z0-9]+")
_MOST = 64
_log = logging.getLogger(__name__)


class Met(msgspec.Struct, frozen=True):
    """A foreign device: its id with us, its model of ours, and what it calls itself."""

    device: str
    driver: str
    foreign: str
    model: str
    title: str = ""
    vendor: str = ""


class Roll:
    """Whom drivers have met, kept in a file; any thread may ask.

    Args:
        path: the file; what cannot be read is begun anew, for ids do not depend on it.
        names: ids that an installer gave, by ``driver/foreign name``.
        tell: tells the platform of a newcomer; False when it could not be kept: it is
            told at the next meeting.
    """

    def __init__(self, path: Path, names: Mapping[str, str], tell: Callable[[Met], bool]) -> None:
        self._path = path
        self._names = dict(names)
        self._tell = tell
        self._lock = threading.Lock()
        self._met = {(one.driver, one.foreign): one for one in _read(path)}
        self._heard: dict[str, int] = {}

    def meet(
        self, driver: str, foreign: str, model: str, *, title: str = "", vendor: str = ""
    ) -> str:
        """Give our id of a foreign device; a newcomer, or one changed, is told to the platform."""
        key = (driver, foreign)
        one = Met(self._id(driver, foreign), driver, foreign, model, title, vendor)
        with self._lock:
            if self._met.get(key) != one and self._tell(one):
                self._met[key] = one
                self._write()
        return one.device

    def heard(self, device: str) -> None:
        """Note that a device has just said something."""
        self._heard[device] = now_ms()

    def last_heard(self, device: str) -> int | None:
        """Give when a device last said something here, epoch milliseconds; None: not yet."""
        return self._heard.get(device)

    def everybody(self) -> list[Met]:
        """Give all that were met, by id."""
        with self._lock:
            return sorted(self._met.values(), key=lambda one: one.device)

    def _id(self, driver: str, foreign: str) -> str:
        return self._names.get(f"{driver}/{foreign}") or made_id(driver, foreign)

    def _write(self) -> None:
        try:
            write_whole(self._path, msgspec.json.encode(list(self._met.values())))
        except OSError as error:
            _log.error("%s cannot be written: %s", self._path, error.strerror)


def made_id(driver: str, foreign: str) -> str:
    """Make an id of a foreign name; two different names never make the same one.

    A name that had to be bent to fit ends in a digest of the whole name.
    """
    fit = _UNFIT.sub("-", foreign.lower()).strip("-")
    plain = f"{driver}-{fit}"
    if fit == foreign and len(plain) <= _MOST:
        return plain
    digest = blake2b(foreign.encode(), digest_size=4).hexdigest()
    return f"{plain[: _MOST - len(digest) - 1].rstrip('-')}-{digest}"


def _read(path: Path) -> list[Met]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Met])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        _log.error("%s cannot be read, devices are told of again: %s", path, error)
        return []
