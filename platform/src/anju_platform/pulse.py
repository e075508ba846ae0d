"""A process's sign of life: once a second its figures go into its row of ``processes``.

In a thread and a database session of its own, so that a writer that waits is not taken for
dead, and its figures tell that it waits. An ingest has the name of its seat; for the others
the session holds an advisory lock: the lowest number of their kind that nobody has.
"""

import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from anju_platform.background import Background
from anju_platform.database import UNAVAILABLE, connect, now, transaction, try_lock
from anju_platform.system import repository
from anju_platform.vitals import Figures

log = logging.getLogger(__name__)

BEAT_S = 1.0
MOST_NUMBERED = 256
"""Processes of one kind that get a name; a site has some few."""

Kind = Literal["ingest", "worker", "web"]

_NAMES = {"ingest": 0x616E6A78_00010000, "worker": 0x616E6A78_00020000, "web": 0x616E6A78_00030000}
"""Advisory locks: a kind's first; its numbers follow."""


class Pulse(Background):
    """Beats from ``with`` on; at the end in order it takes its row away.

    ``own_name`` gives the name of a process that has one of its own, None while it has not.
    """

    def __init__(
        self,
        kind: Kind,
        database_url: str,
        figures: Callable[[], Figures],
        own_name: Callable[[], str | None] | None = None,
    ) -> None:
        super().__init__("pulse", patience_s=BEAT_S * 5)
        self.name: str | None = None
        """Such as ``worker-1``, once it is known."""
        self._own_name = own_name
        self._kind = kind
        self._engine = connect(database_url, pool_size=1)
        self._figures = figures
        self._started_at: datetime = now()
        self._said = ""
        self._locked: int | None = None

    def _close(self) -> None:
        self._engine.dispose()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._beat_on()
            except (*UNAVAILABLE, ProgrammingError) as error:
                self._complain(str(error).partition("\n")[0])
            except Exception:
                log.exception("the pulse failed; it begins again")
            self._stopping.wait(BEAT_S)

    def _beat_on(self) -> None:
        connection = self._engine.connect()
        connection.detach()  # it holds the lock: it must end with us, not go back to the pool
        try:
            while not self._stopping.is_set():
                self._beat(connection)
                self._said = ""
                self._stopping.wait(BEAT_S)
            self._call_it(connection, None)
        finally:
            self._locked = None
            connection.close()

    def _beat(self, connection: Connection) -> None:
        name = self._own_name() if self._own_name is not None else self._number(connection)
        self._call_it(connection, name)
        if name is None:
            return
        figures = self._figures()
        with transaction(connection) as session:
            repository.beat(
                session,
                name=name,
                kind=self._kind,
                host=self._host(),
                pid=os.getpid(),
                started_at=self._started_at,
                figures=figures,
            )

    def _number(self, connection: Connection) -> str:
        """Take the lowest number that nobody has; it stays ours as long as the session."""
        if self._locked is None:
            with transaction(connection) as session:
                numbers = range(1, MOST_NUMBERED + 1)
                self._locked = next(
                    (n for n in numbers if try_lock(session, _NAMES[self._kind] + n)), os.getpid()
                )
        return f"{self._kind}-{self._locked}"

    def _call_it(self, connection: Connection, name: str | None) -> None:
        """Go on under that name; what it said under another goes."""
        before, self.name = self.name, name
        if before not in {None, name}:
            with transaction(connection) as session:
                repository.remove_process(session, before or "", self._host(), os.getpid())

    @staticmethod
    def _host() -> str:
        return socket.gethostname()

    def _complain(self, reason: str) -> None:
        """Report once that there is no sign of life; who needs the database says more."""
        if reason != self._said:
            log.warning("no sign of life can be given: %s", reason)
        self._said = reason
