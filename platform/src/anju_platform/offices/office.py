"""One session's seat, and the partitions it owns."""

import itertools
import logging
from collections.abc import Collection

from sqlalchemy import Connection

from anju_platform.database import transaction
from anju_platform.offices import repository
from anju_platform.offices.partitions import share

log = logging.getLogger(__name__)


class Office:
    """What a session may write: it holds the locks, so losing it ends both at once.

    Raises what the database raises; the session is then over, and so is the office.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.seat = self._sit()
        self.owned: frozenset[int] = frozenset()
        self._share: tuple[Collection[int], frozenset[int]] = ((), frozenset())

    def _sit(self) -> int:
        """Take the lowest seat that is free."""
        with transaction(self._connection) as session:
            return next(n for n in itertools.count(1) if repository.take_seat(session, n))

    def suits(self, seats: Collection[int]) -> bool:
        """Tell whether it owns just what falls to it while these seats are taken."""
        return self.owned == self._falls_to_us(seats)

    def adjust(self, seats: Collection[int]) -> bool:
        """Let go of what falls to others, take what falls to us and is free; True if any."""
        wanted = self._falls_to_us(seats)
        with transaction(self._connection) as session:
            if self.owned - wanted:
                repository.leave(session, self.owned - wanted)
            taken = repository.take(session, wanted - self.owned)
        before, self.owned = self.owned, (self.owned & wanted) | taken
        if self.owned != before:
            log.info("seat %d owns %d partitions", self.seat, len(self.owned))
        return self.owned != before

    def _falls_to_us(self, seats: Collection[int]) -> frozenset[int]:
        """Give our share, worked out once for the same seats."""
        if self._share[0] != seats:
            self._share = (seats, share(self.seat, {*seats, self.seat}))
        return self._share[1]
