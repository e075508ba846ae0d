"""A small community, its people, and the web process around them, for tests of the outer side."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import uuid_utils
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from anju_platform import serve, tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.alerts import repository as alerts
from anju_platform.alerts.model import Alert
from anju_platform.audit.model import AuditEntry
from anju_platform.auth import passwords
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import HomeScope, PlaceScope, Role, User
from anju_platform.auth.repository import scopes
from anju_platform.database import now, transaction
from anju_platform.people.model import Household
from anju_platform.registry.model import Device, Place
from anju_platform.telemetry.model import DeviceState

PASSWORD = "correct horse battery"
PASSWORD_HASH = passwords.hash_password(PASSWORD)
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 20 + b"\xff\xd9"


AGREED = [
    {"viewers": ["guard", "property", "office", "admin", "family"], "purposes": ["care"]},
    {"viewers": ["admin"], "purposes": ["care"], "sensors": "health"},
    {"viewers": ["everybody"], "purposes": ["statistics"]},
]
"""What whoever lives there agreed to, unless a test is about that."""


def place(
    slug: str, parent: str | None, kind: str, label: str, label_en: str, **spot: float
) -> dict[str, Any]:
    names = {"kind": kind, "label": label, "label_en": label_en}
    return {"slug": slug, "parent": parent, **names, **spot}


def community_file(slug: str = "garden") -> dict[str, Any]:
    return {
        "community": {
            "slug": slug,
            "name": "阳光花园",
            "name_en": "Sunshine Garden",
            "timezone": "Asia/Shanghai",
            "plan": {"width": 300, "height": 200, "shapes": [{"kind": "road"}]},
        },
        "places": [
            place("b1", None, "building", "1 栋", "Building 1", x=40, y=30),
            place("b1-501", "b1", "unit", "1 栋 501", "1-501"),
            place("b1-501-bath", "b1-501", "room", "1 栋 501 卫生间", "1-501 bathroom"),
            place("gate", None, "gate", "南门", "South gate", x=150, y=5),
            place("nowhere", None, "room", "无处", "Nowhere"),
        ],
        "gateways": [
            {"slug": "gw-west", "name": "西网关", "name_en": "West gateway"},
            {"slug": "gw-away", "name": "离线网关", "name_en": "Away gateway"},
        ],
        "households": [
            {
                "slug": "h-501",
                "place": "b1-501",
                "attributes": {"lives_alone": True},
                "residents": [{"name": "张桂兰", "born_on": "1944-03-01", "elder": True}],
                "contacts": [
                    {"name": "张敏", "relation": "女儿", "phone": "13800002231", "has_key": False},
                    {"name": "周建国", "relation": "邻居", "phone": "13900001111", "has_key": True},
                ],
                "consents": AGREED,
            }
        ],
        "devices": [
            {"slug": slug_, "model": model, "gateway": gateway, "place": place, "household": home,
             "name": name, "name_en": name}
            for slug_, model, gateway, place, home, name in (
                ("b1-door", "door", "gw-west", "b1", None, "单元门"),
                ("b1-501-sos", "sos_button", "gw-west", "b1-501-bath", "h-501", "求助按钮"),
                ("b1-501-bed", "bed_mat", "gw-west", "b1-501", "h-501", "床垫"),
                ("b1-501-pir", "pir", "gw-west", "b1-501", "h-501", "人体感应"),
                ("gate-south", "door", "gw-west", "gate", None, "=南门"),
                ("far-pir", "pir", "gw-away", "nowhere", None, "远处"),
            )
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class Site:
    """One community in the database, with everything a test names."""

    engine: Engine
    url: str
    community_id: int
    secrets: dict[str, str]

    def actor(self, role: Role = Role.GUARD, username: str | None = None) -> Actor:
        with Session(self.engine) as session:
            user = session.scalars(select(User).where(User.username == (username or role))).one()
            homes, places = scopes(session, user.id, user.role)
        return Actor(
            user_id=user.id,
            username=user.username,
            name=user.name,
            role=Role(user.role),
            community_id=self.community_id,
            locale="zh",
            session_csrf="",
            token_hash="",
            address="127.0.0.1",
            homes=homes,
            places=places,
        )

    def device(self, slug: str) -> Device:
        with Session(self.engine) as session:
            return session.scalars(
                select(Device).where(Device.slug == slug, Device.community_id == self.community_id)
            ).one()

    def audited(self, action: str) -> list[AuditEntry]:
        with Session(self.engine) as session:
            query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)
            return list(session.scalars(query))

    def says(self, slug: str, at: datetime, **latest: Any) -> None:
        device = self.device(slug)
        millis = round(at.timestamp() * 1000)
        with transaction(self.engine) as session:
            session.merge(
                DeviceState(
                    device_id=device.id,
                    community_id=self.community_id,
                    last_seen_at=at,
                    latest={name: [value, millis] for name, value in latest.items()},
                )
            )

    def alert(self, slug: str | None = "b1-501-sos", **changed: Any) -> UUID:
        device = self.device(slug) if slug else None
        moment = now()
        alert_id = UUID(str(uuid_utils.uuid7()))
        values = {
            "id": alert_id,
            "community_id": self.community_id,
            "dedupe_key": f"sos|{alert_id}|",
            "rule_id": "sos",
            "rule_version": 1,
            "entity": slug or "",
            "device_id": device.id if device else None,
            "place_id": device.place_id if device else None,
            "household_id": device.household_id if device else None,
            "title": "求助",
            "title_en": "Help wanted",
            "icon": "sos",
            "severity": 1,
            "condition": "active",
            "observed_at": moment,
            "detected_at": moment,
            "activated_at": moment,
        }
        with transaction(self.engine) as session:
            alert = Alert(**(values | changed))
            session.add(alert)
            session.flush()
            alerts.add_entry(session, alert, "raised", moment)
            alerts.announce(session, self.community_id, "alert", str(alert_id))
        return alert_id


NAMES = {
    Role.GUARD: "王磊",
    Role.PROPERTY: "李强",
    Role.OFFICE: "何敏",
    Role.GRID: "孙浩",
    Role.FAMILY: "张敏",
    Role.INSTALLER: "赵工",
    Role.AUDITOR: "钱审",
    Role.ADMIN: "陈静",
}


def add_people(session: Session, community_id: int, suffix: str = "") -> None:
    """Add one person of each role; the family is that of the first home, the grid that of b1."""
    people = {
        role: User(
            username=f"{role}{suffix}",
            name=NAMES[role],
            role=role,
            community_id=community_id,
            password_hash=PASSWORD_HASH,
        )
        for role in Role
    }
    session.add_all(people.values())
    session.flush()
    home = session.scalars(select(Household).where(Household.community_id == community_id)).first()
    if home is not None:
        family = people[Role.FAMILY].id
        session.add(HomeScope(user_id=family, household_id=home.id, relation="女儿"))
    top = session.scalars(
        select(Place).where(Place.community_id == community_id, Place.slug == "b1")
    ).first()
    if top is not None:
        session.add(PlaceScope(user_id=people[Role.GRID].id, place_id=top.id))


@dataclass(frozen=True)
class Web:
    """A web process in a thread."""

    url: str
    app: FastAPI
    server: uvicorn.Server
    thread: threading.Thread

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)


@contextmanager
def at_work(app: FastAPI) -> Iterator[Web]:
    """A web process with this application, on a free port, until the end."""
    server = serve.make_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Web(f"http://127.0.0.1:{port}", app, server, thread)
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


def ago(**span: float) -> datetime:
    return now() - timedelta(**span)
