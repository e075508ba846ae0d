"""People of the roles beside guards, families and administrators, and a community of elsewhere."""

from __future__ import annotations

import uuid
from datetime import timedelta

import msgspec
from guarded_site import PASSWORD, Site
from sqlalchemy import select

from anju_devices.messages import Reading
from anju_platform.alerts.model import Alert
from anju_platform.auth.model import PlaceScope, Role, User
from anju_platform.auth.passwords import hash_password
from anju_platform.database import now, transaction
from anju_platform.lanes.model import Quarantined
from anju_platform.people.model import Household
from anju_platform.registry.model import Community, Device, Place

PEOPLE = (
    ("hemin", "何敏", Role.OFFICE, "zh"),
    ("olivia", "Olivia Hart", Role.OFFICE, "en"),
    ("zhaogong", "赵工", Role.INSTALLER, "zh"),
    ("ivan", "Ivan Novak", Role.INSTALLER, "en"),
    ("qianshen", "钱慎", Role.AUDITOR, "zh"),
    ("audrey", "Audrey Lane", Role.AUDITOR, "en"),
    ("sunhao", "孙浩", Role.GRID, "zh"),
    ("gordon", "Gordon Reid", Role.GRID, "en"),
    ("zhoufang", "周芳", Role.PROPERTY, "zh"),
    ("paula", "Paula Ortiz", Role.PROPERTY, "en"),
)
"""One person of each role for each language."""


def add_people(site: Site) -> None:
    """Add them; the grid workers look after building 3."""
    hashed = hash_password(PASSWORD)
    with transaction(site.engine) as session:
        for username, name, role, locale in PEOPLE:
            user = User(
                username=username,
                name=name,
                role=role,
                community_id=site.community,
                password_hash=hashed,
                locale=locale,
            )
            session.add(user)
            session.flush()
            site.users[username] = user.id
            if role is Role.GRID:
                session.add(PlaceScope(user_id=user.id, place_id=site.places["b3"]))


def an_alert_elsewhere(site: Site) -> uuid.UUID:
    """Raise an alert in another community."""
    at = now()
    alert_id = uuid.uuid4()
    with transaction(site.engine) as session:
        other = Community(slug="meadow", name="草地", name_en="Meadow", timezone="Asia/Shanghai")
        session.add(other)
        session.flush()
        session.add(
            Alert(
                id=alert_id,
                community_id=other.id,
                dedupe_key="fall|m",
                rule_id="fall",
                rule_version=1,
                entity="m",
                title="别处的告警",
                title_en="An alert of elsewhere",
                icon="radar-2",
                severity=1,
                condition="active",
                observed_at=at,
                detected_at=at,
                activated_at=at,
            )
        )
    return alert_id


def a_flat_without_a_home(site: Site, slug: str = "b3-901") -> None:
    """Add a flat in which nobody is known to live yet."""
    with transaction(site.engine) as session:
        flat = Place(
            community_id=site.community,
            slug=slug,
            parent_id=site.places["b3"],
            kind="unit",
            label="3 栋 2 单元 901",
            label_en="Building 3, entrance 2, flat 901",
            x=None,
            y=None,
            attributes={},
        )
        session.add(flat)
        session.flush()
        site.places[slug] = flat.id


def speaks_unknown(site: Site, slug: str, **values: float | bool) -> None:
    """Let a device that nobody knows speak behind the western gateway."""
    said = msgspec.json.encode([Reading(device=slug, at=1, values=values)])
    with transaction(site.engine) as session:
        session.add(
            Quarantined(
                community_id=site.community,
                gateway_id=site.gateways["gw-west"],
                received_at=now() - timedelta(minutes=1),
                topic="t",
                epoch="e",
                seq=1,
                reason="unknown_device",
                detail="",
                device=slug,
                payload=said,
                released_at=None,
            )
        )


def a_sensor_at(site: Site, place: str, slug: str) -> None:
    """Let an installer have put a motion sensor into the home at a place."""
    with transaction(site.engine) as session:
        found = select(Household.id).where(Household.place_id == site.places[place])
        session.add(
            Device(
                community_id=site.community,
                gateway_id=site.gateways["gw-west"],
                place_id=site.places[place],
                household_id=session.scalars(found).one(),
                slug=slug,
                model="pir",
                name="客厅人体感应",
                name_en="Living-room motion",
                attributes={},
                interval_s=None,
                created_at=now(),
            )
        )


def user_id(site: Site, username: str) -> int:
    """Give somebody's number, also of who came since."""
    with transaction(site.engine) as session:
        return session.scalars(select(User.id).where(User.username == username)).one()
