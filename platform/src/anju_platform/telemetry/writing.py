"""The writing side of the time series: what is stored of each reading, and when it counts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import msgspec
import numpy as np
from sqlalchemy.orm import Session

from anju_devices.messages import Lane, Quality, Reading, Value
from anju_devices.model import DeviceModel
from anju_platform.registry.coverage import Coverage
from anju_platform.registry.partitions import ALL, partition_of
from anju_platform.registry.snapshot import KnownDevice
from anju_platform.telemetry import repository
from anju_platform.telemetry.model import Flag
from anju_platform.telemetry.rollups.repository import mark_stale
from anju_platform.telemetry.statelog import AT_ONCE, Said, StateLog

FUTURE_MS = 30_000
"""A device's clock may be ahead of ours by this much."""
JUMP_MS = 3_600_000
"""A clock that goes back by more than this was set; it does not tell of the past."""
HISTORY_MS = 15 * 60_000
"""Older than this on arrival is flagged late: it builds history and never rings as if live."""
BEHIND_MS = 2 * 60_000
"""A batch on its way for longer, which nobody held up, was sent by a clock that is behind.

For so long after we could not hear, the broker may still hand over what it kept meanwhile.
"""
HELD_UP_MOST_MS = 2 * 86_400_000
"""No broker keeps a message for us longer than this (its ``persistent_client_expiration``)."""
FACTORY_MS = 1_577_836_800_000
"""2020-01-01: an earlier time is a clock that was never set."""

SELF_TEST = "canary"
"""The event of a gateway's self-test."""
SENT_AT_ONCE = 200
"""So many readings are worth a message to the database of their own."""

# plain numbers, because every operation of an enumeration costs a call of Python
_QUALITY_FLAGS = {Quality.ESTIMATED: int(Flag.ESTIMATED), Quality.STALE: int(Flag.STALE)}
_FUTURE, _LATE, _RETAINED = int(Flag.FUTURE), int(Flag.LATE), int(Flag.RETAINED)
_BEHIND = int(Flag.BEHIND)
_GOOD, _EVENTS = Quality.GOOD, Lane.EVENTS


class Taken(msgspec.Struct, eq=False, gc=False):
    """A reading taken in: whose it is and when it counts.

    ``at`` is the time it is evaluated at, epoch milliseconds: the device's own, unless that
    cannot be true. ``flags`` is a :class:`Flag`. What came too late to ring still goes to the
    rules: they must know that a door was closed, however late they hear of it.
    """

    device: KnownDevice
    reading: Reading
    at: int
    received_at: int
    flags: int


def clock_behind(sent_at: int, received_at: int, coverage: Coverage) -> int:
    """Give by how much a gateway's clock is surely behind ours, in ms; 0 if that cannot be told.

    A box without a battery for its clock, and without a network to set it by, comes back from
    a power cut in the past, and whoever presses a button then must be heard. A batch that the
    broker kept while we were away looks the same: within moments of our coming back its age
    is taken for true, for that is when a broker hands over what it kept.
    """
    on_its_way = received_at - sent_at
    if on_its_way < BEHIND_MS:
        return 0
    came_back = coverage.blind_ms(None, received_at - BEHIND_MS, received_at) > 0
    return 0 if came_back and on_its_way <= HELD_UP_MOST_MS else on_its_way


class Clocks:
    """Judges device times: each device's latest per lane, because lanes overtake each other."""

    def __init__(self) -> None:
        self._of_events: dict[int, int] = {}
        self._of_telemetry: dict[int, int] = {}

    def take(
        self,
        device: KnownDevice,
        reading: Reading,
        lane: Lane,
        received_at: int,
        *,
        retained: bool,
        behind: int = 0,
    ) -> Taken:
        """Give the reading with the time it is to be evaluated at; ``behind``: its clock, in ms."""
        flags = 0 if reading.q is _GOOD else _QUALITY_FLAGS[reading.q]
        if retained:
            flags |= _RETAINED
        at = reading.at
        latest = self._of_events if lane is _EVENTS else self._of_telemetry
        before = latest.get(device.id, 0)
        if at > received_at + FUTURE_MS or at < FACTORY_MS or at < before - JUMP_MS:
            flags |= _FUTURE
            at = received_at
        elif behind and at <= received_at - behind + FUTURE_MS:
            flags |= _BEHIND  # what is later than the gateway's own clock was not timed by it
            at = min(at + behind, received_at)
        elif at > before:
            latest[device.id] = at
        if received_at - at > HISTORY_MS:
            flags |= _LATE
        return Taken(device, reading, at, received_at, flags)


class PointStream:
    """Stores the values of a transaction's readings while others of them are still judged.

    A context, after which all are stored; if the block raises, the transaction can be rolled
    back. Who stores them marks :attr:`hours` in the same transaction.
    """

    def __init__(self, session: Session) -> None:
        self._copy = repository.PointsCopy(session)
        self._sent = 0
        self._points = 0

    def __enter__(self) -> Self:
        self._copy.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        self._copy.__exit__(kind, error, trace)

    def keep_up(self, taken: Sequence[Taken]) -> None:
        """Send what is new in ``taken`` on its way, if it is worth it."""
        if len(taken) - self._sent >= SENT_AT_ONCE:
            self._send(taken)

    def pause(self) -> None:
        """Let something else be asked of the database."""
        self._copy.end()

    def finish(self, taken: Sequence[Taken]) -> int:
        """Send what is not on its way yet; gives how many points there are in all."""
        self._send(taken)
        self._copy.end_soon()
        return self._points

    @property
    def hours(self) -> set[tuple[int, int]]:
        """Which hours are to be summed up anew (:func:`mark_stale`)."""
        return self._copy.hours

    def _send(self, taken: Sequence[Taken]) -> None:
        points = _points(taken[self._sent :])
        self._copy.write(points)
        self._sent = len(taken)
        self._points += len(points)


def record_points(session: Session, taken: Sequence[Taken]) -> int:
    """Store the values of readings; gives how many."""
    with PointStream(session) as stream:
        points = stream.finish(taken)
    mark_stale(session, stream.hours)
    return points


def _points(taken: Sequence[Taken]) -> repository.Points:
    spoke = [one for one in taken if one.reading.values]
    fields: list[int] = []
    values: list[Value] = []
    for one in spoke:
        said, device = one.reading.values, one.device
        fields += map(device.fields.__getitem__, said)
        if device.model.has_choices:
            values += [_number(device.model, name, value) for name, value in said.items()]
        else:
            values += said.values()
    counts = [len(one.reading.values) for one in spoke]
    return repository.Points(
        communities=_spread([one.device.community_id for one in spoke], counts),
        devices=_spread([one.device.id for one in spoke], counts),
        fields=fields,
        at=_spread([one.reading.at for one in spoke], counts),
        values=values,
        flags=_spread([one.flags for one in spoke], counts),
    )


def _spread(column: list[int], counts: list[int]) -> np.ndarray[Any, Any]:
    """Give what is known once of each reading for each of its values."""
    return np.repeat(np.array(column, np.int64), counts)


def _number(model: DeviceModel, name: str, value: Value) -> Value:
    """Give the number of a choice; that it is one was checked when it was taken in."""
    if not isinstance(value, str):
        return value
    known = model.field(name)
    return known.number(value) if known is not None else float("nan")


def record_events(session: Session, taken: Sequence[Taken]) -> None:
    """Store the events of readings; how far a canary came stands in a table of its own."""
    repository.insert_events(
        session,
        [
            repository.Event(
                community_id=one.device.community_id,
                device_id=one.device.id,
                observed_at=one.reading.at,
                received_at=one.received_at,
                event=one.reading.event,
                event_id=one.reading.id,
                data=one.reading.data,
                flags=one.flags,
            )
            for one in taken
            if one.reading.event is not None and one.reading.event != SELF_TEST
        ],
    )


class _Current:
    """What a device last said, and when: by field, at most (``newest``), and received by us."""

    __slots__ = ("community_id", "last_seen", "newest", "times", "values")

    def __init__(self, community_id: int) -> None:
        self.community_id = community_id
        self.last_seen = self.newest = 0
        self.values: dict[str, Value] = {}
        self.times: dict[str, int] = {}

    def hear(self, received_at: int, at: int, values: Mapping[str, Value]) -> None:
        """Take values over where they are not older than what is known."""
        if received_at > self.last_seen:  # noqa: PLR1730 - a call less for each reading
            self.last_seen = received_at
        known, times = self.values, self.times
        is_newest = at >= self.newest
        if is_newest and values:
            self.newest = at
        for name, value in values.items():
            if is_newest or at >= times.get(name, 0):
                known[name] = value
                times[name] = at


class Latest:
    """What every device last said, in memory and, by :meth:`save`, in the database.

    After a failed transaction it no longer agrees with the database: make a new one. Without
    a ``log`` it is in memory only.
    """

    def __init__(self, log: StateLog | None = None) -> None:
        self._states: dict[int, _Current] = {}
        self._log = log
        self._said: list[Taken] = []
        self._rows: list[repository.StateRow] | None = None

    @classmethod
    def load(
        cls,
        session: Session,
        communities: Collection[int] | None = None,
        *,
        at_once: int = AT_ONCE,
    ) -> "Latest":
        """Read the latest values of every device, or those of some communities.

        These are all of their partitions that there are: what is in the log of these is ours.
        """
        partitions = ALL if communities is None else {partition_of(one) for one in communities}
        log = StateLog(partitions, at_once)
        latest = cls(log)
        states = latest._states
        for row in repository.device_states(session, communities):
            state = states[row.device_id] = _Current(row.community_id)
            state.last_seen = row.last_seen
            state.values = {name: pair[0] for name, pair in row.latest.items()}
            state.times = {name: pair[1] for name, pair in row.latest.items()}
            state.newest = max(state.times.values(), default=0)
        for one in log.read(session, set(states), communities):
            state = states.get(one.device_id) or latest._meet(one.device_id, one.community_id)
            state.hear(one.received_at, one.at, one.values)
        return latest

    def observe(self, one: Taken) -> None:
        """Take a reading's values over where it is not older than what is known."""
        device = one.device
        state = self._states.get(device.id) or self._meet(device.id, device.community_id)
        state.hear(one.received_at, one.at, one.reading.values)
        if self._log is not None:
            self._said.append(one)

    def _meet(self, device_id: int, community_id: int) -> _Current:
        state = self._states[device_id] = _Current(community_id)
        return state

    def values(self, device_id: int) -> Mapping[str, Value]:
        """Give a device's current values by field; empty while it has said nothing."""
        state = self._states.get(device_id)
        return state.values if state else {}

    def last_word(self, device_id: int) -> int:
        """Give when a device last said something, epoch ms; 0 while it has said nothing.

        What came late tells of the time it was said at.
        """
        state = self._states.get(device_id)
        if state is None:
            return 0
        return min(state.last_seen, state.newest) if state.times else state.last_seen

    @property
    def is_behind(self) -> bool:
        """Whether rows of devices are behind; :meth:`save` goes on with them."""
        return self._log is not None and self._log.is_behind

    def prepare(self) -> None:
        """Make what :meth:`save` writes: there is time while the database stores points."""
        if self._log is None:
            return
        said, self._said = self._said, []
        due: Collection[int] = {one.device.id for one in said}
        if self._log.takes(len(due)):
            self._log.append(map(_as_said, said))
            due = self._log.take_turns(len(due))
        # somebody may speak again before it is written: of each only one row, the newest
        known = {row.device_id: row for row in self._rows or ()}
        self._rows = list((known | {each: self._row(each) for each in sorted(due)}).values())

    def save(self, session: Session) -> None:
        """Write what was observed, and rows of devices that are behind.

        The rows of all that said something, as long as these are few; else it is appended to
        the log (:mod:`anju_platform.telemetry.statelog`), and a row's turn comes soon.
        """
        if self._log is None:
            return
        if self._said or self._rows is None:
            self.prepare()
        rows, self._rows = self._rows, None
        self._log.save(session)
        if rows:
            repository.save_device_states(session, rows)

    def _row(self, device_id: int) -> repository.StateRow:
        state = self._states[device_id]
        latest = {name: [value, state.times[name]] for name, value in state.values.items()}
        return repository.StateRow(device_id, state.community_id, state.last_seen, latest)


def _as_said(one: Taken) -> Said:
    device = one.device
    return Said(device.id, device.community_id, one.received_at, one.at, one.reading.values)
