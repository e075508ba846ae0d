"""The ingest process: MQTT in, one transaction per group of messages, acknowledgement after it.

One network thread puts messages into an inbox; one writer takes what waits, walks it
through a transaction (:mod:`anju_platform.walk`) and, once it is committed, tells the
gateways what is stored and acknowledges the MQTT messages. The writer's database session
holds an advisory lock: there is one writer, a second instance waits. When the database goes
away the writer leaves office: nothing was acknowledged, so the broker and the agents' spools
still have all of it.
"""

import gc
import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import encode
from anju_devices.topics import Channel
from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.baselines.repository import LEARNED_CHANNEL
from anju_platform.commands.repository import COMMANDS_CHANNEL
from anju_platform.config import Settings
from anju_platform.database import (
    UNAVAILABLE,
    connect,
    driver,
    now,
    to_millis,
    transaction,
    try_lock,
)
from anju_platform.errors import DatabaseUnavailableError
from anju_platform.group import Outgoing
from anju_platform.inbox import Inbox
from anju_platform.pulse import Pulse
from anju_platform.registry.repository import CHANGED_CHANNEL
from anju_platform.rulebook.repository import RULES_CHANNEL
from anju_platform.vitals import IngestVitals
from anju_platform.walk import DEAF_MS, Walk
from anju_platform.watchdog import Watchdog
from anju_rules import Rule, load_library

log = logging.getLogger(__name__)

OFFICE = 0x616E6A75_00000003
"""Advisory lock of the one writer."""

CLIENT_ID = "anju-ingest"
SUBSCRIPTIONS = tuple(
    topics.everyone(channel)
    for channel in (Channel.EVENTS, Channel.TELEMETRY, Channel.STATUS, Channel.RESULTS)
)
UNACKNOWLEDGED_MOST = 256
"""How many messages the broker sends ahead of our acknowledgement; bounds what waits for us."""

REPLAYED_AT_ONCE = 500
"""Rows of quarantine in one transaction; alarms wait no longer than that."""

NETWORK_STILL_S = 60.0
"""A network thread that has not moved for so long never will: the process ends, to be started."""
WRITER_STILL_S = 180.0
"""The writer may wait for a lock; the server ends what waits in a transaction for a minute."""

_TICK_S = 1.0
_ASK_FOR_OFFICE_S = 0.5
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
        receive_maximum=UNACKNOWLEDGED_MOST,
        protocol=settings.broker_protocol,
    )
    engine = connect(settings.database_url, pool_size=1)
    vitals, watchdog = IngestVitals(), Watchdog()
    ingest = Ingest(engine, link, load_library(), vitals, watchdog)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ingest.stop())
    vitals.standing = watchdog.standing
    watchdog.watch("writer", lambda: vitals.turns, WRITER_STILL_S)
    watchdog.start()
    try:
        with Pulse("ingest", settings.database_url, vitals.figures):
            ingest.run()
    finally:
        watchdog.stop()
        engine.dispose()


class Ingest:
    """One ingest; :meth:`run` blocks, :meth:`stop` may be called from anywhere."""

    def __init__(
        self,
        engine: Engine,
        link: LinkSettings,
        rules: Sequence[Rule],
        vitals: IngestVitals | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._vitals, self._watchdog = vitals or IngestVitals(), watchdog or Watchdog()
        self._engine = engine
        self._link_settings = link
        self._rules = rules
        self._stopping = threading.Event()
        self._failed_at: int | None = None

    def stop(self) -> None:
        """Finish the present group and end."""
        self._stopping.set()

    def run(self) -> None:
        """Wait for office, serve, and begin anew whenever the database was away."""
        wait = _RETRY_FIRST_S
        while not self._stopping.is_set():
            started = time.monotonic()
            self._vitals.turned()
            try:
                self._take_office()
            except UNAVAILABLE as error:
                self._failed_at = self._failed_at or to_millis(now())
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
        connection.detach()  # it holds the lock: it must end with us, not go back to the pool
        try:
            if self._wait_for_office(connection):
                term = _Term(connection, self._link_settings, self._rules, self._stopping)
                term.attend(self._vitals, self._watchdog)
                term.serve(failed_at=self._failed_at)
                self._failed_at = None
        finally:
            self._vitals.serves(())
            connection.close()  # invalidated, it would live on somewhere and keep our own lock

    def _wait_for_office(self, connection: Connection) -> bool:
        """Become the one writer; False when told to stop before."""
        said = False
        while not self._stopping.is_set():
            with transaction(connection) as session:
                if try_lock(session, OFFICE):
                    return True
            if not said:
                log.warning("another ingest is at work; waiting until it ends")
                said = True
            self._vitals.turned()
            self._stopping.wait(_ASK_FOR_OFFICE_S)
        return False


class _Term:
    """One term of office: from getting the lock to losing the database or stopping."""

    def __init__(
        self,
        connection: Connection,
        link: LinkSettings,
        rules: Sequence[Rule],
        stopping: threading.Event,
    ) -> None:
        self._connection = connection
        self._stopping = stopping
        self._walk = Walk(rules)
        self._inbox = Inbox()
        self._link = Link(
            link,
            on_message=self._inbox.put,
            on_state=self._link_changed,
            subscriptions=SUBSCRIPTIONS,
        )
        self._deaf_since: int | None = None
        self._deaf: deque[tuple[int, int]] = deque()
        self._registry_changed = self._rules_changed = False
        self._learned: set[int] = set()
        self._replay_most = REPLAYED_AT_ONCE
        self._points = 0
        self._vitals, self._watchdog = IngestVitals(), Watchdog()

    def attend(self, vitals: IngestVitals, watchdog: Watchdog) -> None:
        """Tell these how it goes."""
        self._vitals, self._watchdog = vitals, watchdog

    def serve(self, *, failed_at: int | None) -> None:
        """Take messages in until told to stop; ``failed_at``: since when we could not write."""
        with transaction(self._connection) as session:
            driver(session).add_notify_handler(self._notified)
            for channel in (CHANGED_CHANNEL, RULES_CHANNEL, LEARNED_CHANNEL, COMMANDS_CHANNEL):
                session.execute(text(f"LISTEN {channel}"))
        # committed before anything is read: what changes from here on is told
        with transaction(self._connection) as session:
            at = to_millis(now())
            self._walk.load(session, at)
            self._walk.note_downtime(session, at)
            if failed_at is not None:
                self._walk.was_deaf(session, failed_at, at)
        gc.collect()
        gc.freeze()  # what was loaded stays: later collections need not walk through it
        self._deaf_since = to_millis(now())
        self._link.start()
        self._watchdog.watch("network", lambda: self._link.turns, NETWORK_STILL_S)
        self._serve_whom()
        log.info("ingest is at work")
        try:
            while not self._stopping.is_set():
                self._vitals.turned(hearing=self._deaf_since is None)
                self._store(self._inbox.take(self._patience()))
                if self._walk.replays:
                    self._replay()
        finally:
            self._watchdog.rest("network")
            self._link.stop()
            gc.unfreeze()  # what a term that is over remembers may go
            log.info("ingest has stored %d points in this term", self._points)

    def _serve_whom(self) -> None:
        still_s = self._watchdog.still_s
        self._vitals.serves(
            tuple(self._walk.community_ids()), self._inbox.waiting, lambda: still_s("network")
        )

    # -- one group -----------------------------------------------------------------------

    def _patience(self) -> float:
        if self._walk.replays:
            return 0.001
        due = self._walk.next_due()
        if due is None:
            return _TICK_S
        return min(max((due - to_millis(now())) / 1000, 0.001), _TICK_S)

    def _store(self, group: list[Message]) -> None:
        """Store a group; if the database refuses it, each message by itself."""
        try:
            outgoing = self._write(group)
        except UNAVAILABLE:
            raise
        except Exception:
            log.exception("a group of %d messages was refused; trying one by one", len(group))
            self._forget()
            for message in group:
                self._send(self._store_one(message), [message])
            self._send(self._write([], isolate=True), [])
        else:
            self._send(outgoing, group)

    def _store_one(self, message: Message) -> Outgoing:
        """Store a message, or keep it aside when the database will not have it."""
        try:
            return self._write([message], tick=False, isolate=True)
        except UNAVAILABLE:
            raise
        except Exception as error:
            log.exception("a message on %s is put into quarantine", message.topic)
            self._forget()
            with transaction(self._connection) as session:
                return self._walk.refuse(session, message, error)

    def _replay(self) -> None:
        """Take in what newcomers said before they were known, between other groups.

        What the database refuses is looked for by halves, and left aside by itself.
        """
        try:
            with transaction(self._connection) as session:
                outgoing = self._walk.replay(session, to_millis(now()), self._replay_most)
        except UNAVAILABLE:
            raise
        except Exception as error:
            log.exception("%d rows cannot be replayed together", self._walk.tried)
            self._forget()
            self._replay_most = self._walk.tried // 2
            if self._replay_most == 0:
                self._replay_most = REPLAYED_AT_ONCE
                with transaction(self._connection) as session:
                    self._walk.refuse_replay(session, error)
        else:
            self._send(outgoing, [])

    def _write(
        self, group: Sequence[Message], *, tick: bool = True, isolate: bool = False
    ) -> Outgoing:
        """Carry a group through one transaction.

        Time passes without a broker too: whoever fell must not lie there until it is back.
        """
        at, deaf_since, heard_again = to_millis(now()), self._deaf_since, len(self._deaf)
        begun = time.monotonic()
        with transaction(self._connection) as session:
            driver(session).execute("SELECT 1")  # opens it, and brings notices to the handler
            if self._registry_changed:
                self._registry_changed = False
                self._walk.reload_registry(session)
                self._serve_whom()
            if self._rules_changed:
                self._rules_changed = False
                self._walk.reload_rules(session)
            if self._learned:
                learned, self._learned = self._learned, set()
                self._walk.reload_baselines(session, learned, at)
            for number in range(heard_again):
                started, ended = self._deaf[number]
                if ended - started > DEAF_MS:
                    self._walk.was_deaf(session, started, ended)
            outgoing = self._walk.take_in(
                session, group, at, deaf_since=deaf_since, tick=tick, isolate=isolate
            )
        for _ in range(heard_again):
            self._deaf.popleft()
        outgoing.tally.seconds = time.monotonic() - begun
        return outgoing

    def _forget(self) -> None:
        """Load anew what is kept in memory: it ran ahead of a transaction that failed."""
        with transaction(self._connection) as session:
            self._walk.load(session, to_millis(now()))

    def _send(self, outgoing: Outgoing, group: Sequence[Message]) -> None:
        """Tell the gateways what is stored and what to do, then acknowledge to the broker."""
        for (gateway_id, epoch), gateway in outgoing.committed.items():
            topic = topics.build(gateway.community, gateway.slug, Channel.COMMITTED)
            self._link.publish(
                topic, encode(self._walk.progress.acknowledgement(gateway_id, epoch))
            )
        for gateway, command in outgoing.commands:
            topic = topics.build(gateway.community, gateway.slug, Channel.COMMANDS)
            # a gateway whose clock is behind must not open a door when it comes back
            left_s = max(1, (command.expires_at - to_millis(now())) // 1000)
            self._link.publish(topic, encode(command), expiry_s=left_s)
        for message in group:
            self._link.ack(message)
        self._points += outgoing.points
        self._vitals.stored(outgoing.tally, points=outgoing.points, messages=len(group))

    # -- what others tell ------------------------------------------------------------------

    def _notified(self, notice: psycopg.Notify) -> None:
        if notice.channel == CHANGED_CHANNEL:
            self._registry_changed = True
        elif notice.channel == RULES_CHANNEL:
            self._rules_changed = True
        elif notice.channel == LEARNED_CHANNEL:
            self._learned.add(int(notice.payload))
        else:
            self._walk.call_everyone()

    def _link_changed(self, connected: bool, reason: str) -> None:
        """Keep the times without a broker: nobody could be heard in them."""
        at = to_millis(now())
        self._vitals.broker(connected=connected)
        if not connected:
            self._deaf_since = self._deaf_since or at
            if not self._stopping.is_set():
                log.warning("no broker: %s", reason)
        elif self._deaf_since is not None:
            self._deaf.append((self._deaf_since, at))
            self._deaf_since = None
