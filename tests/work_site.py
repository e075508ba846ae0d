"""A community in which work is done and drills are run: devices speak, people plan, time passes.

Ingest's writer and the worker's looks run on a clock of the test's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from night_desk import Desk
from outer_site import Site, community_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_devices import topics
from anju_devices.link import Message
from anju_devices.messages import Batch, Reading, Status, encode
from anju_devices.topics import Channel
from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.alerts.windows import service
from anju_platform.alerts.windows.schemas import DrillBody, MaintenanceBody, WindowView
from anju_platform.alerts.windows.turning import turn_windows
from anju_platform.auth.model import Role
from anju_platform.database import from_millis, now, to_millis, transaction
from anju_platform.escalation.escalating import escalate_due
from anju_platform.provision import import_community
from anju_platform.walk import Walk
from anju_rules import load_library

COMMUNITY, GATEWAY = "garden", "gw-west"
_MORE = (
    ("gw-west", "gateway", "b1", None),
    ("b1-501-smoke", "smoke_alarm", "b1-501", "h-501"),
    ("b1-smoke", "smoke_alarm", "b1", None),
    ("b1-climate", "climate", "b1", None),
)


class WorkSite(Desk):
    """The community, whose devices speak through ingest's own writer."""

    def __init__(self, site: Site) -> None:
        file = community_file()
        file["devices"] += [
            {"slug": slug, "model": model, "gateway": GATEWAY, "place": place, "household": home,
             "name": slug, "name_en": slug}
            for slug, model, place, home in _MORE
        ]  # fmt: skip
        with transaction(site.engine) as session:
            import_community(session, file)
        super().__init__(site)
        self.at = from_millis(to_millis(now()))
        self.wall_is_alive(self.at + timedelta(days=30))
        self._numbers = count(1)
        self.open_office()

    def open_office(self) -> None:
        """Begin a term of ingest, as after a restart."""
        self.walk = Walk(load_library())
        with transaction(self.site.engine) as session:
            self.walk.load(session, to_millis(self.at))
        self.gateway(online=True)

    # -- devices ---------------------------------------------------------------------------

    def gateway(self, *, online: bool) -> None:
        status = Status(online=online, at=to_millis(self.at), epoch="one")
        self._take(Channel.STATUS, encode(status))

    def says(self, device: str, event: str | None = None, **values: Any) -> None:
        """Let a device say something now."""
        self.all_say({device: (event, values)})

    def all_say(self, said: Mapping[str, tuple[str | None, dict[str, Any]]]) -> None:
        """Let devices say something in one message."""
        at, number = to_millis(self.at), next(self._numbers)
        readings = [
            Reading(device=device, at=at, event=event, values=values, id=f"{number}-{device}")
            if event
            else Reading(device=device, at=at, values=values)
            for device, (event, values) in said.items()
        ]
        batch = Batch(epoch="one", seq=number, sent_at=at, readings=readings)
        self._take(Channel.EVENTS, encode(batch))

    def _take(self, channel: Channel, payload: bytes) -> None:
        topic = topics.build(COMMUNITY, GATEWAY, channel)
        at = to_millis(self.at)
        message = Message(topic, payload, False, at, 1, 1, False)  # noqa: FBT003 - a tuple
        with transaction(self.site.engine) as session:
            self.walk.take_in(session, [message], at)

    # -- time ------------------------------------------------------------------------------

    def look(self) -> None:
        """Let the worker look at what is due."""
        turn_windows(self.site.engine, self.at)
        escalate_due(self.site.engine, self.at)

    def passes(self, seconds: float, *, steps: int = 1) -> None:
        """Let time pass; rules and worker look after each step."""
        for _ in range(steps):
            self.at += timedelta(seconds=seconds / steps)
            with transaction(self.site.engine) as session:
                self.walk.take_in(session, [], to_millis(self.at))
            self.look()

    def catches_up(self) -> None:
        """Let it be later than what people, whose clock is the real one, did just now."""
        self.at = max(self.at, from_millis(to_millis(now()) + 1))

    # -- people ----------------------------------------------------------------------------

    def hears(self) -> None:
        """Let ingest hear that windows were planned or ended."""
        self.catches_up()
        with transaction(self.site.engine) as session:
            self.walk.reload_windows(session)

    def plans_work(self, minutes: float = 60, *, after_min: float = 0, **body: Any) -> WindowView:
        """Plan work; ingest hears of it."""
        starts = self.at + timedelta(minutes=after_min)
        with transaction(self.site.engine) as session:
            wanted = MaintenanceBody(
                reason="更换电池",
                starts_at=starts if after_min else None,
                ends_at=starts + timedelta(minutes=minutes),
                **body,
            )
            made = service.plan_maintenance(session, self.site.actor(Role.INSTALLER), wanted)
        self.hears()
        return made

    def plans_drill(self, minutes: float = 60, **body: Any) -> WindowView:
        """Begin a drill; ingest hears of it."""
        with transaction(self.site.engine) as session:
            wanted = DrillBody(
                reason="消防演练", ends_at=self.at + timedelta(minutes=minutes), **body
            )
            made = service.plan_drill(session, self.site.actor(Role.PROPERTY), wanted)
        self.hears()
        return made

    def ends(self, window: WindowView) -> None:
        """End a window before its time; ingest has not heard of it yet."""
        with transaction(self.site.engine) as session:
            service.end(session, self.site.actor(Role.GUARD), window.id)
        self.catches_up()

    # -- what became of it -----------------------------------------------------------------

    def of(self, rule: str, device: str | None = None) -> Alert:
        """Give the newest alert of a rule, and of a device if one is named."""
        query = select(Alert).where(Alert.rule_id == rule).order_by(Alert.id.desc())
        if device is not None:
            query = query.where(Alert.device_id == self.site.device(device).id)
        with Session(self.site.engine) as session:
            return session.scalars(query.limit(1)).one()

    def told(self, alert: Alert) -> list[str]:
        """Give who was told of an alert, in order, each once."""
        return list(dict.fromkeys(who for _, _, who in self.messages(alert.id)))

    def kinds(self, alert: Alert) -> list[str]:
        """Give the steps of an alert's timeline."""
        query = (
            select(TimelineEntry.kind)
            .where(TimelineEntry.alert_id == alert.id)
            .order_by(TimelineEntry.id)
        )
        with Session(self.site.engine) as session:
            return list(session.scalars(query))
