"""Why did it ring? For one alert, the readings that made its rule true, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_devices.messages import Value
from anju_platform.alerts import listing, repository
from anju_platform.alerts.model import Alert
from anju_platform.auth.actor import Actor
from anju_platform.database import Json
from anju_platform.errors import NotFoundError
from anju_platform.registry.listing import find_device
from anju_platform.registry.model import Device
from anju_platform.registry.privacy import device_grounds, may_read
from anju_platform.rulebook.overview import text_of
from anju_platform.rulebook.texts import read_version
from anju_platform.telemetry.repository import event_at, points_at
from anju_rules import Rule

FOUND = frozenset(
    {"raised", "reactivated", "reopened", "rose", "fell", "cleared", "unknown", "switched_off"}
)
"""Steps of an alert's life that a rule took, not a person."""


@dataclass(frozen=True, slots=True)
class Said:
    """One reading: when (device's clock, epoch ms), by whom, and what is stored of it.

    ``is_stored`` is false when nothing is: it was pruned, or its time was put right;
    ``is_shared`` when whoever lives there does not share it.
    """

    at: int
    device: str
    name: str
    event: str | None
    values: Mapping[str, Value]
    is_stored: bool
    is_shared: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the rule found: ``at`` in event time and ``late_s`` later than usual."""

    kind: str
    severity: int
    at: int
    late_s: float
    because: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An alert, the version of the rule it comes from (if it is known), and all that was found."""

    alert: Alert
    rule: Rule | None
    steps: tuple[Step, ...]


def explain(session: Session, actor: Actor, alert_id: UUID) -> Explanation:
    """Tell which readings made an alert true, as far as they are shared with the actor.

    Raises:
        NotFoundError: the actor's community has no such alert.
    """
    alert = repository.get(session, actor.community_id, alert_id)
    if alert is None:
        raise NotFoundError(f"no alert {alert_id} in this community")
    devices: dict[str, Device | None] = {}
    steps = [
        _step(session, actor, entry.kind, entry.data, devices)
        for entry in listing.timeline(session, alert_id)
        if entry.kind in FOUND and "at" in entry.data
    ]
    return Explanation(alert, _rule(session, alert), tuple(steps))


def _rule(session: Session, alert: Alert) -> Rule | None:
    """Give the rule as it was when the alert was raised, not as it is now."""
    try:
        text = text_of(session, alert.community_id, alert.rule_id, alert.rule_version).text
    except NotFoundError:  # a former release's library
        return None
    read = read_version(text, alert.rule_id, alert.rule_version)
    return read if isinstance(read, Rule) else None


def _step(
    session: Session, actor: Actor, kind: str, data: Json, devices: dict[str, Device | None]
) -> Step:
    moments: Sequence[Json] = data.get("because", ())
    return Step(
        kind=kind,
        severity=int(data["severity"]),
        at=int(data["at"]),
        late_s=float(data.get("late_s", 0)),
        because=tuple(_said(session, actor, moment, devices) for moment in moments),
    )


def _said(session: Session, actor: Actor, moment: Json, devices: dict[str, Device | None]) -> Said:
    slug, at = str(moment.get("device") or ""), int(moment["at"])
    if slug not in devices:
        devices[slug] = _device(session, actor.community_id, slug)
    device = devices[slug]
    if device is None:
        return Said(at, slug, slug, None, {}, is_stored=False)
    grounds = device_grounds(session, actor, device)
    if grounds.in_home and grounds.values is None:
        return Said(at, slug, device.name, None, {}, is_stored=True, is_shared=False)
    event = event_at(session, actor.community_id, device.id, at, moment.get("id"))
    values = _words(device, points_at(session, device.id, at))
    if event is not None:
        values |= event.data
    shown = {name: value for name, value in values.items() if may_read(actor, name, grounds)}
    stored = bool(values) or event is not None
    return Said(at, slug, device.name, event.event if event else None, shown, is_stored=stored)


def _device(session: Session, community_id: int, slug: str) -> Device | None:
    try:
        return find_device(session, community_id, slug)
    except NotFoundError:
        return None


def _words(device: Device, numbers: Mapping[str, float]) -> dict[str, Value]:
    model = MODELS.get(device.model)
    found: dict[str, Value] = {}
    for name, number in numbers.items():
        field = model.field(name) if model else None
        found[name] = field.word(number) if field else number
    return found
