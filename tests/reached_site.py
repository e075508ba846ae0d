"""A community whose people are reached outside: channels, addresses, and a deliverer at work."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from outer_site import Site
from sinks import Browser, Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert
from anju_platform.alerts.telling import tell
from anju_platform.auth.model import Role
from anju_platform.config import Settings
from anju_platform.database import now, transaction
from anju_platform.notifications import addresses, channels
from anju_platform.notifications.model import Channel, Delivery, Kind
from anju_platform.notifications.outside.carriers.robots import Robots
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.notifications.outside.delivering import Deliverer
from anju_platform.notifications.outside.leasing import repository
from anju_platform.notifications.repository import add
from anju_platform.notifications.schemas import AddressBody, ChannelBody, PushBody
from anju_platform.notifications.taking_up import take_up


class Reached:
    """The site, with what its people have; its deliverers are stopped at the end."""

    def __init__(self, site: Site) -> None:
        self.site = site
        settings = Settings(
            database_url=site.url,
            inside_hosts="127.0.0.1",
            inside_push_hosts="127.0.0.1,localhost",
            public_url="http://127.0.0.1:1",
        )
        self.carriers = Carriers(site.engine, settings)
        self.deliverers: list[Deliverer] = []

    def deliverer(self) -> Deliverer:
        made = Deliverer(self.site.engine, self.carriers, "http://127.0.0.1:1")
        self.deliverers.append(made)
        return made

    def channel(self, slug: str, kind: Kind, url: str, **changed: Any) -> None:
        """Make a channel, as an administrator does."""
        body = ChannelBody(kind=kind, name=slug, url=url, **changed)  # type: ignore[arg-type]
        with transaction(self.site.engine) as session:
            channels.add(session, self.site.actor(Role.ADMIN), self.carriers, slug, body)

    def voice(self, sink: Sink, slug: str = "voice", **changed: Any) -> None:
        self.channel(slug, Kind.VOICE, f"{sink.url}/{slug}", **changed)

    def robot(self, sink: Sink, slug: str = "robot", **changed: Any) -> None:
        robots = Robots(self.carriers.hosts, {"wecombot": sink.url})
        self.carriers.known[Kind.ROBOT]["wecombot"] = robots
        self.channel(slug, Kind.ROBOT, f"wecombot://{slug}", **({"roles": {"guard"}} | changed))

    def phone(self, number: str = "13800000001", username: str = "guard") -> None:
        with transaction(self.site.engine) as session:
            actor = self.site.actor(username=username)
            addresses.add(session, actor, AddressBody(kind="phone", target=number))

    def browser(self, sink: Sink, username: str = "guard", name: str = "abc") -> Browser:
        browser = Browser(f"{sink.url}/push/{name}")
        with transaction(self.site.engine) as session:
            body = PushBody(**browser.subscription())
            actor = self.site.actor(username=username)
            addresses.add_push(session, actor, body, self.carriers.push_hosts, "Chrome Android")
        return browser

    def rings(self, severity: int = 1, *to: str, kind: str = "raised", **changed: Any) -> UUID:
        """Raise an alert of which people are told, and take that up as the worker does."""
        alert_id = self.site.alert(severity=severity, **changed)
        self.tells(alert_id, *(to or ("role:guard",)), kind=kind)
        return alert_id

    def tells(self, alert_id: UUID, *to: str, kind: str = "raised") -> None:
        with transaction(self.site.engine) as session:
            add(session, tell(session.get_one(Alert, alert_id), kind, to))
        take_up(self.site.engine, lambda *_: None)

    def rises(self, alert_id: UUID, severity: int, *to: str) -> None:
        """Let an alert become worse, or as bad anew, of which these people are told."""
        with transaction(self.site.engine) as session:
            row = session.get_one(Alert, alert_id)
            row.severity, row.version = severity, row.version + 1
        self.tells(alert_id, *to, kind="rose")

    def tries_again_without_one(self, sink: Sink) -> None:
        """Let two alerts of one message be refused, the first taken on, and the rest said again."""
        sink.status = 503
        first = self.rings(3, title="甲")
        self.rings(3, title="乙")
        self.later(10)
        self.turn()
        with transaction(self.site.engine) as session:
            service.acknowledge(session, self.site.actor(), first, version=1, screen="wall")
        sink.status = 201
        self.later(30)
        self.turn()

    def later(self, seconds: float) -> None:
        """Let time have passed for whatever waits."""
        past = timedelta(seconds=seconds)
        with transaction(self.site.engine) as session:
            session.execute(
                update(Delivery).values(
                    created_at=Delivery.created_at - past,
                    next_attempt_at=Delivery.next_attempt_at - past,
                    leased_until=Delivery.leased_until - past,
                )
            )
            for channel in session.scalars(select(Channel)):
                channel.recent = [each - round(seconds * 1000) for each in channel.recent]
                if channel.not_before is not None:
                    channel.not_before -= past

    def deliveries(self) -> list[Delivery]:
        with Session(self.site.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.id)))

    def states(self) -> list[tuple[str, str]]:
        """Give (channel, state) of every delivery."""
        query = (
            select(Channel.slug, Delivery.state)
            .join(Channel, Channel.id == Delivery.channel_id)
            .order_by(Delivery.id)
        )
        with Session(self.site.engine) as session:
            return [(slug, state) for slug, state in session.execute(query)]

    def turn(self, deliverer: Deliverer | None = None) -> None:
        """Let a deliverer do what is due now, all of it."""
        one = deliverer or self.deliverer()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            one.turn()
            until(lambda: not one.busy())
            with transaction(self.site.engine) as session:
                if not repository.due(session, now()):
                    return
        raise AssertionError("what is due is never done")

    def channel_row(self, slug: str) -> Channel:
        with Session(self.site.engine, expire_on_commit=False) as session:
            return session.scalars(select(Channel).where(Channel.slug == slug)).one()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
