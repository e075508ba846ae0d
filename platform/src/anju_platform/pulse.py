"""A process's sign of life: once a second its figures go into its row of ``processes``.

In a thread and a database session of its own, so that a writer that waits is not taken for
dead, and its figures tell that it waits. The session holds an advisory lock, which gives the
process its name: the lowest number of its kind that nobody has.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

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


class Pulse(AbstractContextManager["Pulse"]):
    """Beats from ``with`` on; at the end in order it takes its row away."""

    def __init__(self, kind: Kind, database_url: str, figures: Callable[[], Figures]) -> None:
        self.name: str | None = None
        """Such as ``ingest-1``, once it is known."""
        self._kind = kind
        self._engine = connect(database_url, pool_size=1)
        self._figures = figures
        self._started_at: datetime = now()
        self._stopping = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(BEAT_S * 5)
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
            self._take_name(connection)
            while not self._stopping.is_set():
                self._beat(connection)
                self._said = ""
                self._stopping.wait(BEAT_S)
            with transaction(connection) as session:
                repository.remove_process(session, self._name(), self._host(), os.getpid())
        finally:
            connection.close()

    def _take_name(self, connection: Connection) -> None:
        before, self.name = self.name, None
        with transaction(connection) as session:
            for number in range(1, MOST_NUMBERED + 1):
                if try_lock(session, _NAMES[self._kind] + number):
                    self.name = f"{self._kind}-{number}"
                    break
            if before not in {None, self.name}:
                # the server has not noticed yet that our former session is gone
                repository.remove_process(session, before or "", self._host(), os.getpid())

    def _beat(self, connection: Connection) -> None:
        figures = self._figures()
        with transaction(connection) as session:
            repository.beat(
                session,
                name=self._name(),
                kind=self._kind,
                host=self._host(),
                pid=os.getpid(),
                started_at=self._started_at,
                figures=figures,
            )

    def _name(self) -> str:
        return self.name or f"{self._kind}-{self._host()}-{os.getpid()}"

    @staticmethod
    def _host() -> str:
        return socket.gethostname()

    def _complain(self, reason: str) -> None:
        """Report once that there is no sign of life; who needs the database says more."""
        if reason != self._said:
            log.warning("no sign of life can be given: %s", reason)
        self._said = reason
