"""Words about the home of the outer site, what is secret in it, and a clock that a test moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from outer_site import JPEG, Site, ago
from sqlalchemy import delete, select
from stored_points import store

from anju_platform.database import from_millis, now, to_millis, transaction
from anju_platform.lanes.model import Quarantined
from anju_platform.media.model import Media
from anju_platform.notifications.model import Notification
from anju_platform.people.model import Household, Resident
from anju_platform.registry.model import Device
from anju_platform.sharing.model import Consent
from anju_platform.telemetry.model import DeviceEvent

ELDER = "张桂兰"
PIR = "b1-501-pir"
SECRETS = ("4711.25", "hidden-corner")
"""What a sensor of the home said, wherever it is kept."""


def say_nothing(site: Site) -> None:
    """Let nobody have said anything."""
    with transaction(site.engine) as session:
        session.execute(delete(Consent))


def say(site: Site, viewer: str = "role:guard", **said: Any) -> None:
    """Let somebody give their word, or take it back; ``begins`` and ``ends`` are in from now."""
    begins = said.pop("begins", timedelta(seconds=-1))
    ends = said.pop("ends", None)
    with transaction(site.engine) as session:
        home = session.scalars(select(Household)).one()
        session.add(
            Consent(
                **{
                    "community_id": site.community_id,
                    "household_id": home.id,
                    "person": ELDER,
                    "sensors": "all",
                    "viewer": viewer,
                    "purpose": "care",
                    "given": True,
                    "begins_at": now() + begins,
                    "ends_at": None if ends is None else now() + ends,
                    "given_by": ELDER,
                    "how": "spoken",
                    "recorded_at": now(),
                }
                | said
            )
        )


def move_in(site: Site, name: str = "张国强") -> None:
    """Let a second elder live there."""
    with transaction(site.engine) as session:
        home = session.scalars(select(Household)).one()
        of_home = {"community_id": site.community_id, "household_id": home.id}
        session.add(Resident(**of_home, name=name, elder=True))


def tell(site: Site, alert_id: UUID, recipient: str) -> None:
    """Let somebody be told of an alert."""
    moment = now()
    with transaction(site.engine) as session:
        session.add(
            Notification(
                community_id=site.community_id,
                alert_id=alert_id,
                transition=1,
                recipient=recipient,
                channel="in_app",
                state="queued",
                payload={},
                created_at=moment,
                next_attempt_at=moment,
                expires_at=moment + timedelta(hours=1),
            )
        )


def keep_secrets(site: Site, **alert: Any) -> UUID:
    """Let the motion sensor have said something wherever it is kept; gives its alert."""
    device = site.device(PIR)
    at = from_millis(to_millis(ago(minutes=5)))
    site.says(PIR, at, lux=4711.25, motion=True, battery=80)
    store(site.engine, device, "lux", [(at, 4711.25)])
    data = {"where": "hidden-corner"}
    said = {"values": {"lux": 4711.25}, "data": data}
    alert_id = site.alert(PIR, severity=3, media_id="picture", evidence=said, **alert)
    with transaction(site.engine) as session:
        session.add(
            DeviceEvent(
                community_id=site.community_id,
                device_id=device.id,
                observed_at=at,
                received_at=at,
                event="hidden-corner",
                data=data,
                flags=0,
            )
        )
        session.add(
            Media(
                id="picture",
                community_id=site.community_id,
                gateway_id=device.gateway_id,
                content_type="image/jpeg",
                sha256="0",
                stored_at=at,
                expires_at=at + timedelta(days=1),
                content=JPEG + b"hidden-corner",
            )
        )
        session.add(
            Quarantined(
                community_id=site.community_id,
                gateway_id=device.gateway_id,
                received_at=at,
                topic="t",
                reason="invalid_reading",
                detail=f"{PIR}.lux: 4711.25 lx is over 4000",
                device=PIR,
                payload=b'[{"lux": 4711.25}]',
            )
        )
    return alert_id


class Clock:
    """The clock of a database: ``now()`` gives what a test wants."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._run(
            "CREATE SCHEMA clock; CREATE TABLE clock.ahead (by interval);"
            " INSERT INTO clock.ahead VALUES ('0');"
            " CREATE FUNCTION clock.now() RETURNS timestamptz STABLE LANGUAGE sql AS"
            " 'SELECT pg_catalog.now() + by FROM clock.ahead'"
        )
        self._run(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path ="
            " clock, public, pg_catalog', current_database()); END $$"
        )
        site.engine.dispose()  # who connects from now on sees the new clock

    def move(self, ahead: timedelta) -> None:
        """Let it be so much later (or earlier) than it is."""
        self._run("UPDATE clock.ahead SET by = %s", ahead)

    def _run(self, statement: LiteralString, *given: object) -> None:
        url = self._site.engine.url.set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            connection.execute(statement, given or None)


def set_state(site: Site, slug: str, state: str) -> None:
    """Let a sensor be listened to or not."""
    with transaction(site.engine) as session:
        session.scalars(select(Device).where(Device.slug == slug)).one().state = state
