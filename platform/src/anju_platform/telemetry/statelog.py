"""The state log: what devices said since their rows in ``device_states`` were written.

A row of ``device_states`` costs PostgreSQL many times what a reading in a log does. While
little is said, each transaction writes the rows of whoever said something. When more devices
speak than fit, it appends what they said to the log, one row for each partition, and writes
some of the rows that are behind: in turn, whoever fell behind first. What memory holds is what
``device_states`` holds with the log replayed on top of it, in order.

That is exact though a row may know more than the log's beginning: the log never has a gap from
its oldest row to now, for everything goes into it while any row is behind, and whatever a
reading overwrites wrongly is overwritten again by the later one that is in the log as well.

Only screens see rows that are behind, for the number of devices behind / :data:`AT_ONCE`
transactions: with 10,000 devices and 60 ms each some 5 s. Rules look into memory, and
whoever takes a partition over replays its log: no alert depends on it (ADR 21).
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

import msgspec
from sqlalchemy.orm import Session

from anju_devices.messages import Value
from anju_platform.registry.partitions import ALL, partition_of
from anju_platform.telemetry import repository

log = logging.getLogger(__name__)

AT_ONCE = 125
"""Rows of ``device_states`` that one transaction writes at most."""
_BESIDE = 10
"""A tenth of them are written beside a few readings: an alarm hardly waits for that."""


class Said(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A reading as far as a device's state goes; times in epoch milliseconds."""

    device_id: int
    community_id: int
    received_at: int
    at: int
    values: dict[str, Value]


_NUL = b"\\u0000"
_encode = msgspec.json.Encoder().encode  # MessagePack has no numbers beyond 64 bits
_decode = msgspec.json.Decoder(list[Said]).decode


class StateLog:
    """The log of some partitions, and whose rows are behind since which number of it.

    Only the owner of the partitions may have one. After a failed transaction it no longer
    agrees with the database: make a new one.
    """

    def __init__(self, partitions: Collection[int] = ALL, at_once: int = AT_ONCE) -> None:
        self._partitions = set(partitions)
        self._at_once = at_once
        self._first, self._last = 1, 0
        self._new: list[tuple[int, dict[int, bytes]]] = []
        self._behind: dict[int, int] = {}  # in the order in which they fell behind

    @property
    def is_behind(self) -> bool:
        """Whether the log holds anything; everything that is said must then go into it."""
        return self._first <= self._last

    def takes(self, heard: int) -> bool:
        """Tell whether what so many devices said belongs into the log."""
        return self.is_behind or heard > self._at_once

    def read(
        self, session: Session, known: Collection[int], only: Collection[int] | None
    ) -> Iterator[Said]:
        """Give all it holds in the order it was said; call it first.

        Of devices that are not ``known``, those that (no longer) belong to the communities
        ``only`` are left out.
        """
        rows = repository.logged_states(session, self._partitions)
        if rows:
            self._first, self._last = rows[0].number, rows[-1].number
        told = [(row.number, one) for row in rows for one in _read(row)]
        strangers = {one.device_id for _, one in told}.difference(known)
        there = repository.existing_devices(session, strangers, only) if strangers else set()
        gone = strangers - there
        for number, one in told:
            if one.device_id not in gone:
                self._behind.setdefault(one.device_id, number)
                yield one

    def append(self, said: Iterable[Said]) -> None:
        """Add what was said; :meth:`save` writes it. The rows of these devices are behind.

        Raises:
            ValueError: a row of ``device_states`` could never be written of this; it must
                not come to light in transactions that are not to blame.
        """
        parts: dict[int, list[Said]] = {}
        number = self._last + 1
        for one in said:
            parts.setdefault(partition_of(one.community_id), []).append(one)
            self._behind.setdefault(one.device_id, number)
        if parts:
            rows = {partition: _encode(part) for partition, part in parts.items()}
            if any(_NUL in row for row in rows.values()):
                raise ValueError("text with the character U+0000 cannot be stored")
            self._new.append((number, rows))
            self._partitions.update(parts)  # a community may be new
            self._last = number

    def take_turns(self, heard: int) -> list[int]:
        """Give whose rows are to be written beside what so many devices said just now.

        They are no longer behind. No more of them than would be written without the log,
        but for a few; and many where there is nothing else to do.
        """
        few = -(-self._at_once // _BESIDE)
        most = min(max(heard, few), self._at_once) if heard else self._at_once
        due = list(islice(self._behind, most))
        for device_id in due:
            del self._behind[device_id]
        return due

    def save(self, session: Session) -> None:
        """Write what was added, and delete what every row knows by the end of the transaction."""
        for number, rows in self._new:
            repository.log_states(session, number, rows)
        self._new.clear()
        needed = next(iter(self._behind.values()), self._last + 1)
        if needed > self._first:
            repository.forget_logged(session, self._partitions, first=self._first, before=needed)
            self._first = needed


def _read(row: repository.LogRow) -> list[Said]:
    try:
        return _decode(row.said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # one state lost is better than nobody watched over
        where = f"row {row.number} of partition {row.partition}"
        log.error("%s of the state log cannot be read: %r", where, error)  # noqa: TRY400 - says it all
        return []
