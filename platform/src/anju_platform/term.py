"""One term of an ingest: with the same partitions, the same broker session, the same memory.

One network thread puts messages into an inbox; one writer takes what waits, walks it
through a transaction (:mod:`anju_platform.walk`) and, once it is committed, tells the
gateways what is stored and acknowledges the MQTT messages.
"""

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

import psycopg
from sqlalchemy import Connection, text

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import encode
from anju_devices.topics import Channel
from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.alerts.windows.repository import WINDOWS_CHANNEL
from anju_platform.baselines.repository import LEARNED_CHANNEL
from anju_platform.commands.repository import COMMANDS_CHANNEL
from anju_platform.database import UNAVAILABLE, driver, now, to_millis, transaction
from anju_platform.group import Outgoing
from anju_platform.inbox import Inbox
from anju_platform.registry.repository import CHANGED_CHANNEL
from anju_platform.registry.snapshot import KnownGateway
from anju_platform.rulebook.repository import RULES_CHANNEL
from anju_platform.vitals import NETWORK, IngestVitals
from anju_platform.walk import DEAF_MS, Walk
from anju_rules import Rule

log = logging.getLogger(__name__)

REPLAYED_AT_ONCE = 500
"""Rows of quarantine in one transaction; alarms wait no longer than that."""

_TOLD = (CHANGED_CHANNEL, RULES_CHANNEL, WINDOWS_CHANNEL, LEARNED_CHANNEL, COMMANDS_CHANNEL)
_HEARD = (Channel.EVENTS, Channel.TELEMETRY, Channel.STATUS, Channel.RESULTS)
NETWORK_STILL_S = 60.0
"""A network thread that has not moved for so long never will: the process ends, to be started."""

REPEAT_S = 2.0
"""So long after we began to listen everybody is told once more what is stored."""
_TICK_S = 1.0
_COLLECT_AFTER = (20_000, 20, 50)
"""A reading is gone when its transaction is, without any collection; Python's own thresholds
(700, 10, 10) have it look for cycles several times a second, a fifth of the processor time."""
_CATCH_UP_S = 0.05
"""So long a pause is made for messages while screens are behind what devices said."""


def _subscriptions(communities: Collection[str] | None) -> list[str]:
    """Give the topics of some communities' gateways; None: of everybody, known or not."""
    if communities is None:
        return [topics.everyone(channel) for channel in _HEARD]
    return [topics.everyone(channel, of) for of in sorted(communities) for channel in _HEARD]


class Term:
    """From owning some partitions to owning others, losing the database or stopping."""

    def __init__(
        self,
        connection: Connection,
        partitions: frozenset[int],
        link: LinkSettings,
        rules: Sequence[Rule],
        stopping: threading.Event,
    ) -> None:
        self._connection = connection
        self._stopping = stopping
        self._walk = Walk(rules, partitions)
        self._inbox = Inbox()
        self._settings = link
        self._communities: frozenset[str] | None = None
        self._deaf_since: int | None = None
        self._deaf: deque[tuple[int, int]] = deque()
        self._over = False
        self._registry_changed = self._rules_changed = self._windows_changed = False
        self._learned: set[int] = set()
        self._replay_most = REPLAYED_AT_ONCE
        self._points = 0
        self._repeat_at: float | None = None
        self._answered: dict[tuple[int, str], KnownGateway] = {}
        self._vitals = IngestVitals()

    def serve(self, may_go_on: Callable[[], bool], vitals: IngestVitals | None = None) -> None:
        """Take messages in until told to stop, or ``may_go_on`` says no before a group.

        ``vitals`` is told how it goes.
        """
        self._vitals = vitals or self._vitals
        with transaction(self._connection) as session:
            driver(session).add_notify_handler(self._notified)
            for channel in _TOLD:
                session.execute(text(f"LISTEN {channel}"))
        # committed before anything is read: what changes from here on is told
        with transaction(self._connection) as session:
            at = to_millis(now())
            self._walk.load(session, at)
            self._walk.note_downtime(session, at)
        gc.collect()
        gc.freeze()  # what was loaded stays: later collections need not walk through it
        gc.set_threshold(*_COLLECT_AFTER)
        self._deaf_since = to_millis(now())
        self._communities = self._walk.communities
        self._link = Link(
            self._settings,
            on_message=self._arrived,
            on_state=self._link_changed,
            subscriptions=_subscriptions(self._communities),
        )
        self._link.start()
        self._vitals.watchdog.watch(NETWORK, lambda: self._link.turns, NETWORK_STILL_S)
        self._vitals.serves(tuple(self._walk.community_ids()), self._inbox.waiting)
        log.info("ingest is at work")
        try:
            while not self._stopping.is_set() and self._hears_all() and may_go_on():
                self._vitals.turned(hearing=self._deaf_since is None)
                self._store(self._inbox.take(self._patience()))
                if self._walk.replays:
                    self._replay()
                self._answer_again()
        finally:
            self._over = True
            self._vitals.serves(())
            self._vitals.watchdog.rest(NETWORK)
            self._link.stop()
            gc.unfreeze()  # what a term that is over remembers may go
            log.info("ingest has stored %d points in this term", self._points)

    def _hears_all(self) -> bool:
        """Tell whether we subscribed to the communities that are ours by now."""
        return self._walk.communities == self._communities

    def _arrived(self, message: Message) -> None:
        """Let a message wait; one that is refused is not to come again from the broker."""
        if not self._inbox.put(message):
            self._link.ack(message)

    # -- one group -----------------------------------------------------------------------

    def _patience(self) -> float:
        if self._walk.replays:
            return 0.001
        most = _CATCH_UP_S if self._walk.is_behind else _TICK_S
        due = self._walk.next_due()
        if due is None:
            return most
        return min(max((due - to_millis(now())) / 1000, 0.001), most)

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
            self._inbox.took(group, outgoing.tally.seconds)
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
                self._vitals.serves(tuple(self._walk.community_ids()), self._inbox.waiting)
            if self._rules_changed:
                self._rules_changed = False
                self._walk.reload_rules(session)
            if self._windows_changed:
                self._windows_changed = False
                self._walk.reload_windows(session)
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
        self._answer(outgoing.committed)
        if self._repeat_at is not None:
            self._answered |= outgoing.committed
        for gateway, command in outgoing.commands:
            topic = topics.build(gateway.community, gateway.slug, Channel.COMMANDS)
            # a gateway whose clock is behind must not open a door when it comes back
            left_s = (command.expires_at - to_millis(now())) // 1000
            if left_s > 0:  # we may have stood still since it was chosen
                self._link.publish(topic, encode(command), expiry_s=left_s)
        for message in group:
            self._link.ack(message)
        self._points += outgoing.points
        self._vitals.stored(outgoing.tally, points=outgoing.points, messages=len(group))
        self._vitals.refused(self._inbox.refused)

    def _answer(self, committed: Mapping[tuple[int, str], KnownGateway]) -> None:
        """Tell gateways what is stored of an epoch."""
        for (gateway_id, epoch), gateway in committed.items():
            topic = topics.build(gateway.community, gateway.slug, Channel.COMMITTED)
            said = self._walk.progress.acknowledgement(gateway_id, epoch)
            self._link.publish(topic, encode(said))

    def _answer_again(self) -> None:
        """Say once more, soon after we began to listen, what was answered since.

        What the one before us committed and did not tell moves a gateway's window, and a
        window that moved is not taken back; a broker without its store has taken what came
        before we had subscribed, and given it to nobody. The same answer once more says that
        the rest of what was on its way is lost: otherwise its agent would wait for it.
        """
        if self._repeat_at is not None and time.monotonic() > self._repeat_at:
            self._repeat_at = None
            self._answer(self._answered)
            self._answered = {}

    # -- what others tell ------------------------------------------------------------------

    def _notified(self, notice: psycopg.Notify) -> None:
        if notice.channel == CHANGED_CHANNEL:
            self._registry_changed = True
        elif notice.channel == RULES_CHANNEL:
            self._rules_changed = True
        elif notice.channel == WINDOWS_CHANNEL:
            self._windows_changed = True
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
            if not self._over:
                log.warning("no broker: %s", reason)
        elif self._deaf_since is not None:
            self._deaf.append((self._deaf_since, at))
            self._deaf_since = None
            self._repeat_at = time.monotonic() + REPEAT_S
