"""A community's stored readings as a source."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from anju_devices.messages import Reading, Value
from anju_devices.model import Field
from anju_platform.backtest import repository
from anju_platform.backtest.repository import Row
from anju_platform.backtest.source import Known, Period, Span, Tally, one_community
from anju_platform.baselines.known import Baselines
from anju_platform.database import from_millis
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.registry import snapshot
from anju_platform.registry.coverage import KEPT_MS
from anju_platform.registry.privacy import HEALTH_FIELDS
from anju_platform.registry.repository import learnable_devices
from anju_platform.registry.snapshot import KnownDevice
from anju_platform.rulebook import force
from anju_platform.telemetry.model import Flag
from anju_platform.telemetry.writing import FUTURE_MS, HISTORY_MS, Taken
from anju_rules import load_library

_WINDOW_MS = 86_400_000
"""So much is sorted at a time."""
_UNTIMED = int(Flag.FUTURE | Flag.BEHIND)


class StoredReadings:
    """What devices of one community said and the database kept.

    Only devices that are approved now are known, with what the registry says of them now; those
    of homes where nobody agreed to learning are left out, and of all homes what a body says.
    Holds its session's transaction, which only reads, for as long as it is read.
    """

    def __init__(
        self, session: Session, community: str, span: Span, *, devices: Sequence[str] = ()
    ) -> None:
        """Look the community up.

        Raises:
            NotFoundError: there is no such community, or no such approved device.
            InvalidRequestError: the span is empty.
        """
        if not span.warm <= span.start < span.end:
            raise InvalidRequestError("the span is empty: its end must be after its start")
        # one picture of the data throughout, and no way to change it
        session.connection(
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        known = snapshot.load(session).by_slug.get(community)
        if known is None:
            raise NotFoundError(f"there is no community {community!r}")
        if strangers := sorted(set(devices) - set(known.devices)):
            raise NotFoundError(f"no approved device {', '.join(strangers)} in {community}")
        self._session = session
        learnable = learnable_devices(session, known.id)
        asked = devices or list(known.devices)
        shared = [slug for slug in asked if known.devices[slug].id in learnable]
        if len(shared) < len(devices) or (asked and not shared):
            raise NotFoundError("whoever lives there lets nothing be learned from these devices")
        self.registry = one_community(known, shared)
        self.community = self.registry.by_slug[community]
        self.name = f"database: {community}"
        self.span = span
        self.blind = repository.blind_periods(session, known.id, from_millis(span.warm - KEPT_MS))
        self.known_since = repository.created(session, known.id)
        library = {rule.id: rule for rule in load_library()}
        overlay = force.load(session, library, known.id).get(known.id, {})
        self.rules = {rule.id: rule for rule in force.in_force(library, overlay)}
        self.baselines = Baselines.load(session)
        self.tally = Tally()
        self._devices = {device.id: device for device in self.community.devices.values()}
        self._fields = {number: _by_number(device) for number, device in self._devices.items()}

    def readings(self) -> Iterator[Taken]:
        """Give the readings received in the span, as :mod:`.repository` tells when that was."""
        span, community_id, ids = self.span, self.community.id, sorted(self._devices)
        within: Period = (span.warm, span.end)
        self.tally.undated = repository.undated(self._session, community_id, ids, within)
        odd = repository.odd_rows(
            self._session,
            community_id,
            ids,
            (span.warm, span.end),
            (span.warm - KEPT_MS, span.end),
        )
        yield from merge(self._joined(self._prompt(ids)), self._joined(odd), key=_received)

    def _prompt(self, ids: Sequence[int]) -> Iterator[Row]:
        for since in range(self.span.warm, self.span.end, _WINDOW_MS):
            until = min(since + _WINDOW_MS, self.span.end)
            # none of these was on its way for longer, or ahead of us by more
            observed = (since - HISTORY_MS - 1, until + FUTURE_MS + 1)
            yield from repository.prompt_rows(
                self._session, self.community.id, ids, (since, until), observed
            )

    def causes(self, rule_ids: Sequence[str]) -> list[Known]:
        """Give what people said of alerts these rules raised in the span."""
        since, until = from_millis(self.span.start), from_millis(self.span.end)
        return repository.causes(self._session, self.community.id, rule_ids, since, until)

    def _joined(self, rows: Iterator[Row]) -> Iterator[Taken]:
        """Join what one device said at one moment back into a reading; two events stay two."""
        for (number, at, received_at), group in groupby(rows, key=_moment):
            device = self._devices[number]
            fields = self._fields[number]
            values: dict[str, Value] = {}
            events: list[Row] = []
            flags, is_known = 0, True
            for row in group:
                flags |= row[3]
                is_known = is_known and row[4]
                if row[7] is not None:
                    events.append(row)
                elif (field := fields.get(row[5] or 0)) is not None and row[6] is not None:
                    values[field.name] = field.word(row[6])
            if not is_known:
                self.tally.assumed += 1
            judged_at = received_at if flags & _UNTIMED else at
            for event in events:
                reading = Reading(
                    device=device.slug,
                    at=at,
                    values=values,
                    event=event[7],
                    id=event[8],
                    data=_data(device, event[9] or {}),
                )
                values = {}
                yield Taken(device, reading, judged_at, received_at, flags)
            if values:
                reading = Reading(device=device.slug, at=at, values=values)
                yield Taken(device, reading, judged_at, received_at, flags)


def _by_number(device: KnownDevice) -> dict[int, Field]:
    known = {field.name: field for field in device.model.fields}
    withheld = _withheld(device)
    return {number: known[name] for name, number in device.fields.items() if name not in withheld}


def _data(device: KnownDevice, said: Mapping[str, Any]) -> dict[str, Any]:
    withheld = _withheld(device)
    return {name: value for name, value in said.items() if name not in withheld}


def _withheld(device: KnownDevice) -> frozenset[str]:
    """Give what is not read: at home, what a body says."""
    return HEALTH_FIELDS if device.household_id is not None else frozenset()


def _moment(row: Row) -> tuple[int, int, int]:
    return row[0], row[1], row[2]


def _received(one: Taken) -> int:
    return one.received_at
