"""A community with a live wall at night, whose clock a test moves: who is called, and when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from outer_site import Site
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.life import renew
from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.database import from_millis, now, to_millis, transaction
from anju_platform.escalation.escalating import escalate_due
from anju_platform.notifications.model import Notification
from anju_platform.notifications.planning import plan
from anju_platform.notifications.repository import add
from anju_platform.screens.model import Screen

GUARD, PROPERTY, ADMIN = "role:guard", "role:property", "role:admin"
STARTED = from_millis(to_millis(now()))


def policy(*after_s: int) -> dict[str, Any]:
    """Give a plan that calls administrators."""
    return {"steps": [{"after_s": s, "to": [ADMIN]} for s in after_s], "repeat_s": 600}


class Desk:
    """One community with a live wall, whose clock is moved by the test."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.at = STARTED
        self.screen = uuid4()
        self.wall_is_alive(STARTED + timedelta(days=1))

    def wall_is_alive(self, at: datetime, *, sounds: bool = True) -> None:
        """Let the wall have given its last sign of life at a time."""
        with transaction(self.site.engine) as session:
            guard = self.site.actor()
            session.merge(
                Screen(
                    id=self.screen,
                    community_id=self.site.community_id,
                    post="wall-1",
                    user_id=guard.user_id,
                    opened_at=STARTED,
                    alive_at=at,
                    sounds=sounds,
                )
            )

    def rings(self, **changed: Any) -> UUID:
        """Raise an alert now, of which guards are told."""
        moments = dict.fromkeys(("observed_at", "detected_at", "activated_at", "due_at"), self.at)
        alert = self.site.alert(**(moments | changed))
        with transaction(self.site.engine) as session:
            row = session.get_one(Alert, alert)
            planned = plan(
                community_id=row.community_id,
                alert_id=alert,
                transition=row.version,
                severity=row.severity,
                recipients=["role:guard"],
                payload={},
            )
            add(session, planned)
        return alert

    def wait(self, seconds: int) -> None:
        """Let time pass, with a look at what is due each second."""
        for _ in range(seconds):
            self.at += timedelta(seconds=1)
            escalate_due(self.site.engine, self.at)

    def look(self) -> None:
        escalate_due(self.site.engine, self.at)

    def alert(self, alert: UUID) -> Alert:
        with Session(self.site.engine) as session:
            return session.get_one(Alert, alert)

    def steps(self, alert: UUID) -> list[tuple[int, list[str]]]:
        """Give when somebody was called, in seconds after the start, and who."""
        with Session(self.site.engine) as session:
            query = (
                select(TimelineEntry)
                .where(TimelineEntry.alert_id == alert, TimelineEntry.kind == "escalated")
                .order_by(TimelineEntry.id)
            )
            return [
                (round((entry.at - STARTED).total_seconds()), entry.data["to"])
                for entry in session.scalars(query)
            ]

    def messages(self, alert: UUID) -> list[tuple[int, int, str]]:
        """Give (transition, step, recipient) of every message."""
        with Session(self.site.engine) as session:
            query = (
                select(Notification.transition, Notification.step, Notification.recipient)
                .where(Notification.alert_id == alert)
                .order_by(Notification.id)
            )
            return [(a, b, c) for a, b, c in session.execute(query)]

    def acknowledges(self, alert: UUID) -> None:
        with transaction(self.site.engine) as session:
            version = session.get_one(Alert, alert).version
            service.acknowledge(session, self.site.actor(), alert, version=version, screen="wall")
            row = session.get_one(Alert, alert)
            row.acked_at = self.at
            renew(row, self.at)

    def changes(self, alert: UUID, **values: Any) -> None:
        with transaction(self.site.engine) as session:
            session.execute(update(Alert).where(Alert.id == alert).values(**values))
