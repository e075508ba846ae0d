"""Where every driver hands over what its devices said: checked, laned, kept."""

from collections.abc import Container, Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from anju_devices.errors import InvalidReadingError
from anju_devices.messages import Reading, encode
from anju_devices.model import DeviceModel
from anju_edge.clock import new_id
from anju_edge.seen import DIGEST_BYTES
from anju_edge.spool import MAX_READING_BYTES, Entry, Spool

MAX_DEPTH = 32
"""How deep an event's data may be nested: a batch nobody can read would take the other
readings in it along."""


class Said(NamedTuple):
    """A reading with the model of the device that said it."""

    reading: Reading
    model: DeviceModel


class Intake:
    """The drivers' one way into the spool.

    A reading is kept only if its device's model knows all of it. An event without an id is
    given one here. ``lane`` and checks come from the catalogue alone. What is ``withheld`` is
    taken from its driver and passed over, as if it were kept.
    """

    def __init__(self, spool: Spool, withheld: Container[str] = ()) -> None:
        self._spool = spool
        self._withheld = withheld

    def check(self, reading: Reading, model: DeviceModel) -> Entry:
        """Give the checked reading as the spool keeps it.

        Raises:
            InvalidReadingError: the model does not know it, or it is over 64 KiB or nested
                too deep.
        """
        model.check(reading)
        if _is_deeper(reading.data, MAX_DEPTH):
            raise InvalidReadingError(f"{reading.device}: data nested over {MAX_DEPTH} deep")
        body = encode(reading)
        if len(body) > MAX_READING_BYTES:
            raise InvalidReadingError(f"{reading.device}: {len(body)} bytes in one reading")
        digest = blake2b(body, digest_size=DIGEST_BYTES).digest()
        if reading.event is not None and reading.id is None:
            body = encode(msgspec.structs.replace(reading, id=new_id()))
        return Entry(model.lane(reading), body, digest, reading.device)

    def keep(self, said: Sequence[Said], *, mark: tuple[str, int] | None = None) -> None:
        """Check and keep readings; they are safe when this returns.

        Raises:
            InvalidReadingError: a reading does not fit its model; nothing was kept.
            SpoolFullError: there is no room; nothing was kept.
        """
        self.append([self.check(reading, model) for reading, model in said], mark=mark)

    def append(self, entries: Sequence[Entry], *, mark: tuple[str, int] | None = None) -> None:
        """Keep entries made by :meth:`check`.

        Raises:
            SpoolFullError: there is no room; nothing was kept.
        """
        passed_on = [entry for entry in entries if entry.device not in self._withheld]
        self._spool.append(passed_on, mark=mark)

    def mark(self, name: str) -> int:
        """Give the position last kept under ``name``."""
        return self._spool.mark(name)

    def reject(self, source: str, line: bytes, reason: str) -> None:
        """Set a line aside that no model understands."""
        self._spool.reject(source, line, reason)


def _is_deeper(data: Any, most: int) -> bool:
    level = [data]
    for _ in range(most + 1):
        level = [inner for value in level for inner in _inside(value)]
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
