"""The community file as the simulation sees it: who lives where, with which devices."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_devices.errors import DeviceError
from anju_devices.messages import Id

WALKING_M_S = 1.1
_DETOUR = 1.3


class DeviceEntry(msgspec.Struct, frozen=True):
    """A device of the community file."""

    slug: Id
    model: str
    gateway: Id
    place: Id
    household: Id | None = None
    attributes: dict[str, Any] = {}
    interval_s: int | None = None


class _Place(msgspec.Struct, frozen=True):
    slug: Id
    parent: Id | None = None
    kind: str = ""
    x: float | None = None
    y: float | None = None


class _Resident(msgspec.Struct, frozen=True):
    name: str
    born_on: str | None = None
    elder: bool = False


class _Household(msgspec.Struct, frozen=True):
    slug: Id
    place: Id
    attributes: dict[str, Any] = {}
    residents: list[_Resident] = []


class _Community(msgspec.Struct, frozen=True):
    slug: Id
    timezone: str = "Asia/Shanghai"


class _File(msgspec.Struct, frozen=True):
    community: _Community
    places: list[_Place]
    devices: list[DeviceEntry]
    households: list[_Household] = []


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who lives here: a name for their random choices, and what carries them out."""

    slug: str
    age: int
    elder: bool
    credential: str


@dataclass(frozen=True, slots=True)
class Home:
    """A household: its people, its devices by model, and the doors on the way out."""

    slug: str
    place: str
    floor: int
    attributes: Mapping[str, Any]
    people: tuple[Person, ...]
    devices: Mapping[str, str]
    entrance: str | None
    gates: tuple[tuple[str, float], ...]
    """Each gate with the seconds it takes to walk there from the entrance."""


@dataclass(frozen=True, slots=True)
class Site:
    """The whole community, less what is driven by real drivers."""

    slug: str
    zone: ZoneInfo
    devices: Mapping[str, DeviceEntry]
    homes: Sequence[Home]
    lanes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Vehicle lanes by direction, "in" and "out"."""

    def of_model(self, model: str, **attributes: Any) -> list[str]:
        """Give the devices of a model that have all these attributes."""
        return [
            d.slug
            for d in self.devices.values()
            if d.model == model
            and all(d.attributes.get(name) == value for name, value in attributes.items())
        ]


def load(path: Path) -> Site:
    """Read a community file.

    Raises:
        DeviceError: the file cannot be read or is no community file; the text says why.
    """
    try:
        return understand(path.read_bytes())
    except OSError as error:
        raise DeviceError(f"community file {str(path)!r}: {error.strerror}") from error


def understand(content: bytes) -> Site:
    """Give the site a community file describes.

    Raises:
        DeviceError: it is no community file; the text says where.
    """
    try:
        file = msgspec.json.decode(content, type=_File)
    except msgspec.DecodeError as error:
        raise DeviceError(f"not a community file: {error}") from error
    places = {place.slug: place for place in file.places}
    own = {d.slug: d for d in file.devices if "driver" not in d.attributes}
    lanes: dict[str, tuple[str, ...]] = {}
    for device in own.values():
        if device.model == "vehicle_lane":
            direction = device.attributes.get("direction", "in")
            lanes[direction] = (*lanes.get(direction, ()), device.slug)
    return Site(
        slug=file.community.slug,
        zone=ZoneInfo(file.community.timezone),
        devices=own,
        homes=_homes(file, own, places),
        lanes=lanes,
    )


def _homes(file: _File, own: Mapping[str, DeviceEntry], places: Mapping[str, _Place]) -> list[Home]:
    inside: dict[str, dict[str, str]] = {}
    for device in own.values():
        if device.household:
            inside.setdefault(device.household, {})[device.model] = device.slug
    doors = {d.place: d.slug for d in own.values() if d.model == "door"}
    gates = [d for d in own.values() if d.model == "door" and d.attributes.get("gate")]
    homes = []
    for household in file.households:
        above = _above(household.place, places)
        entrance = next((p for p in above if p.kind == "entrance"), None)
        homes.append(
            Home(
                slug=household.slug,
                place=household.place,
                floor=_floor(above),
                attributes=household.attributes,
                people=tuple(_people(household)),
                devices=inside.get(household.slug, {}),
                entrance=doors.get(entrance.slug) if entrance else None,
                gates=tuple((g.slug, _walk_s(entrance, places[g.place])) for g in gates),
            )
        )
    return homes


def _above(slug: str, places: Mapping[str, _Place]) -> list[_Place]:
    """Give a place and all it lies in, from inside out."""
    found = []
    place = places.get(slug)
    while place is not None:
        found.append(place)
        place = places.get(place.parent) if place.parent else None
    return found


def _floor(above: Sequence[_Place]) -> int:
    slug = next((p.slug for p in above if p.kind == "floor"), "")
    digits = slug.rpartition("-f")[2]
    return int(digits) if digits.isdigit() else 1


def _people(household: _Household) -> list[Person]:
    people = []
    for number, resident in enumerate(household.residents, start=1):
        slug = f"{household.slug}-{number}"
        year = int(resident.born_on[:4]) if resident.born_on else 1985
        digest = hashlib.blake2s(slug.encode(), key=b"simulated", digest_size=8).hexdigest()
        people.append(Person(slug, 2026 - year, resident.elder, digest))
    return people


def _walk_s(start: _Place | None, end: _Place) -> float:
    if start is None or None in {start.x, start.y, end.x, end.y}:
        return 120.0
    metres = math.dist((start.x or 0.0, start.y or 0.0), (end.x or 0.0, end.y or 0.0))
    return round(metres * _DETOUR / WALKING_M_S, 1)
