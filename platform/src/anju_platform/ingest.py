"""The ingest process: MQTT in, one transaction per group of messages, acknowledgement after it.

Any number may run, on any machines. Communities are in a fixed number of partitions, and
the database session that writes a partition holds its advisory lock: no community has two
writers, and losing the session ends the ownership and the transaction together. When the
database goes away the process leaves office: nothing was acknowledged, so the agents'
spools still have all of it.
"""

import logging
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from anju_devices.link import LinkSettings
from anju_platform.canary.model import RULE as CANARY_RULE
from anju_platform.config import Settings
from anju_platform.database import UNAVAILABLE, connect
from anju_platform.errors import DatabaseUnavailableError
from anju_platform.offices.office import Office
from anju_platform.offices.repository import process
from anju_platform.offices.rollcall import RollCall
from anju_platform.pulse import Pulse
from anju_platform.term import Term
from anju_platform.vitals import IngestVitals
from anju_rules import Rule, load_library

log = logging.getLogger(__name__)

CLIENT_ID = "anju-ingest"
SESSION_S = 60
"""How long the broker keeps messages for us when we vanish; the agents keep them anyway, and
of a community that others write by then nothing may pile up."""
KEEPALIVE_S = 5
"""A line that swallows everything is noticed within twice that; it is ours, and short."""
UNACKNOWLEDGED_MOST = 256
"""How many messages the broker sends ahead of our acknowledgement; bounds what waits for us."""

WRITER_STILL_S = 180.0
"""The writer may wait for a lock; the server ends what waits in a transaction for a minute."""

_ASK_S = 0.5
"""How often is asked for partitions that are ours and that another has not let go of yet."""
_RETRY_FIRST_S = 0.25
_RETRY_MOST_S = 5.0


def run(settings: Settings) -> None:
    """Run the ingest process until SIGTERM or SIGINT.

    Raises:
        DatabaseUnavailableError: the database is there but not migrated.
    """
    password = settings.broker_password
    link = LinkSettings(
        host=settings.broker_host,
        port=settings.broker_port,
        client_id=CLIENT_ID,
        username=settings.broker_username,
        password=password.get_secret_value() if password else None,
        tls=settings.broker_tls,
        ca_file=str(settings.broker_ca_file) if settings.broker_ca_file else None,
        keepalive_s=KEEPALIVE_S,
        session_expiry_s=SESSION_S,
        clean_start=True,
        receive_maximum=UNACKNOWLEDGED_MOST,
        protocol=settings.broker_protocol,
    )
    engine = connect(settings.database_url, pool_size=2)
    vitals = IngestVitals()
    ingest = Ingest(engine, link, (*load_library(), CANARY_RULE), vitals)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ingest.stop())
    vitals.watchdog.watch("writer", lambda: vitals.turns, WRITER_STILL_S)
    try:
        with vitals.watchdog, Pulse("ingest", settings.database_url, vitals.figures, ingest.name):
            ingest.run()
    finally:
        engine.dispose()


class Ingest:
    """One ingest; :meth:`run` blocks, :meth:`stop` may be called from anywhere."""

    def __init__(
        self,
        engine: Engine,
        link: LinkSettings,
        rules: Sequence[Rule],
        vitals: IngestVitals | None = None,
    ) -> None:
        self._vitals = vitals or IngestVitals()
        self._seat: int | None = None
        self._engine = engine
        self._link_settings = link
        self._rules = rules
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the present group and end."""
        self._stopping.set()

    def name(self) -> str | None:
        """Give the name that its seat gives it, None while it has none."""
        return None if self._seat is None else process(self._seat)

    def run(self) -> None:
        """Wait for office, serve, and begin anew whenever the database was away."""
        wait = _RETRY_FIRST_S
        while not self._stopping.is_set():
            started = time.monotonic()
            self._vitals.turned()
            try:
                self._take_office()
            except UNAVAILABLE as error:
                if time.monotonic() - started > _RETRY_MOST_S:
                    wait = _RETRY_FIRST_S
                reason = str(error).partition("\n")[0]
                log.warning("the database is away, next try in %.1f s: %s", wait, reason)
                self._stopping.wait(wait)
                wait = min(2 * wait, _RETRY_MOST_S)
            except ProgrammingError as error:
                message = "the database is not at this release's schema; run: anju migrate"
                raise DatabaseUnavailableError(message) from error

    def _take_office(self) -> None:
        connection = self._engine.connect()
        connection.detach()  # it holds the locks: it must end with us, not go back to the pool
        try:
            office = Office(connection)
            self._seat = office.seat
            with RollCall(self._engine, office.seat) as roll:
                self._hold(connection, office, roll)
        finally:
            connection.close()  # invalidated, it would live on somewhere and keep our own locks

    def _hold(self, connection: Connection, office: Office, roll: RollCall) -> None:
        """Serve with the partitions that fall to our seat, term after term."""
        asked_at = time.monotonic()

        def may_go_on() -> bool:
            nonlocal asked_at
            if office.suits(roll.seats) or time.monotonic() - asked_at < _ASK_S:
                return True
            asked_at = time.monotonic()
            return not office.adjust(roll.seats)

        link = replace(self._link_settings, client_id=f"{CLIENT_ID}-{office.seat}")
        office.adjust(roll.seats)
        while not self._stopping.is_set():
            if office.owned:
                term = Term(connection, office.owned, link, self._rules, self._stopping)
                term.serve(may_go_on, self._vitals)
            elif may_go_on():
                self._vitals.turned()
                self._stopping.wait(_ASK_S)
