"""How far each lane is stored: the answer to "is this batch the next one?"."""

from collections.abc import Collection, Iterable
from enum import Enum, auto

from sqlalchemy.orm import Session

from anju_devices.messages import Committed, Lane
from anju_platform.lanes import repository

LaneKey = tuple[int, str, str]
"""(gateway id, epoch, lane)."""


class Verdict(Enum):
    """What a batch's number means."""

    NEXT = auto()
    OLD = auto()
    GAP = auto()


class Progress:
    """Every lane's ``committed`` number, kept in memory by the one process that writes it.

    After a failed transaction it no longer agrees with the database: make a new one.
    """

    def __init__(self, committed: dict[LaneKey, int]) -> None:
        self._committed = committed
        self._changed: set[LaneKey] = set()

    @classmethod
    def load(cls, session: Session, gateways: Collection[int] | None = None) -> "Progress":
        """Read all lanes, or those of some gateways."""
        return cls(repository.load_lanes(session, gateways))

    def judge(self, gateway_id: int, epoch: str, lane: Lane, seq: int) -> Verdict:
        """Tell whether a batch is the next one, already stored, or too early."""
        committed = self._committed.get((gateway_id, epoch, lane.value), 0)
        if seq <= committed:
            return Verdict.OLD
        return Verdict.NEXT if seq == committed + 1 else Verdict.GAP

    def advance(self, gateway_id: int, epoch: str, lane: Lane, seq: int) -> None:
        """Move a lane on to ``seq``; written by :meth:`save`."""
        key = (gateway_id, epoch, lane.value)
        self._committed[key] = seq
        self._changed.add(key)

    def save(self, session: Session) -> None:
        """Write the lanes that moved."""
        if self._changed:
            rows = [(*key, self._committed[key]) for key in sorted(self._changed)]
            repository.save_lanes(session, rows)
            self._changed.clear()

    def acknowledgement(self, gateway_id: int, epoch: str) -> Committed:
        """Give what the gateway may forget."""
        events, telemetry = (
            self._committed.get((gateway_id, epoch, lane.value), 0) for lane in _LANES
        )
        return Committed(epoch=epoch, events=events, telemetry=telemetry)


_LANES: Iterable[Lane] = (Lane.EVENTS, Lane.TELEMETRY)
