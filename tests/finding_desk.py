"""Feeds findings of one device to the alerts, without rules: each at the time a test says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session
from wire_sender import now_ms

from anju_platform.alerts.model import Alert, Handling, TimelineEntry
from anju_platform.alerts.muting import Muting
from anju_platform.alerts.raising import raise_or_refresh
from anju_platform.alerts.repository import add_entries
from anju_platform.alerts.transition import Transition
from anju_platform.database import from_millis
from anju_platform.registry.snapshot import KnownDevice
from anju_rules import Finding, FindingKind, Rule
from anju_rules.rule import Title

HEAT = Rule(
    id="heat",
    title=Title("过热", "Too hot"),
    icon="temperature",
    severity=3,
    models=("climate",),
    when="m.temperature > 35",
)
SMOKE = msgspec.structs.replace(HEAT, id="smoke", severity=1, latch=True)
START = now_ms()


class Desk:
    """Feeds findings of one device to the alerts, and looks at the newest alert."""

    def __init__(self, session: Session, device: KnownDevice) -> None:
        self.session = session
        self.device = device

    def find(
        self, kind: FindingKind, at_s: float = 0, rule: Rule = HEAT, **changes: Any
    ) -> Transition | None:
        at = START + round(at_s * 1000)
        finding = Finding(
            rule_id=rule.id,
            rule_version=rule.version,
            entity=self.device.slug,
            discriminator="",
            kind=kind,
            severity=changes.pop("severity", rule.severity),
            at=at,
            detected_at=at,
            device=self.device.slug,
            **changes,
        )
        community_id = self.device.community_id
        transition = raise_or_refresh(
            self.session, community_id, finding, rule, self.device, muting=Muting()
        )
        if transition is not None:
            add_entries(self.session, transition.entries)
        return transition

    @property
    def alerts(self) -> list[Alert]:
        query = select(Alert).order_by(Alert.id)
        return list(self.session.scalars(query.execution_options(populate_existing=True)))

    @property
    def alert(self) -> Alert:
        return self.alerts[-1]

    @property
    def kinds(self) -> list[str]:
        return list(self.session.scalars(select(TimelineEntry.kind).order_by(TimelineEntry.id)))

    def acknowledge(self, at_s: float = 0) -> None:
        self.alert.handling = Handling.ACKED
        self.alert.acked_at = from_millis(START) + timedelta(seconds=at_s)
        self.session.flush()

    def close(self, at_s: float) -> None:
        self.alert.handling = Handling.CLOSED
        self.alert.closed_at = from_millis(START) + timedelta(seconds=at_s)
        self.alert.cause = "false"
        self.session.flush()
