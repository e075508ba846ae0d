"""Who watches the platform: an alert about ourselves when nothing comes in or goes out.

Worker and web process both look, so that each is there when the other is gone; whoever has
the lock of the moment decides. The wall tells by itself when the web process is gone.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from anju_platform.alerts import repository as alerts
from anju_platform.alerts.model import Alert, Condition, Handling
from anju_platform.alerts.muting import Muting
from anju_platform.background import Background
from anju_platform.canary.repository import missed_s
from anju_platform.database import UNAVAILABLE, connect, now, to_millis, transaction
from anju_platform.duty.on_duty import hole_s
from anju_platform.escalation.escalating import escalate_due
from anju_platform.escalation.repository import overdue_s
from anju_platform.group import Group, carry_over
from anju_platform.notifications import repository as notifications
from anju_platform.notifications.outside.repository import troubled_s
from anju_platform.rulebook.book import Found
from anju_platform.rulebook.texts import (
    CANARY_MISSED,
    CHANNEL_FAILS,
    INGEST_DOWN,
    NO_SCREEN,
    NOT_ESCALATED,
    ROTA_HOLE,
    WEBHOOK_PAUSED,
    WORKER_DOWN,
)
from anju_platform.screens.repository import last_alive
from anju_platform.system import listing
from anju_platform.system.health import SILENT_S, UNSENT_S
from anju_platform.system.listing import Process, of_kind
from anju_platform.webhooks.repository import paused_s
from anju_rules import Finding, FindingKind, Rule
from anju_rules.rule import Title

log = logging.getLogger(__name__)

WORSE_AFTER_S = 120.0
"""After so long without a word from anywhere a life may depend on it: P1."""
LOOK_S = 2.0
UNSEEN_S = 45.0
"""Longer than a wall's page takes to load anew, or its desk to hand over."""
OVERDUE_S = 10.0
"""A step of an alert that nobody has may come so much late; then we tell it ourselves."""
ROTAS_S = 60.0
"""So often is looked at who is on duty: that takes a while, and nothing waits for it."""
FAILING_S = 60.0
"""A channel may take nothing for so long: a provider's hiccup."""
CANARY_S = 360.0
"""A canary that is missed is waited for once more: after an outage it comes within 5 min."""
BLIND_S = SILENT_S / 2
"""Who has not looked for so long begins anew to count: others could not speak either."""

ENTITY = "platform"
_LOCK = 0x616E6A78_00000001
"""Advisory lock: one looks at a time."""


def _own_rule(
    rule_id: str,
    zh: str,
    en: str,
    icon: str,
    *,
    severity: int = 2,
) -> Rule:
    """Give a rule that no reading makes true: we do."""
    return Rule(
        id=rule_id,
        title=Title(zh=zh, en=en),
        icon=icon,
        severity=severity,
        models=("*",),
        when="false",
        notify=("guard", "property", "admin"),
    )


RULES: Mapping[str, Rule] = {
    "ingest": _own_rule(
        INGEST_DOWN, "平台接收中断", "The platform receives nothing", "plug-connected-x"
    ),
    "worker": _own_rule(WORKER_DOWN, "平台通知中断", "The platform tells nobody", "bell-off"),
    "escalation": _own_rule(
        NOT_ESCALATED, "告警升级中断", "Nobody hears that an alert waits", "bell-ringing"
    ),
    "screens": _own_rule(NO_SCREEN, "值班屏全部离线", "No wall is watched", "eye-off"),
    "channels": _own_rule(
        CHANNEL_FAILS, "对外通知渠道故障", "A channel to people fails", "message-off"
    ),
    "rota": _own_rule(
        ROTA_HOLE, "值班表此刻无人值班", "Nobody is on duty by a rota", "users", severity=3
    ),
    "webhooks": _own_rule(
        WEBHOOK_PAUSED,
        "外部系统推送已暂停",
        "Another system hears nothing more",
        "plug-connected-x",
    ),
    "canary": _own_rule(
        CANARY_MISSED, "全程自检中断", "A self-test does not come through", "activity"
    ),
}
"""What is said when no process of a kind does its work, an alert waits unheard, or unseen.

Also of a duty rota by which nobody is there now, and of a self-test that does not come through.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: for how long already, and how bad that is."""

    silent_s: float
    severity: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """It looks wrong, but not for long enough to say so."""


Judgement = Fault | Doubt | None
"""None: all is well."""


def unheard_s(found: tuple[Process, ...]) -> dict[int, float]:
    """Give, by community, for how long no ingest has taken it in; left out: none says it does."""
    silent: dict[int, float] = {}
    for one in of_kind(found, "ingest"):
        if one.figures.unheard_s is None:
            continue
        seconds = one.age_s + one.figures.unheard_s
        for community_id in one.figures.communities:
            silent[community_id] = min(seconds, silent.get(community_id, seconds))
    return silent


def untold_s(found: tuple[Process, ...], unsent_s: float) -> float | None:
    """Give for how long nobody has delivered messages; None when there is no worker at all."""
    silent = min((one.age_s for one in of_kind(found, "worker")), default=None)
    if silent is not None and silent <= SILENT_S and unsent_s > UNSENT_S:
        return unsent_s
    return silent


def unseen_s(seen_at: Mapping[int, datetime], community_id: int) -> float:
    """Give for how long no wall of a community has been live; 0 where there is none to miss."""
    at = seen_at.get(community_id)
    return 0.0 if at is None else (now() - at).total_seconds()


class Doubts:
    """Since when what is missing has been missing, by one who looks again and again.

    What is not written anywhere (a process that took leave, one that never was) counts from
    when it was first missed. Who could not look for a while begins anew: while the database
    was away nobody could give a sign of life.
    """

    def __init__(self) -> None:
        self._looking_since = 0.0
        self._looked_at: float | None = None
        self._missed: dict[str, float] = {}

    def look(self, at: float) -> None:
        """Begin a look at ``at`` (seconds, any steady clock)."""
        if self._looked_at is None or at - self._looked_at > BLIND_S:
            self._looking_since = at
            self._missed.clear()
        self._looked_at = at

    def judge(
        self, what: str, silent_s: float | None, at: float, most_s: float = SILENT_S
    ) -> Judgement:
        """Judge a silence of that many seconds (None: of unknown length), as of :meth:`look`."""
        if silent_s is not None and silent_s <= most_s:
            self._missed.pop(what, None)
            return None
        missed_s = at - self._missed.setdefault(what, at)
        known_s = missed_s if silent_s is None else silent_s
        if known_s <= most_s or at - self._looking_since <= SILENT_S:
            return Doubt()
        return Fault(known_s, severity=2)


Decision = tuple[FindingKind, int]
"""What to say of an alert, and its severity."""


def decide(alert: Alert | None, judgement: Judgement, at: datetime) -> Decision | None:
    """Decide what to say of an alert about ourselves, the latest there is: once per outage."""
    if isinstance(judgement, Doubt):
        return None
    if alert is None or alert.handling == Handling.CLOSED:
        if judgement is None or (alert is not None and _was_judged(alert, judgement, at)):
            return None
        return FindingKind.active, judgement.severity
    if judgement is None:
        is_over = alert.condition == Condition.CLEAR
        return None if is_over else (FindingKind.cleared, alert.severity)
    return _goes_on(alert, judgement)


def _goes_on(alert: Alert, fault: Fault) -> Decision | None:
    """Decide what to say of an open alert while something is wrong."""
    if alert.condition != Condition.ACTIVE:
        return FindingKind.active, fault.severity
    return (FindingKind.severity, fault.severity) if fault.severity < alert.severity else None


def _was_judged(alert: Alert, fault: Fault, at: datetime) -> bool:
    """Tell whether a person closed the alert while this very outage lasted."""
    by_person = alert.closed_by is not None and alert.condition != Condition.CLEAR
    began = at - timedelta(seconds=fault.silent_s)
    return by_person and alert.closed_at is not None and alert.closed_at >= began


class Overseer(Background):
    """Looks every two seconds, in a thread of its own, from ``with`` on."""

    def __init__(self, database_url: str) -> None:
        super().__init__("oversight", patience_s=LOOK_S * 5)
        self._engine = connect(database_url, pool_size=1)
        self._doubts = Doubts()
        self._unheard = False
        self._rotas_at: float | None = None

    def _close(self) -> None:
        self._engine.dispose()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.look(time.monotonic())
            except (*UNAVAILABLE, ProgrammingError) as error:
                log.debug("nobody can be watched: %s", error)
            except Exception:
                log.exception("looking after the platform failed; the next look is in %g s", LOOK_S)

    def look(self, at: float) -> None:
        """Look once, ``at`` by a steady clock; raise and clear alerts about ourselves.

        What the worker should have told long ago is told from here, too.
        """
        with transaction(self._engine) as session:
            is_ours = _has_the_lock(session)
            judged = list(self._judge(session, at))
            if is_ours:
                _carry_out(session, [*judged, *self._judge_rotas(session, at)])
        if is_ours and self._unheard:
            escalate_due(self._engine)

    def _judge(self, session: Session, at: float) -> Iterator[tuple[int, Rule, Judgement]]:
        found = listing.processes(session)
        self._doubts.look(at)
        untold = untold_s(found, listing.unsent_s(session))
        told = self._doubts.judge(WORKER_DOWN, untold, at)
        silent, waits = unheard_s(found), overdue_s(session, now())
        self._unheard = any(seconds > OVERDUE_S for seconds in waits.values())
        seen_at, troubled = last_alive(session), troubled_s(session, now())
        paused, missed = paused_s(session, now()), missed_s(session, now())
        for community_id in sorted(listing.watched_communities(session)):
            what = f"{INGEST_DOWN} {community_id}"
            heard = self._doubts.judge(what, silent.get(community_id), at)
            yield community_id, RULES["ingest"], _worse(heard)
            yield community_id, RULES["worker"], told
            what = f"{NOT_ESCALATED} {community_id}"
            told_of = self._doubts.judge(what, waits.get(community_id, 0.0), at, OVERDUE_S)
            yield community_id, RULES["escalation"], _worse(told_of)
            what = f"{NO_SCREEN} {community_id}"
            seen = self._doubts.judge(what, unseen_s(seen_at, community_id), at, UNSEEN_S)
            yield community_id, RULES["screens"], seen
            what = f"{CHANNEL_FAILS} {community_id}"
            fails = self._doubts.judge(what, troubled.get(community_id, 0.0), at, FAILING_S)
            yield community_id, RULES["channels"], fails
            since_s = paused.get(community_id)
            is_paused = None if since_s is None else Fault(since_s, severity=4)
            yield community_id, RULES["webhooks"], is_paused
            if heard is not None:  # nothing comes in, and that is said
                self._doubts.judge(f"{CANARY_MISSED} {community_id}", 0.0, at)
                continue
            yield community_id, RULES["canary"], self._walks(community_id, missed, at)

    def _walks(self, community_id: int, missed: Mapping[int, float], at: float) -> Judgement:
        """Judge whether canaries walk; what is missed is waited for once more."""
        is_missed = None if community_id in missed else 0.0
        judged = self._doubts.judge(f"{CANARY_MISSED} {community_id}", is_missed, at, CANARY_S)
        # whoever closed it, and whoever looks anew, must know for how long it has been so
        return Fault(missed[community_id], 2) if isinstance(judged, Fault) else judged

    def _judge_rotas(self, session: Session, at: float) -> list[tuple[int, Rule, Judgement]]:
        """Judge who is on duty, once in a while; in between nothing is said of it."""
        if self._rotas_at is not None and at - self._rotas_at < ROTAS_S:
            return []
        self._rotas_at = at
        holes = hole_s(session, now())
        found: list[tuple[int, Rule, Judgement]] = []
        for community_id in sorted(listing.watched_communities(session)):
            empty_s = holes.get(community_id)
            hole = None if empty_s is None else Fault(empty_s, severity=3)
            found.append((community_id, RULES["rota"], hole))
        return found


def _worse(judgement: Judgement) -> Judgement:
    """Give what it has become: after two minutes without a word it is about lives."""
    if isinstance(judgement, Fault) and judgement.silent_s > WORSE_AFTER_S:
        return Fault(judgement.silent_s, severity=1)
    return judgement


def _has_the_lock(session: Session) -> bool:
    query = text("SELECT pg_try_advisory_xact_lock(:key)")  # house: sql - a lock
    return bool(session.scalar(query, {"key": _LOCK}))


def _carry_out(session: Session, judged: list[tuple[int, Rule, Judgement]]) -> None:
    """Carry judgements over to alerts, with timeline, messages and screens."""
    at = now()
    group = Group(to_millis(at))
    group.found = list(_findings(session, judged, at))
    if not group.found:
        return
    carry_over(session, group, Muting(), isolate=True)
    alerts.add_entries(session, group.entries)
    notifications.add(session, group.planned)
    for community_id, changes in sorted(group.changes.items()):
        alerts.announce_all(session, community_id, list(dict.fromkeys(changes)))


def _findings(
    session: Session, judged: list[tuple[int, Rule, Judgement]], at: datetime
) -> Iterator[Found]:
    raised = listing.raised(session, [rule.id for rule in RULES.values()])
    for community_id, rule, judgement in judged:
        if judgement is None and (community_id, rule.id) not in raised:
            continue
        alert = alerts.latest_of_key(session, community_id, f"{rule.id}|{ENTITY}|")
        decided = decide(alert, judgement, at)
        if decided is None:
            continue
        kind, severity = decided
        silent_s = judgement.silent_s if isinstance(judgement, Fault) else 0.0
        finding = Finding(
            rule_id=rule.id,
            rule_version=rule.version,
            entity=ENTITY,
            discriminator="",
            kind=kind,
            severity=severity,
            at=to_millis(at - timedelta(seconds=silent_s)),
            detected_at=to_millis(at),
            values={"silent_s": round(silent_s)} if silent_s else {},
        )
        log.warning("%s in community %d: %s", rule.title.en, community_id, kind.value)
        yield Found(finding, rule, community_id, None)
