"""From finding to alert: raise, refresh, reopen, clear; one alert per key is open at a time."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils
from sqlalchemy.orm import Session

from anju_platform.alerts import repository
from anju_platform.alerts.life import (
    begin_anew,
    end,
    go_on,
    hand_back,
    is_for_life,
    recover,
    take_off_the_shelf,
)
from anju_platform.alerts.model import Alert, Condition, Handling, Mode
from anju_platform.alerts.muting import Muting
from anju_platform.alerts.repository import Entry
from anju_platform.alerts.transition import Transition
from anju_platform.alerts.windows.known import About
from anju_platform.database import Json, from_millis, to_millis
from anju_platform.registry.privacy import HEALTH_FIELDS
from anju_platform.registry.snapshot import KnownDevice
from anju_rules import Finding, FindingKind, Moment, Rule

REOPEN_WITHIN = timedelta(minutes=5)
"""A re-fire this soon after closing is the same alert again."""
ASKED_AGAIN_AFTER = timedelta(minutes=5)
"""A life-safety event this long after the acknowledgement calls for people anew."""
ANSWERED_FOR = timedelta(minutes=30)
"""So long an acknowledgement of anything else is good for what is said again (semantics)."""
FLAPPING_WITHIN = timedelta(minutes=10)
FLAPPING_OVER = 3
"""More activations than this within that time: counted, no longer told."""
STEADY_AT_LEAST_MS, STEADY_AT_MOST_MS = 30_000, 600_000
"""What flaps is over when it has been so for the rule's ``clear_for``, or 30 s, doubled with
each activation beyond those, up to 10 min."""
_KEPT_ACTIVATIONS = 20
"""The wait is longest long before."""
_FLAPPING_WITHIN_MS = round(FLAPPING_WITHIN.total_seconds() * 1000)
KEPT_EVENT_IDS = 100


def raise_or_refresh(
    session: Session,
    community_id: int,
    finding: Finding,
    rule: Rule,
    device: KnownDevice | None,
    *,
    muting: Muting,
) -> Transition | None:
    """Carry a finding over to its alert; gives nothing when it changes nothing.

    ``muting`` says what it is muted by if it is raised. The caller writes the timeline's entries
    and announces the alert to screens in the same transaction, for all findings of a group at
    once.
    """
    key = dedupe_key(finding)
    alert = repository.latest_of_key(session, community_id, key)
    at = from_millis(finding.detected_at)
    mode = muting.mode(_about(community_id, finding, rule, device), at)
    transition = decide(alert, community_id, finding, rule, device, mode=mode)
    if transition is None:
        return None
    transition = muting.apply(session, transition, rule, mode, at)
    if transition.kind == "raised":
        repository.add(session, transition.alert)
    else:
        session.flush()
    return transition


def _about(community_id: int, finding: Finding, rule: Rule, device: KnownDevice | None) -> About:
    return About(
        community_id=community_id,
        rule_id=finding.rule_id,
        device_id=device.id if device else None,
        place_id=device.place_id if device else None,
        household_id=device.household_id if device else None,
        severity=finding.severity,
        latched=rule.latch,
    )


def decide(
    alert: Alert | None,
    community_id: int,
    finding: Finding,
    rule: Rule,
    device: KnownDevice | None,
    *,
    mode: Mode = Mode.ACTUAL,
) -> Transition | None:
    """Decide what a finding does to ``alert``, the open one of its key or the one closed last.

    Changes that alert, or gives a new one (of that ``mode``: what was raised in a drill is not the
    same again after it); needs no database and knows no time but the
    finding's, so that a back-test counts alerts as they would be raised.
    """
    if alert is not None and alert.handling != Handling.CLOSED:
        return _refresh(alert, finding, rule)
    if not _calls_for_people(alert, finding):
        return None
    if alert is not None and alert.mode == mode and _closed_lately(alert, finding):
        return _reopen(alert, finding)
    return _raise(community_id, finding, rule, device, mode=mode, former=alert)


def _calls_for_people(closed: Alert | None, finding: Finding) -> bool:
    """Tell whether a finding makes an alert where none is open.

    A person who closed an alert judged what it was then; that it has grown worse is news.
    """
    if finding.kind is FindingKind.severity:
        return closed is not None and finding.severity < closed.severity
    return finding.kind is FindingKind.active


def dedupe_key(finding: Finding) -> str:
    """Give what an alert is the only open one of: rule, entity, discriminator."""
    return f"{finding.rule_id}|{finding.entity}|{finding.discriminator}"


def _raise(
    community_id: int,
    finding: Finding,
    rule: Rule,
    device: KnownDevice | None,
    *,
    mode: Mode,
    former: Alert | None,
) -> Transition:
    detected = from_millis(finding.detected_at)
    evidence = _evidence({}, finding)
    _note_activation(evidence, detected)
    alert = Alert(
        id=UUID(str(uuid_utils.uuid7())),
        community_id=community_id,
        dedupe_key=dedupe_key(finding),
        rule_id=finding.rule_id,
        rule_version=finding.rule_version,
        entity=finding.entity,
        discriminator=finding.discriminator,
        device_id=device.id if device else None,
        place_id=device.place_id if device else None,
        household_id=device.household_id if device else None,
        title=rule.title.zh,
        title_en=rule.title.en,
        icon=rule.icon,
        severity=finding.severity,
        condition=Condition.ACTIVE,
        handling=Handling.UNACKED,
        overlays=[],
        mode=mode,
        latched=rule.latch,
        observed_at=from_millis(finding.at),
        detected_at=detected,
        activated_at=detected,
        occurrences=1,
        previous_id=former.id if former else None,
        media_id=_snapshot(finding),
        evidence=evidence,
        due_at=detected,
        step=0,
        version=1,
    )
    entries = (_entry(alert, "raised", finding),)
    return Transition(alert, "raised", tell=True, entries=entries)


def _closed_lately(alert: Alert, finding: Finding) -> bool:
    closed = alert.closed_at
    return closed is not None and from_millis(finding.detected_at) - closed < REOPEN_WITHIN


def _reopen(alert: Alert, finding: Finding) -> Transition:
    hand_back(alert, from_millis(finding.detected_at))
    alert.closed_at = alert.closed_by = None
    alert.cause = alert.note = None
    always = alert.latched or finding.severity < alert.severity
    return _activate(alert, finding, "reopened", always=always)


def _refresh(alert: Alert, finding: Finding, rule: Rule) -> Transition | None:
    match finding.kind:
        case FindingKind.active:
            return _active_again(alert, finding)
        case FindingKind.cleared:
            return _cleared(alert, finding, rule)
        case FindingKind.unknown:
            return _unknown(alert, finding)
        case FindingKind.severity:
            return _severity(alert, finding)


def _active_again(alert: Alert, finding: Finding) -> Transition:
    go_on(alert)
    if finding.severity < alert.severity:
        take_off_the_shelf(alert)  # it was put there for what it was then
        hand_back(alert, from_millis(finding.detected_at))
        return _activate(alert, finding, "rose", always=True)
    if _calls_again(alert, finding):
        hand_back(alert, from_millis(finding.detected_at))
        return _activate(alert, finding, "reactivated", always=True, handed_back=True)
    if alert.condition == Condition.RECOVERING:
        return _fold(alert, finding)
    if alert.condition == Condition.ACTIVE:
        alert.occurrences += 1
        # how late it was told is that of what raised it: another word of then changes nothing
        late_s = alert.evidence.get("late_s", 0.0)
        alert.evidence = {**_evidence(alert.evidence, finding), "late_s": late_s}
        return _changed(alert, finding, "reactivated", tell=False)
    return _activate(alert, finding, "reactivated")


def _calls_again(alert: Alert, finding: Finding) -> bool:
    """Tell whether people are needed anew: the acknowledgement was for what was before.

    What a life may hang on does not go on while it recovers: each time it begins it is new.
    """
    if alert.handling != Handling.ACKED:
        return False
    if alert.condition == Condition.RECOVERING and is_for_life(alert):
        return True
    if alert.acked_at is None or (alert.latched and alert.condition != Condition.ACTIVE):
        return alert.latched
    good_for = ASKED_AGAIN_AFTER if alert.latched else ANSWERED_FOR
    return from_millis(finding.detected_at) - alert.acked_at >= good_for


def _activate(
    alert: Alert,
    finding: Finding,
    kind: str,
    *,
    always: bool = False,
    handed_back: bool = False,
) -> Transition:
    """Make an alert active (again); flapping is not told, unless ``always``."""
    detected = from_millis(finding.detected_at)
    if _has_rested(alert, detected):
        begin_anew(alert, detected)
    alert.occurrences += 1
    alert.condition = Condition.ACTIVE
    alert.severity = finding.severity
    alert.activated_at = detected
    alert.cleared_at = None
    alert.media_id = _snapshot(finding) or alert.media_id
    evidence = _evidence(alert.evidence, finding)
    flapping = _note_activation(evidence, detected)
    alert.evidence = evidence
    tell = always or not flapping
    return _changed(alert, finding, kind, tell=tell, handed_back=handed_back)


def _fold(alert: Alert, finding: Finding) -> Transition:
    """Count what flaps: it had not recovered, so nothing has begun; nor is it written down."""
    alert.condition = Condition.ACTIVE
    alert.occurrences += 1
    alert.version += 1
    evidence = _evidence(alert.evidence, finding)
    _note_activation(evidence, from_millis(finding.detected_at))
    alert.evidence = evidence
    return Transition(alert, "reactivated", tell=False, entries=())


def _has_rested(alert: Alert, at: datetime) -> bool:
    """Tell whether what nobody has was over for so long that this is a new happening."""
    over = alert.cleared_at if alert.handling == Handling.UNACKED else None
    return over is not None and at - over > FLAPPING_WITHIN


def _note_activation(evidence: Json, at: datetime) -> bool:
    """Keep the latest activations; tell whether the alert flaps."""
    since = to_millis(at - FLAPPING_WITHIN)
    times = [t for t in evidence.get("activations", []) if t > since] + [to_millis(at)]
    times = times[-_KEPT_ACTIVATIONS:]
    evidence["activations"] = times
    evidence["flapping"] = len(times) > FLAPPING_OVER
    return bool(evidence["flapping"])


def _severity(alert: Alert, finding: Finding) -> Transition | None:
    if finding.severity == alert.severity:
        return None
    go_on(alert)
    if alert.condition == Condition.RECOVERING:
        alert.condition = Condition.ACTIVE
    alert.evidence = _evidence(alert.evidence, finding)
    rises = finding.severity < alert.severity
    alert.severity = finding.severity
    if rises:
        take_off_the_shelf(alert)
        hand_back(alert, from_millis(finding.detected_at))
        return _changed(alert, finding, "rose", tell=True)
    return _changed(alert, finding, "fell", tell=False)


def _cleared(alert: Alert, finding: Finding, rule: Rule) -> Transition | None:
    if alert.condition in {Condition.CLEAR, Condition.RECOVERING}:
        return None
    steady_ms = _steady_ms(alert, finding, rule)
    if steady_ms:
        recover(alert, from_millis(finding.detected_at + steady_ms))
        alert.version += 1
        return Transition(alert, "recovering", tell=False, entries=())
    alert.condition = Condition.CLEAR
    alert.cleared_at = from_millis(finding.detected_at)
    cleared = _changed(alert, finding, "cleared", tell=False)
    if alert.handling != Handling.ACKED or alert.latched:
        return cleared
    end(alert, alert.cleared_at)
    closed = _entry(alert, "closed", finding)
    return Transition(alert, "cleared", tell=False, entries=(*cleared.entries, closed))


def _steady_ms(alert: Alert, finding: Finding, rule: Rule) -> int:
    """Give how long what flaps must be over to be so: the rule's time, doubled each time more."""
    since = finding.detected_at - _FLAPPING_WITHIN_MS
    activations: list[int] = alert.evidence.get("activations", [])
    times = len([t for t in activations if t > since])
    if times <= FLAPPING_OVER:
        return 0
    steady = max(int(rule.clear_for), STEADY_AT_LEAST_MS) << (times - FLAPPING_OVER)
    return min(steady, STEADY_AT_MOST_MS)


def _unknown(alert: Alert, finding: Finding) -> Transition | None:
    if alert.condition in {Condition.UNKNOWN, Condition.CLEAR}:
        return None
    go_on(alert)
    alert.condition = Condition.UNKNOWN
    return _changed(alert, finding, "unknown", tell=False)


def _changed(
    alert: Alert, finding: Finding, kind: str, *, tell: bool, handed_back: bool = False
) -> Transition:
    alert.version += 1
    entry = _entry(alert, kind, finding)
    if handed_back:
        entry.data["handed_back"] = True
    return Transition(alert, kind, tell, (entry,))


def _entry(alert: Alert, kind: str, finding: Finding) -> Entry:
    at = from_millis(finding.detected_at)
    return Entry(alert.id, alert.community_id, at, kind, _said(finding))


def _said(finding: Finding) -> Json:
    """Give what the timeline, which everybody reads, keeps of a finding."""
    values = {name: v for name, v in finding.values.items() if name not in HEALTH_FIELDS}
    said: Json = {"severity": finding.severity, "at": finding.at, "values": values}
    if finding.device:
        said["device"] = finding.device
    if finding.late_s > 0:
        said["late_s"] = finding.late_s
    if finding.because:
        said["because"] = [_reading(one) for one in finding.because]
    return said


def _reading(one: Moment) -> Json:
    """Give one of the readings that made it true: when, who said it, and which event it was.

    Its value stays out of the timeline, which everybody reads: it may be one of health.
    """
    return {"at": one.at, "device": one.device, "id": one.id}


def _evidence(before: Json, finding: Finding) -> Json:
    """Give the evidence with a finding's added: every event that counted is named."""
    ids: list[str] = [*before.get("event_ids", []), *finding.event_ids][-KEPT_EVENT_IDS:]
    return {
        **before,
        "event_ids": ids,
        "values": dict(finding.values),
        "data": dict(finding.data),
        "late_s": finding.late_s,
        "device": finding.device,
    }


def _snapshot(finding: Finding) -> str | None:
    """Give the id of the snapshot the finding's event refers to."""
    snapshot: Any = finding.data.get("snapshot")
    return snapshot if isinstance(snapshot, str) and snapshot else None
