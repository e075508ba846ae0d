"""The worker process: delivers the outbox and keeps the house tidy."""

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.alerts import repository as alerts
from anju_platform.alerts.windows.turning import turn_windows
from anju_platform.auth import repository as auth
from anju_platform.backtest.jobs import repository as backtests
from anju_platform.baselines.learning import learn_due
from anju_platform.canary import repository as canaries
from anju_platform.care.weekly import write_due
from anju_platform.commands import repository as commands
from anju_platform.config import Settings
from anju_platform.consent.stopping import heed_all
from anju_platform.database import UNAVAILABLE, connect, driver, now, reading, transaction
from anju_platform.escalation.escalating import escalate_due
from anju_platform.gateways import credentials
from anju_platform.importing import repository as importing
from anju_platform.lanes import repository as lanes
from anju_platform.media import service as media
from anju_platform.notifications import letters, listing
from anju_platform.notifications import repository as notifications
from anju_platform.notifications.held_back import tell_together
from anju_platform.notifications.model import DeliveryState, Notification
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.outside.delivering import Deliverer
from anju_platform.notifications.planning import IN_APP
from anju_platform.notifications.repository import OUTBOX_CHANNEL
from anju_platform.notifications.taking_up import take_up
from anju_platform.oversight import Overseer
from anju_platform.pulse import Pulse
from anju_platform.registry import repository as registry
from anju_platform.rulebook import force
from anju_platform.scheduler import Scheduler, Upkeep
from anju_platform.screens import repository as screens
from anju_platform.system import repository as system
from anju_platform.telemetry.model import Kept
from anju_platform.telemetry.retention import keeping
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.storage import Retention, keep_partitions
from anju_platform.vitals import WorkerVitals
from anju_platform.webhooks import repository as webhooks
from anju_platform.webhooks.sending import Sender
from anju_rules import Rule, load_library

log = logging.getLogger(__name__)

ROLLED_UP_EVERY = timedelta(minutes=5)
FEED_KEPT = timedelta(days=1)
QUARANTINE_KEPT = timedelta(days=90)
LANES_KEPT = timedelta(days=30)
BLIND_KEPT = timedelta(days=730)
"""Longer than readings: who back-tests a rule must know when silence meant nothing."""
COMMANDS_KEPT = timedelta(days=30)
NOTIFICATIONS_KEPT = timedelta(days=90)
WEBHOOK_MESSAGES_KEPT = timedelta(days=30)
LETTERS_EVERY = timedelta(minutes=1)
BROKER_EVERY = timedelta(seconds=15)
"""So soon a broker that was away when a gateway was revoked cuts it off."""
CODES_KEPT = timedelta(days=7)
BACKTESTS_KEPT = timedelta(days=90)
IMPORTS_KEPT = timedelta(days=1)
CANARIES_KEPT = timedelta(days=2)
SCREENS_KEPT = timedelta(days=7)
"""For so long each wall of a duty desk is remembered; the last of them for ever."""
PROCESSES_KEPT = timedelta(hours=1)
"""A process that vanished is shown for so long; one that came back under its name replaced it."""
STILL_S = 300.0
"""A deliverer that has not come round for so long never will: the process ends, to be started."""
_ALERTS_AT_ONCE = 500
_POLL_S = 1.0
_RETRY_S = 1.0


def run(settings: Settings) -> None:
    """Run the worker process until SIGTERM or SIGINT."""
    engine = connect(settings.database_url, pool_size=16)
    vitals = WorkerVitals()
    carriers = Carriers(engine, settings)
    deliverer = Deliverer(engine, carriers, settings.public_url, vitals.delivered)
    worker = Worker(engine, deliverer, vitals)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    vitals.watchdog.watch("deliverer", lambda: vitals.turns, STILL_S)
    scheduler = Scheduler(upkeep(engine, settings), vitals.failed)
    scheduler.start()
    try:
        with (
            Pulse("worker", settings.database_url, vitals.figures),
            Overseer(settings.database_url),
            Sender(engine, carriers.hosts, settings.public_url),
        ):
            worker.run()
    finally:
        scheduler.stop()
        deliverer.stop()
        engine.dispose()


def upkeep(engine: Engine, settings: Settings) -> Sequence[Upkeep]:
    """Give what is to be done again and again."""

    def rules_of(session: Session, community_id: int) -> Sequence[Rule]:
        overlays = force.load(session, library, community_id)
        return force.in_force(library, overlays.get(community_id, {}))

    def pictures() -> None:
        with transaction(engine) as session:
            media.delete_expired(session)

    library = {rule.id: rule for rule in load_library()}
    keep = kept_days(settings)

    def roll_ups() -> None:
        bring_up_to_date(engine, keep_days=keeping.shortest(engine, keep))

    def partitions() -> None:
        keep_days = keeping.longest(engine, keep)
        summed_up = keeping.is_summed_up(engine, keep)
        keep_partitions(engine, Retention(keep_days=keep_days if summed_up else None))

    def retention() -> None:
        if keeping.is_summed_up(engine, keep):
            keeping.forget(engine, keep)

    hour = timedelta(hours=1)
    return (
        Upkeep("partitions", hour, partitions),
        Upkeep("roll-ups", ROLLED_UP_EVERY, roll_ups),
        Upkeep("retention", hour, retention),
        Upkeep("alerts", hour, lambda: forget_alerts(engine, keep)),
        Upkeep("media", hour, pictures),
        Upkeep("weekly letters", LETTERS_EVERY, lambda: write_due(engine)),
        Upkeep("held back", LETTERS_EVERY, lambda: tell_together(engine)),
        Upkeep("stopped sensors", hour, lambda: heed_all(engine)),
        Upkeep("broker accounts", BROKER_EVERY, lambda: credentials.compare(engine, settings)),
        Upkeep("baselines", hour, lambda: learn_due(engine, rules_of)),
        *_forgetting(engine),
    )


def _forgetting(engine: Engine) -> Sequence[Upkeep]:
    """Give what is forgotten once it is old."""

    def older(kept: timedelta, prune: Callable[[Session, datetime], object]) -> Callable[[], None]:
        def call() -> None:
            with transaction(engine) as session:
                prune(session, now() - kept)

        return call

    hour = timedelta(hours=1)
    return (
        Upkeep("sessions", hour, older(timedelta(0), auth.delete_expired)),
        Upkeep("feed", hour, older(FEED_KEPT, alerts.prune_feed)),
        Upkeep("quarantine", hour, older(QUARANTINE_KEPT, lanes.prune_quarantine)),
        Upkeep("lanes", hour, older(LANES_KEPT, lanes.prune_lanes)),
        Upkeep("home imports", hour, older(IMPORTS_KEPT, importing.delete_older)),
        Upkeep("commands", hour, older(COMMANDS_KEPT, commands.prune)),
        Upkeep("notifications", hour, older(NOTIFICATIONS_KEPT, notifications.prune)),
        Upkeep("webhook messages", hour, older(WEBHOOK_MESSAGES_KEPT, webhooks.prune)),
        Upkeep("letters", hour, older(NOTIFICATIONS_KEPT, letters.prune)),
        Upkeep("codes", hour, older(CODES_KEPT, listing.prune_codes)),
        Upkeep("blind periods", hour, older(BLIND_KEPT, registry.prune_blind)),
        Upkeep("back-tests", hour, older(BACKTESTS_KEPT, backtests.prune)),
        Upkeep("canaries", hour, older(CANARIES_KEPT, canaries.prune)),
        Upkeep("screens", hour, older(SCREENS_KEPT, screens.prune)),
        Upkeep("processes", hour, older(PROCESSES_KEPT, system.prune_processes)),
    )


def kept_days(settings: Settings) -> keeping.Defaults:
    """Give for how many days the settings keep what."""
    return {
        Kept.READINGS: settings.telemetry_keep_days,
        Kept.HEALTH: settings.health_keep_days,
        Kept.ROLLUPS: settings.rollup_keep_days,
        Kept.HEALTH_ROLLUPS: settings.health_rollup_keep_days,
        Kept.EVENTS: settings.event_keep_days,
        Kept.ALERTS: settings.alert_keep_days,
    }


def forget_alerts(engine: Engine, keep: keeping.Defaults) -> None:
    """Delete alerts closed longer ago than their community keeps them, with all that is theirs."""
    with reading(engine) as session:
        found = keeping.keepers(session, keep)
    for keeper in found:
        before = keeper.since(Kept.ALERTS, now())

        def some(
            session: Session, limit: int, of: int = keeper.community_id, until: datetime = before
        ) -> int:
            return alerts.prune_closed(session, of, until, limit=limit)

        keeping.in_pieces(engine, some, limit=_ALERTS_AT_ONCE)


class Worker:
    """Takes up what people are to be told and looks after its delivery; several may run at once."""

    def __init__(
        self, engine: Engine, deliverer: Deliverer, vitals: WorkerVitals | None = None
    ) -> None:
        self._vitals = vitals or WorkerVitals()
        self._engine, self._deliverer = engine, deliverer
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the present deliveries and end."""
        self._stopping.set()

    def run(self) -> None:
        """Deliver and escalate what is due, when woken and once a second, until stopped."""
        while not self._stopping.is_set():
            self._vitals.turned()
            try:
                with self._engine.connect() as connection:
                    connection.detach()  # it listens: it must not go back to the pool
                    self._serve(connection)
            except UNAVAILABLE as error:
                reason = str(error).partition("\n")[0]
                log.warning("the database is away, next try in %.0f s: %s", _RETRY_S, reason)
                self._stopping.wait(_RETRY_S)

    def _serve(self, connection: Connection) -> None:
        with transaction(connection) as session:
            session.execute(text(f"LISTEN {OUTBOX_CHANNEL}"))
            raw = driver(session)
        log.info("the worker is at work")
        raw.autocommit = True
        while not self._stopping.is_set():
            self._vitals.turned()
            taken = take_up(self._engine, _note_told)
            for _ in range(taken):
                self._vitals.delivered(IN_APP, DeliveryState.ACCEPTED)
            looked_at = escalate_due(self._engine)
            self._deliverer.turn()
            turned = turn_windows(self._engine)
            self._tell_canaries()
            if taken == looked_at == turned == 0:
                list(raw.notifies(timeout=_POLL_S, stop_after=1))

    def _tell_canaries(self) -> None:
        """Take canaries up; a self-test never stops what it tests."""
        try:
            canaries.tell(self._engine)
        except DBAPIError as error:
            log.warning("canaries are not taken up: %s", str(error).partition("\n")[0])


def _note_told(session: Session, accepted: Sequence[Notification]) -> None:
    """Write into the alerts' timelines who was told; a step of escalation stands there already."""
    alerts.add_entries(
        session,
        [
            alerts.Entry(
                one.alert_id,
                one.community_id,
                now(),
                "told",
                {"recipient": one.recipient, "channel": one.channel},
            )
            for one in accepted
            if one.step == 0
        ],
    )
