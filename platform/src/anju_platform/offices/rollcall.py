"""Says that we live, hears who else does, and ends the session of whoever stands still.

A process that is frozen keeps its connection, and with it its locks: nobody could write its
communities. So each says a word a second, and whoever says nothing new in several rounds of
another loses his session. Rounds are counted, not seconds: who was frozen himself has not
listened, and no clock has to agree with another.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Self

from sqlalchemy import Engine

from anju_platform.background import Background
from anju_platform.database import UNAVAILABLE, transaction
from anju_platform.lanes import repository as lanes
from anju_platform.offices import repository

log = logging.getLogger(__name__)

ROUND_S = 1.0
SILENT_ROUNDS = 5
"""So many rounds without a new word, and a seat is taken for dead: 5 to 6 s."""

_Word = tuple[int, datetime | None]
"""(process id of the session that holds the seat, last word)."""


class RollCall(Background):
    """One thread with a session of its own; ``seats`` are those taken in the last round."""

    def __init__(self, engine: Engine, seat: int) -> None:
        super().__init__("roll-call")
        self._engine = engine
        self._seat = seat
        self._words: dict[int, _Word] = {}
        self._silent: dict[int, int] = {}
        self.seats: frozenset[int] = frozenset({seat})

    def __enter__(self) -> Self:
        self.call()  # so that ``seats`` is known; then once a second
        return super().__enter__()

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_S):
            try:
                self.call()
            except UNAVAILABLE as error:
                log.warning("no roll call: %s", str(error).partition("\n")[0])
            except Exception:
                log.exception("the roll call failed")

    def call(self) -> None:
        """Say our word, hear the others'."""
        with transaction(self._engine) as session:
            lanes.beat(session, repository.process(self._seat))
        # our own word is written: who cannot write must not take others for dead
        with transaction(self._engine) as session:
            taken = repository.seats_taken(session)
            dead = self._hear(taken, repository.words(session, taken))
            for seat in dead:
                log.error("seat %d stands still; its session %d is ended", seat, taken[seat])
                repository.end_session(session, taken[seat])
        self.seats = frozenset({*taken, self._seat}.difference(dead))

    def _hear(self, taken: Mapping[int, int], said: Mapping[int, datetime]) -> list[int]:
        """Count in how many rounds each has said nothing new; give who is taken for dead."""
        words = {seat: (pid, said.get(seat)) for seat, pid in taken.items() if seat != self._seat}
        self._silent = {
            seat: self._silent.get(seat, 0) + 1 if self._words.get(seat) == word else 0
            for seat, word in words.items()
        }
        self._words = words
        return [seat for seat, rounds in self._silent.items() if rounds >= SILENT_ROUNDS]
