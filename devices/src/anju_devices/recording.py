"""A recorded home as a file: one row per activation of a sensor, in the home's local time.

The columns are ``start,end,sensor``. The sensor at the home's entrance ("front", "entry",
"entrance", "main" or "apartment" door) is a ``door_contact``; every other one is a
``binary_sensor``. One row becomes exactly one event at its start (``opened`` or ``active``,
with the field turned on) and one reading of values at its end (the field turned off).
"""

import csv
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2s
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from anju_devices.errors import RecordingError
from anju_devices.messages import Reading, Value

COLUMNS = ["start", "end", "sensor"]
_ENTRANCE = re.compile(r"\b(front|entry|entrance|main|apartment)[\s-]*door\b", re.IGNORECASE)
_NAMESPACE = uuid.UUID("5c6d7e7a-6d0f-5a43-9d7e-0a61b8f4a1c2")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of the recording as a device of ours."""

    name: str
    device: str
    model: str

    @property
    def event(self) -> str:
        """The event its activation is."""
        return "opened" if self.model == "door_contact" else "active"

    def values(self, *, on: bool) -> dict[str, Value]:
        """Give its field, turned on or off."""
        if self.model == "door_contact":
            return {"contact": "open" if on else "closed"}
        return {"active": on}


@dataclass(frozen=True, slots=True)
class Row:
    """One activation; times in epoch milliseconds."""

    number: int
    """Its line in the file."""
    start: int
    end: int
    sensor: Sensor


def home_of(file: Path, home: str | None) -> str:
    """Give the home's name: the one configured, else made of the file's."""
    return home or slug(file.stem)


def slug(text: str) -> str:
    """Make a wire id of a name: lower case, digits and single hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48] or "unnamed"


def read(
    file: Path,
    *,
    home: str,
    zone: ZoneInfo,
    on_bad: Callable[[RecordingError], None] | None = None,
) -> list[Row]:
    """Read a whole recording; ``on_bad`` is told of a row that cannot be read, and it goes on.

    Raises:
        RecordingError: it is missing or a line is not ``start,end,sensor`` with local times.
    """
    sensors: dict[str, Sensor] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.reader(lines)
            if next(table, None) != COLUMNS:
                raise RecordingError(f"{file}: the first line must be {','.join(COLUMNS)}")
            found = []
            for number, cells in enumerate(table, start=2):
                if not cells:
                    continue
                try:
                    row = _row((file, number), cells, partial(_sensor, sensors, home), zone)
                except RecordingError as error:
                    if on_bad is None:
                        raise
                    on_bad(error)
                else:
                    found.append(row)
            return found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or f"not text: {error}"
        raise RecordingError(f"{file}: cannot be read: {reason}") from error


def _row(
    where: tuple[Path, int], cells: list[str], sensor: Callable[[str], Sensor], zone: ZoneInfo
) -> Row:
    file, number = where
    try:
        start, end, name = cells
        times = [
            int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)
            for text in (start, end)
        ]
    except ValueError as error:
        raise RecordingError(f"{file}:{number}: not a row of start,end,sensor: {error}") from error
    return Row(number, times[0], max(times), sensor(name.strip()))


def _sensor(known: dict[str, Sensor], home: str, name: str) -> Sensor:
    if name not in known:
        model = "door_contact" if _ENTRANCE.search(name) else "binary_sensor"
        device = f"{home}-{slug(name)}"[:64]
        if any(sensor.device == device for sensor in known.values()):
            # names in Chinese all make the same id, long ones begin alike: tell them apart
            device = f"{device[:55]}-{blake2s(name.encode(), digest_size=4).hexdigest()}"
        known[name] = Sensor(name, device, model)
    return known[name]


def readings(rows: list[Row]) -> list[tuple[Sensor, Reading]]:
    """Give what the sensors said, in the order they said it."""
    return sorted(_said(rows), key=lambda said: said[1].at)


def _said(rows: list[Row]) -> Iterator[tuple[Sensor, Reading]]:
    for row in rows:
        sensor = row.sensor
        yield (
            sensor,
            Reading(
                device=sensor.device,
                at=row.start,
                values=sensor.values(on=True),
                event=sensor.event,
                # made of the row, so that playing it again is known to be the same event
                id=str(uuid.uuid5(_NAMESPACE, f"{sensor.device}/{row.number}/{row.start}")),
            ),
        )
        off = sensor.values(on=False)
        yield sensor, Reading(device=sensor.device, at=row.end, values=off)


def describe(
    rows: list[Row], *, home: str, community: Mapping[str, Any], gateway: str
) -> dict[str, Any]:
    """Give the community file that lets a platform know the recorded home's devices.

    ``community`` is the file's head, taken over as it is.
    """
    sensors = {row.sensor.device: row.sensor for row in rows}
    root = f"{home}-recorded"
    return {
        "community": dict(community),
        "places": [
            _place(root, parent=None, kind="building", labels=("回放", "Replay")),
            _place(home, parent=root, kind="unit", labels=(home, home)),
        ],
        "gateways": [
            {"slug": gateway, "place": root, "name": "回放网关", "name_en": "Replay gateway"}
        ],
        "households": [
            {
                "slug": home,
                "place": home,
                "attributes": {"lives_alone": True},
                "residents": [],
                "contacts": [],
                # whoever lived there let it be published
                "consents": [
                    {"viewers": ["guard", "property", "office", "admin"], "purposes": ["care"]},
                    {"viewers": ["everybody"], "purposes": ["statistics"]},
                ],
            }
        ],
        "devices": [
            _device(gateway, "gateway", gateway=gateway, place=root, name="Replay gateway"),
            *(
                _device(s.device, s.model, gateway=gateway, place=home, household=home, name=s.name)
                for s in sensors.values()
            ),
        ],
    }


def _place(name: str, *, parent: str | None, kind: str, labels: tuple[str, str]) -> dict[str, Any]:
    label, label_en = labels
    place = {"slug": name, "parent": parent, "kind": kind, "label": label, "label_en": label_en}
    return {**place, "x": None, "y": None, "attributes": {}}


def _device(
    device: str, model: str, *, gateway: str, place: str, name: str, household: str | None = None
) -> dict[str, Any]:
    return {
        "slug": device,
        "model": model,
        "gateway": gateway,
        "place": place,
        "household": household,
        "name": name,
        "name_en": name,
        "attributes": {"driver": "replay"},
        "interval_s": None,
    }
