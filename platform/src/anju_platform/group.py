"""What the messages of one transaction amount to, and what their findings lead to."""

import logging
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from anju_devices.messages import Command
from anju_platform.alerts import repository as alerts
from anju_platform.alerts.muting import Muting
from anju_platform.alerts.raising import raise_or_refresh
from anju_platform.alerts.telling import meant, tell
from anju_platform.alerts.transition import Transition
from anju_platform.canary.repository import Heard
from anju_platform.commands.requests import ask_for_snapshot
from anju_platform.database import UNAVAILABLE, from_millis, is_too_large
from anju_platform.lanes.model import Quarantined
from anju_platform.notifications.repository import Planned
from anju_platform.registry.snapshot import KnownGateway
from anju_platform.rulebook.book import Found
from anju_platform.rulebook.texts import CANARY
from anju_platform.telemetry.writing import Taken
from anju_platform.vitals import Tally
from anju_rules import FindingKind

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outgoing:
    """What is said to gateways once the transaction is committed.

    ``committed`` names (gateway, epoch) to acknowledge to, ``commands`` what to ask of whom;
    ``points`` and ``tally`` are counted then.
    """

    committed: dict[tuple[int, str], KnownGateway] = field(default_factory=dict)
    commands: list[tuple[KnownGateway, Command]] = field(default_factory=list)
    points: int = 0
    tally: Tally = field(default_factory=Tally)


@dataclass(slots=True)
class Group:
    """What the messages of one transaction amount to."""

    now: int
    taken: list[Taken] = field(default_factory=list)
    hours: set[tuple[int, int]] = field(default_factory=set)
    quarantined: list[Quarantined] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    entries: list[alerts.Entry] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    changes: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    canaries: list[Heard] = field(default_factory=list)
    call: set[int] = field(default_factory=set)
    outgoing: Outgoing = field(default_factory=Outgoing)


def carry_over(session: Session, group: Group, muting: Muting, *, isolate: bool) -> None:
    """Carry findings over to alerts; with ``isolate``, one that fails stops no other."""
    for found in group.found:
        if found.rule.id == CANARY:
            _hear_canary(found, group)
            continue
        if not isolate:
            _raise_one(session, found, group, muting)
            continue
        try:
            with session.begin_nested():
                _raise_one(session, found, group, muting)
        except Exception as error:
            if isinstance(error, UNAVAILABLE) and not is_too_large(error):
                raise
            log.exception("no alert: the database refused %s", found.finding)


def _raise_one(session: Session, found: Found, group: Group, muting: Muting) -> None:
    """Carry a finding over to its alert, plan who is told, ask for the picture it needs."""
    transition = raise_or_refresh(
        session, found.community_id, found.finding, found.rule, found.device, muting=muting
    )
    if transition is None:
        return
    _fetch_snapshot(session, transition, found, group)
    changes = group.changes.setdefault(found.community_id, [])
    changes.append(("alert", str(transition.alert.id)))
    group.entries += transition.entries
    if transition.tell:
        alert = transition.alert
        named = (meant(alert.household_id, f"role:{role}") for role in found.rule.notify)
        recipients = [one for one in named if one is not None]
        group.planned += tell(alert, transition.kind, recipients)
    at = from_millis(found.finding.detected_at)
    for entry in muting.follow(session, transition, at):
        group.entries.append(entry)
        changes.append(("alert", str(entry.alert_id)))


def _hear_canary(found: Found, group: Group) -> None:
    """Let a canary go on to worker and screens; it is an alert to nobody."""
    if found.device is None or found.finding.kind is not FindingKind.active:
        return
    said_at = from_millis(found.finding.at)
    group.canaries.append(Heard(found.device.gateway_id, said_at, found.community_id))
    changes = group.changes.setdefault(found.community_id, [])
    changes.append(("canary", found.device.slug))


def _fetch_snapshot(session: Session, transition: Transition, found: Found, group: Group) -> None:
    picture, device = found.finding.data.get("snapshot"), found.device
    if device is None or not isinstance(picture, str) or transition.kind == "cleared":
        return
    ask_for_snapshot(
        session,
        community_id=device.community_id,
        gateway_id=device.gateway_id,
        snapshot=picture,
    )
    group.call.add(device.gateway_id)
