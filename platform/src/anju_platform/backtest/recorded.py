"""Files as a source: readings as JSON lines, or a recorded home as the replay driver plays it.

A line of readings::

    {"device": "d", "at": 1767225600000, "received_at": 1767225601000,
     "values": {"temperature": 21}, "event": "opened", "data": {}, "id": "e-1"}

``at`` and ``received_at`` are epoch milliseconds or ISO times with an offset; without a
receive time a reading counts as received when it was observed. Lines may stand in any order.
In files every gateway could always be heard, and a device that says nothing at all in one is
not part of it: its silence means nothing.
"""

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_devices import recording
from anju_devices.errors import InvalidReadingError, RecordingError
from anju_devices.messages import Id, Millis, Name, Quality, Reading, Value
from anju_platform.backtest.source import Known, Period, Span, Tally, one_community
from anju_platform.baselines.known import Baselines
from anju_platform.database import to_millis
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.provision import CommunityFile, read_community, selves
from anju_platform.registry.model import Device, Place
from anju_platform.registry.site import Site
from anju_platform.registry.snapshot import (
    KnownCommunity,
    KnownDevice,
    KnownGateway,
    armed_hours,
    known_device,
)
from anju_platform.telemetry.writing import Clocks, Taken
from anju_rules import load_library

GATEWAY = "gw-replay"
_HOME_ZONE = "Asia/Shanghai"


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reading of a file."""

    device: Id
    at: Millis | str
    received_at: Millis | str | None = None
    values: dict[str, Value] = {}
    event: Name | None = None
    id: str | None = None
    data: dict[str, Any] = {}
    q: Quality = Quality.GOOD
    retained: bool = False


class RecordedReadings:
    """A file of readings, and the community file that says what its devices are.

    All lines are checked first; what is kept of them is when each was received and where it
    stands. The first bad line ends it, unless bad ones are to be skipped and counted.
    """

    def __init__(
        self,
        file: Path,
        community: KnownCommunity,
        *,
        devices: Sequence[str] = (),
        skip_bad: bool = False,
    ) -> None:
        """Check a file.

        Raises:
            InvalidRequestError: it cannot be read, or a line is wrong; the text names it.
            NotFoundError: ``devices`` names one that is not in the community.
        """
        _demand_devices(community, devices)
        self.name = str(file)
        self.blind: dict[int | None, Sequence[Period]] = {}
        self.known_since: dict[int, int] = {}
        self.rules = {rule.id: rule for rule in load_library()}
        self.baselines = Baselines()  # a file is of a home nothing was learned of
        self.tally = Tally()
        self._file = file
        self._known = community.devices
        self._decode = msgspec.json.Decoder(Line).decode
        self._spoke: set[str] = set()
        self._places, times = self._survey(skip_bad=skip_bad)
        self.registry = one_community(community, devices or self._spoke)
        self.community = self.registry.by_slug[community.slug]
        self.span = _whole(file, times)

    def _survey(self, *, skip_bad: bool) -> "tuple[array[int], list[int]]":
        """Give where lines stand, in order of receive time, and the first and last of those."""
        places, received = array("q"), array("q")
        place = 0
        try:
            with self._file.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    try:
                        one = self._read(line)
                        if one is not None:
                            places.append(place)
                            received.append(one[1])
                            self._spoke.add(one[0].device)
                            self.tally.assumed += one[2]
                    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidReadingError) as error:
                        fault = f"{self._file}:{number}: {error}"
                        if not skip_bad:
                            raise InvalidRequestError(fault) from error
                        self.tally.skip(fault)
                    place += len(line)
        except OSError as error:
            raise InvalidRequestError(f"{self._file}: cannot be read: {error.strerror}") from error
        order = sorted(range(len(places)), key=received.__getitem__)
        ends = [received[order[0]], received[order[-1]]] if order else []
        return array("q", (places[n] for n in order)), ends

    def _read(self, line: bytes) -> tuple[Line, int, bool] | None:
        """Give a line, when it was received, and whether that is assumed; nothing if empty."""
        if not line.strip():
            return None
        one = self._decode(line)
        device = self._known.get(one.device)
        if device is None:
            raise InvalidReadingError(f"there is no device {one.device!r} in the community")
        reading = _reading(one)
        device.model.check(reading)
        if one.received_at is None:
            return one, reading.at, True
        return one, _millis(one.received_at), False

    def readings(self) -> Iterator[Taken]:
        """Give the readings received in the span, in order of their receive time."""
        clocks, place = Clocks(), 0
        with self._file.open("rb") as lines:
            for wanted in self._places:
                if wanted != place:
                    lines.seek(wanted)
                line = lines.readline()
                place = wanted + len(line)
                found = self._read(line)
                if found is None:
                    continue
                one, received_at, _ = found
                device = self.community.devices.get(one.device)
                if device is None or not self.span.warm <= received_at < self.span.end:
                    continue
                reading = _reading(one)
                lane = device.model.lane(reading)
                yield clocks.take(device, reading, lane, received_at, retained=one.retained)

    def causes(self, rule_ids: Sequence[str]) -> list[Known]:
        """Nobody judged what a file would have raised."""
        del rule_ids
        return []


class RecordedHome:
    """A recorded home: CSV of start, end, sensor, in its local time; it needs no community file."""

    def __init__(
        self,
        file: Path,
        *,
        zone: str = _HOME_ZONE,
        devices: Sequence[str] = (),
        skip_bad: bool = False,
    ) -> None:
        """Read a recording.

        Raises:
            InvalidRequestError: it cannot be read, or a row is wrong; the text names it.
            NotFoundError: ``devices`` names one that is not in it.
        """
        self.blind: dict[int | None, Sequence[Period]] = {}
        self.known_since: dict[int, int] = {}
        self.rules = {rule.id: rule for rule in load_library()}
        self.baselines = Baselines()  # a file is of a home nothing was learned of
        self.tally = Tally()
        on_bad: Callable[[RecordingError], None] | None = None
        if skip_bad:
            on_bad = lambda error: self.tally.skip(str(error))  # noqa: E731 - one line
        home = recording.home_of(file, None)
        try:
            rows = recording.read(file, home=home, zone=ZoneInfo(zone), on_bad=on_bad)
        except RecordingError as error:
            raise InvalidRequestError(str(error)) from error
        head = {"slug": home, "name": home, "name_en": home, "timezone": zone}
        document = recording.describe(rows, home=home, community=head, gateway=GATEWAY)
        community = community_of(document)
        _demand_devices(community, devices)
        self.name = str(file)
        spoke = {row.sensor.device for row in rows}
        self.registry = one_community(community, devices or spoke)
        self.community = self.registry.by_slug[community.slug]
        self._said = [reading for _, reading in recording.readings(rows)]
        self.tally.assumed = len(self._said)
        self.span = _whole(file, [one.at for one in (self._said[:1] + self._said[-1:])])

    def readings(self) -> Iterator[Taken]:
        """Give what the sensors said, received as they said it."""
        clocks = Clocks()
        for reading in self._said:
            device = self.community.devices.get(reading.device)
            if device is not None and self.span.warm <= reading.at < self.span.end:
                lane = device.model.lane(reading)
                yield clocks.take(device, reading, lane, reading.at, retained=False)

    def causes(self, rule_ids: Sequence[str]) -> list[Known]:
        """Nobody judged what a recording would have raised."""
        del rule_ids
        return []


def narrow(whole: Span, start: int | None, end: int | None, warm_up: timedelta) -> Span:
    """Give the part of a file's span that counts, and how much before it rules warm up on."""
    begin = whole.start if start is None else max(whole.start, start)
    warm = max(whole.warm, begin - round(warm_up.total_seconds() * 1000))
    return Span(warm, begin, whole.end if end is None else min(whole.end, end))


def _whole(file: Path, received: Sequence[int]) -> Span:
    if not received:
        raise InvalidRequestError(f"{file}: there is no reading in it")
    return Span(received[0], received[0], received[-1] + 1)


def _demand_devices(community: KnownCommunity, devices: Sequence[str]) -> None:
    if strangers := sorted(set(devices) - set(community.devices)):
        raise NotFoundError(f"no device {', '.join(strangers)} in {community.slug}")


def _reading(one: Line) -> Reading:
    return Reading(
        device=one.device,
        at=_millis(one.at),
        values=one.values,
        event=one.event,
        id=one.id,
        data=one.data,
        q=one.q,
    )


def _millis(given: int | str) -> int:
    if isinstance(given, int):
        return given
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise InvalidReadingError(f"{given!r} is not a time such as 2026-05-04T08:00Z") from error
    if at.tzinfo is None:
        raise InvalidReadingError(f"{given!r} needs an offset, such as ...Z or ...+08:00")
    return to_millis(at)


def read_community_file(file: Path) -> KnownCommunity:
    """Read a community file, as ``anju community import`` takes it.

    Raises:
        InvalidRequestError: it cannot be read or is not one.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidRequestError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidRequestError(f"{file} is not JSON: {error}") from error
    return community_of(document)


def community_of(document: dict[str, Any]) -> KnownCommunity:
    """Give what rules need to know of a community file; its ids are made up.

    Raises:
        InvalidRequestError: it is not a community file, or names what is not in it.
    """
    file = read_community(document)
    gateways = {
        gateway.slug: KnownGateway(
            number,
            1,
            file.community.slug,
            gateway.slug,
            None,
            {"device": gateway.slug, "gateway": gateway.slug},
            {},
        )
        for number, gateway in enumerate(file.gateways, start=1)
    }
    devices = _devices(file, gateways)
    head = file.community
    holidays = frozenset(head.holidays)
    armed = armed_hours(
        msgspec.to_builtins(head.armed) if head.armed else None, head.timezone, holidays
    )
    return KnownCommunity(1, head.slug, head.timezone, gateways, devices, holidays, armed)


def _devices(file: CommunityFile, gateways: dict[str, KnownGateway]) -> dict[str, KnownDevice]:
    places = _places(file)
    site = Site(places.values())
    homes = {home.slug: home for home in file.households}
    found = {}
    for number, entry in enumerate([*file.devices, *selves(file)], start=1):
        home = homes.get(entry.household or "")
        for named, known in (
            (entry.gateway, gateways),
            (entry.place, places),
            (entry.household, homes),
        ):
            if named is not None and named not in known:
                raise InvalidRequestError(f"device {entry.slug}: {named!r} is not in the file")
        row = Device(
            id=number,
            community_id=1,
            gateway_id=gateways[entry.gateway].id,
            slug=entry.slug,
            model=entry.model,
            attributes=entry.attributes,
            interval_s=entry.interval_s,
        )
        person = home.attributes if home else None
        device = known_device(
            row,
            places[entry.place],
            entry.household,
            person,
            gateway=entry.gateway,
            fields=_Numbers(),
            site=site,
        )
        if device is None:
            raise InvalidRequestError(f"device {entry.slug}: no model {entry.model!r}")
        gateways[entry.gateway].devices[entry.slug] = found[entry.slug] = device
    return found


def _places(file: CommunityFile) -> dict[str, Place]:
    """Give the places by slug, hung into their tree."""
    numbers = {place.slug: number for number, place in enumerate(file.places, start=1)}
    return {
        place.slug: Place(
            id=numbers[place.slug],
            parent_id=numbers.get(place.parent or ""),
            slug=place.slug,
            kind=place.kind,
            x=place.x,
            y=place.y,
            attributes=place.attributes,
        )
        for place in file.places
    }


class _Numbers(dict[tuple[str, str], int]):
    """Fields need no number where nothing is stored."""

    def __missing__(self, key: tuple[str, str]) -> int:
        return 0
