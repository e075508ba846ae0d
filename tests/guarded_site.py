"""A small community with open alerts, written straight into a database, for tests of screens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import add_entry, announce
from anju_platform.auth.model import HomeScope, Role, User
from anju_platform.auth.passwords import hash_password
from anju_platform.database import now, to_millis, transaction
from anju_platform.notifications.model import Notification
from anju_platform.people.model import Contact, Household, Resident
from anju_platform.registry.model import Community, Device, Gateway, Place
from anju_platform.sharing.model import Consent
from anju_platform.telemetry.model import DeviceState

PASSWORD = "a long word for tests"

PLAN: dict[str, Any] = {
    "width": 170,
    "height": 200,
    "shapes": [
        {"kind": "wall", "rect": [2, 2, 166, 196]},
        *(
            {
                "kind": "building",
                "rect": [14 + 52 * (n % 3), 20 + 48 * (n // 3), 40, 22],
                "label": f"{n + 1} 栋",
                "label_en": f"Building {n + 1}",
            }
            for n in range(6)
        ),
        {"kind": "road", "rect": [6, 52, 158, 5]},
        {"kind": "road", "rect": [6, 103, 158, 5]},
        {"kind": "road", "rect": [83, 10, 5, 182]},
        {
            "kind": "garden",
            "points": [[40, 125], [130, 125], [140, 135], [140, 150], [130, 158], [40, 158]],
            "label": "中心花园",
            "label_en": "Central garden",
        },
        {
            "kind": "gate",
            "rect": [79, 184, 13, 10],
            "label": "南门",
            "label_en": "South gate",
        },
    ],
}


@dataclass
class Site:
    """What was made; ids by slug."""

    engine: Engine
    community: int
    users: dict[str, int]
    places: dict[str, int] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)
    gateways: dict[str, int] = field(default_factory=dict)
    households: dict[str, int] = field(default_factory=dict)

    def raise_alert(
        self,
        title: str = "疑似跌倒，静止 38 秒",
        title_en: str = "Suspected fall, still for 38 s",
        *,
        severity: int = 1,
        device: str = "b3-501-fall",
        icon: str = "radar-2",
        rule: str = "fall",
        ago: timedelta = timedelta(seconds=19),
        **fields: Any,
    ) -> uuid.UUID:
        """Raise an alert as ingest does: row, timeline, feed, in one transaction."""
        at = now() - ago
        with transaction(self.engine) as session:
            owner = session.get_one(Device, self.devices[device])
            alert = Alert(
                id=uuid.uuid4(),
                community_id=self.community,
                dedupe_key=f"{rule}|{device}|{uuid.uuid4()}",
                rule_id=rule,
                rule_version=1,
                entity=device,
                device_id=owner.id,
                place_id=owner.place_id,
                household_id=owner.household_id,
                title=title,
                title_en=title_en,
                icon=icon,
                severity=severity,
                condition="active",
                latched=severity == 1,
                observed_at=at,
                detected_at=at,
                activated_at=at,
                **fields,
            )
            session.add(alert)
            session.flush()
            add_entry(session, alert, "raised", at, data={"severity": severity})
            announce(session, self.community, "alert", str(alert.id))
            return alert.id

    def change(self, alert_id: uuid.UUID, **fields: Any) -> None:
        """Change an alert as the platform does, one version on."""
        with transaction(self.engine) as session:
            alert = session.get_one(Alert, alert_id)
            for name, value in fields.items():
                setattr(alert, name, value)
            alert.version += 1
            session.flush()
            announce(session, self.community, "alert", str(alert_id))

    def raise_many(self, count: int) -> None:
        """Raise that many alerts of little weight at once, as after a storm."""
        at = now() - timedelta(hours=1)
        device = self.devices["b1-101-smoke"]
        with transaction(self.engine) as session:
            place = session.get_one(Device, device).place_id
            session.add_all(
                Alert(
                    id=uuid.uuid4(),
                    community_id=self.community,
                    dedupe_key=f"storm|{number}",
                    rule_id="battery",
                    rule_version=1,
                    entity="b1-101-smoke",
                    device_id=device,
                    place_id=place,
                    title="电池电量低",
                    title_en="Battery low",
                    icon="battery-1",
                    severity=4,
                    condition="active",
                    observed_at=at,
                    detected_at=at + timedelta(milliseconds=number),
                    activated_at=at,
                )
                for number in range(count)
            )

    def delivery(self, alert_id: uuid.UUID) -> str:
        """Read how far the message about an alert has come."""
        with Session(self.engine) as session:
            query = select(Notification.state).where(Notification.alert_id == alert_id)
            return session.scalars(query).one()

    def alert(self, alert_id: uuid.UUID) -> Alert:
        """Read an alert."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get_one(Alert, alert_id)

    def tell(self, alert_id: uuid.UUID, recipient: str, state: str, channel: str) -> None:
        """Note a message about an alert."""
        at = now()
        with transaction(self.engine) as session:
            known = Notification.__table__.columns.keys()
            values: dict[str, Any] = {
                "community_id": self.community,
                "alert_id": alert_id,
                "transition": 1,
                "recipient": recipient,
                "channel": channel,
                "state": state,
                "payload": {},
                "attempts": 1,
                "created_at": at,
                "next_attempt_at": at,
                "expires_at": at + timedelta(hours=1),
            }
            session.execute(
                insert(Notification).values({k: values[k] for k in values if k in known})
            )


def build_site(engine: Engine, *, homes: int = 6) -> Site:
    """Make the community, its people, places and devices; no alerts yet."""
    with transaction(engine) as session:
        community = Community(
            slug="yangguang",
            name="阳光花园",
            name_en="Sunshine Garden",
            timezone="Asia/Shanghai",
            plan=PLAN,
            desk_phone="01085550001",
            address="北京市海淀区向阳路 8 号",
        )
        session.add(community)
        session.flush()
        users = {person.username: person.id for person in _people(session, community.id)}
        site = Site(engine, community.id, users)
        _gateways(session, site)
        _grounds(session, site)
        for number in range(6):
            _building(session, site, number, homes)
        for username, relation in (("zhangmin", "女儿"), ("mia", "granddaughter")):
            home = site.households["b3-501" if "b3-501" in site.households else "b1-101"]
            session.add(HomeScope(user_id=users[username], household_id=home, relation=relation))
    return site


@cache
def _password_hash() -> str:
    return hash_password(PASSWORD)


def _people(session: Session, community_id: int) -> list[User]:
    people = [
        User(
            username=username,
            name=name,
            role=role,
            community_id=community_id,
            password_hash=_password_hash(),
            locale=locale,
        )
        for username, name, role, locale in (
            ("liqiang", "李强", Role.GUARD, "zh"),
            ("wanglei", "王磊", Role.GUARD, "zh"),
            ("grace", "Grace Hill", Role.GUARD, "en"),
            ("admin", "陈涛", Role.ADMIN, "zh"),
            ("zhangmin", "张敏", Role.FAMILY, "zh"),
            ("mia", "Mia Zhang", Role.FAMILY, "en"),
        )
    ]
    session.add_all(people)
    session.flush()
    return people


def _place(session: Session, site: Site, slug: str, parent: str | None, **fields: Any) -> int:
    place = Place(
        community_id=site.community,
        slug=slug,
        parent_id=site.places[parent] if parent else None,
        **{"kind": "place", "x": None, "y": None, "attributes": {}, **fields},
    )
    session.add(place)
    session.flush()
    site.places[slug] = place.id
    return place.id


def _device(  # noqa: PLR0917 - a row of a table
    session: Session,
    site: Site,
    slug: str,
    model: str,
    place: str,
    name: tuple[str, str],
    gateway: str,
    *,
    household: str | None = None,
    latest: dict[str, Any] | None = None,
    seen: timedelta | None = timedelta(seconds=20),
) -> None:
    device = Device(
        community_id=site.community,
        gateway_id=site.gateways[gateway],
        place_id=site.places[place],
        household_id=site.households[household] if household else None,
        slug=slug,
        model=model,
        name=name[0],
        name_en=name[1],
        attributes={},
        interval_s=None,
        created_at=now(),
    )
    session.add(device)
    session.flush()
    site.devices[slug] = device.id
    if seen is not None:
        at = now() - seen
        values = {name: [value, to_millis(at)] for name, value in (latest or {}).items()}
        session.add(
            DeviceState(
                device_id=device.id, community_id=site.community, last_seen_at=at, latest=values
            )
        )


def _gateways(session: Session, site: Site) -> None:
    for slug, name, name_en, online in (
        ("gw-west", "西区网关", "West gateway", True),
        ("gw-east", "东区网关", "East gateway", True),
        ("gw-grounds", "园区网关", "Grounds gateway", True),
    ):
        gateway = Gateway(
            community_id=site.community,
            slug=slug,
            name=name,
            name_en=name_en,
            secret_hash="x",
            online=online,
            status_at=now() - timedelta(hours=3),
            version="0.1.0",
        )
        session.add(gateway)
        session.flush()
        site.gateways[slug] = gateway.id


def _grounds(session: Session, site: Site) -> None:
    top = {"kind": "community", "label": "阳光花园", "label_en": "Sunshine Garden"}
    _place(session, site, "root", None, **top)
    for slug, label, label_en, x, y in (
        ("south-gate", "南门", "South gate", 85.5, 176.0),
        ("north-gate", "北门", "North gate", 85.5, 12.0),
        ("fire-lane-south", "南门消防通道", "Fire lane at the south gate", 70.0, 180.0),
        ("east-fence", "东围墙", "East fence", 162.0, 90.0),
        ("garden", "中心花园", "Central garden", 90.0, 142.0),
    ):
        _place(session, site, slug, "root", kind="gate", label=label, label_en=label_en, x=x, y=y)
    grounds = (
        ("gate-south", "door", "south-gate", ("南门门禁", "South gate door")),
        ("cam-07", "camera", "fire-lane-south", ("摄像机 C-07", "Camera C-07")),
        ("cam-19", "camera", "east-fence", ("摄像机 C-19", "Camera C-19")),
        ("cam-02", "camera", "north-gate", ("摄像机 C-02", "Camera C-02")),
    )
    for slug, model, place, name in grounds:
        _device(session, site, slug, model, place, name, "gw-grounds", latest={"fps": 15.0})


def _building(session: Session, site: Site, number: int, homes: int) -> None:
    b = number + 1
    x, y = 14 + 52 * (number % 3), 20 + 48 * (number // 3)
    gateway = "gw-west" if number < 3 else "gw-east"
    _place(
        session,
        site,
        f"b{b}",
        "root",
        kind="building",
        label=f"{b} 栋",
        label_en=f"Building {b}",
        x=x + 20.0,
        y=y + 11.0,
    )
    names = ("门禁", "Entrance door")
    _device(session, site, f"b{b}-door", "door", f"b{b}", names, gateway, latest={"battery": 90})
    for home in range(homes):
        flat = 101 + 100 * home
        slug = f"b{b}-{flat}"
        words, words_en = f"{b} 栋 2 单元 {flat}", f"Building {b}, entrance 2, flat {flat}"
        _place(
            session,
            site,
            slug,
            f"b{b}",
            kind="unit",
            label=words,
            label_en=words_en,
            x=x + 5.0 + 31.0 * home / max(1, homes - 1),
            y=y + 6.0 + 5.0 * (home % 3),
        )
        _place(
            session,
            site,
            f"{slug}-bath",
            slug,
            kind="room",
            label=f"{words} 卫生间",
            label_en=f"{words_en}, bathroom",
        )
        _home(session, site, slug, gateway, flat)


def _home(session: Session, site: Site, slug: str, gateway: str, flat: int) -> None:
    household = Household(
        community_id=site.community,
        place_id=site.places[slug],
        slug=slug,
        attributes={"lives_alone": True},
        entry="单元门由值班室开；钥匙在 502",
    )
    session.add(household)
    session.flush()
    site.households[slug] = household.id
    session.add(
        Resident(
            community_id=site.community,
            household_id=household.id,
            name="张桂兰",
            born_on=date(1944, 3, 1),
            elder=True,
            health="房颤，服华法林；青霉素过敏",
        )
    )
    _agree(session, site, household)
    for position, (name, relation, phone, key) in enumerate(
        (("张敏", "女儿", "13812342231", False), ("周建国", "邻居 502", "13900001122", True)), 1
    ):
        session.add(
            Contact(
                community_id=site.community,
                household_id=household.id,
                position=position,
                name=name,
                relation=relation,
                phone=phone,
                has_key=key,
            )
        )
    for kind, model, name, latest, seen in _kit(flat):
        place = f"{slug}-bath" if kind == "fall" else slug
        _device(
            session,
            site,
            f"{slug}-{kind}",
            model,
            place,
            name,
            gateway,
            household=slug,
            latest=latest,
            seen=seen,
        )


def _agree(session: Session, site: Site, household: Household) -> None:
    """Let whoever lives there have agreed to what tests of other things take for granted."""
    session.add_all(
        Consent(
            community_id=site.community,
            household_id=household.id,
            person="张桂兰",
            sensors="all",
            viewer=viewer,
            purpose="care" if viewer != "everybody" else "statistics",
            given=True,
            begins_at=now() - timedelta(days=30),
            ends_at=None,
            given_by="张桂兰",
            how="written",
            recorded_at=now() - timedelta(days=30),
        )
        for viewer in ("role:guard", "role:admin", "role:family", "everybody")
    )


Kit = tuple[str, str, tuple[str, str], dict[str, Any], timedelta | None]


def _kit(flat: int) -> list[Kit]:
    """Give a home's devices; one flat's battery is low, one's meter silent, one's radar new."""
    sos = {"battery": 12 if flat == 301 else 87, "rssi": -61}
    quiet = timedelta(days=9) if flat == 401 else timedelta(minutes=9)
    new = None if flat == 601 else timedelta(seconds=15)
    fall = {"presence": True, "fall_confidence": 0.93, "still_s": 38}
    motion = {"motion": True, "battery": 78}
    smoke = {"alarm": False, "battery": 91}
    water = {"total": 121.4, "battery": 66}
    return [
        ("sos", "sos_button", ("紧急按钮", "SOS button"), sos, timedelta(minutes=3)),
        ("smoke", "smoke_alarm", ("烟感", "Smoke alarm"), smoke, timedelta(minutes=2)),
        ("pir", "pir", ("客厅人体感应", "Living-room motion"), motion, timedelta(seconds=40)),
        ("water", "water_meter", ("水表", "Water meter"), water, quiet),
        ("fall", "fall_radar", ("毫米波雷达", "Fall radar"), fall, new),
    ]
