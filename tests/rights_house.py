"""A house to try every right in: the application, and what its addresses name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from duty_desk import DUTY_BODIES, duty_of
from outer_site import PASSWORD, Site, Web, add_people, at_work, community_file
from sqlalchemy import select

from anju_dashboards.app import create_app
from anju_platform.accounts.inviting import invite
from anju_platform.accounts.schemas import InvitationBody
from anju_platform.alerts.windows.schemas import MaintenanceBody
from anju_platform.alerts.windows.service import plan_maintenance
from anju_platform.auth.model import Role
from anju_platform.backtest.jobs import repository as backtests
from anju_platform.config import Settings
from anju_platform.database import connect, now, transaction
from anju_platform.media.model import Media
from anju_platform.provision import import_community
from anju_platform.registry.model import Community, Gateway

PLACE = {"label": "x", "label_en": "x", "kind": "room", "stamp": "0" * 16}
A_WORD = {
    "person": "张桂兰",
    "sensors": "all",
    "viewer": "role:guard",
    "purpose": "care",
    "how": "spoken",
}
BODIES = {
    "POST /api/v1/households/{slug}/consents": A_WORD,
    "POST /api/v1/households/{slug}/consents/{consent_id}/withdraw": {},
    "POST /consents/{slug}": A_WORD,
    "POST /consents/{slug}/{consent_id}/withdraw": {"how": "spoken"},
    "POST /api/v1/devices": {
        "slug": "new",
        "model": "pir",
        "gateway": "gw-west",
        "place": "b1",
        "name": "x",
        "name_en": "x",
    },
    "POST /api/v1/invitations": {"role": "family", "name": "张强", "homes": ["h-501"]},
    "PUT /api/v1/people/{user_id}/disabled": {"disabled": True},
    "POST /people/invite": {"role": "family", "name": "张强", "scope": "h-501"},
    "POST /people/{user_id}/disabled": {"disabled": "true"},
    "POST /api/v1/home-imports/{import_id}/apply": {"digest": "x"},
    "POST /homes/import/{import_id}/apply": {"digest": "x"},
    "PUT /api/v1/devices/{slug}/state": {"state": "approved"},
    **DUTY_BODIES,
    "PUT /api/v1/homes/{slug}/away": {"until": "2026-12-31T00:00:00Z"},
    "PUT /api/v1/homes/{slug}/weekly": {"weekday": 6, "hour": 19},
    "POST /api/v1/devices/{slug}/replacement": {"slug": "new-one"},
    "POST /devices/{slug}/replacement": {"by": "another-one"},
    "POST /devices/{slug}/state": {"state": "approved"},
    "PUT /api/v1/places/{slug}": PLACE,
    "PUT /api/v1/places/{slug}/state": {"retired": False, "stamp": "0" * 16},
    "POST /places/{slug}/change": PLACE,
    "POST /places/{slug}/state": {"retired": "false", "stamp": "0" * 16},
}
ON_AN_ALERT = {
    "version": 1,
    "screen": "test",
    "user_id": 1,
    "cause": "true",
    "minutes": 5,
    "reason": "x",
    "text": "x",
}


ASKED = {"series": "?field=battery", "rehearsal": "?severity=1", "plan": "?severity=1"}
IN_HOMES = re.compile("households|/homes/|/family/|/consents/")
OF_PLACES = re.compile("places/")


@dataclass(frozen=True)
class House:
    """The application, and what its addresses name."""

    web: Web
    site: Site
    alert: str
    known: dict[str, object]
    opened: ExitStack

    def address(self, line: str) -> tuple[str, str]:
        """Fill a line of the table in; gives method and address of what is there."""
        method, path = line.split(" ")
        things = {
            "alert_id": self.alert,
            "media_id": "picture",
            "rule_id": "smoke",
            "version": "1",
            "severity": "1",
            "post": "wall-1",
            "screen": uuid4(),
            "import_id": uuid4(),
            "address_id": "1",
            "override_id": "1",
            "login_id": "0",
            "message": "1",
            "token_id": "1",
            "consent_id": "1",
            "device": "b1-501-pir",
            "span": "day",
            **self.known,
            "slug": "h-501"
            if IN_HOMES.search(path)
            else "b1-501-bath"
            if OF_PLACES.search(path)
            else "b1-501-pir",
        }
        for name, value in things.items():
            path = path.replace("{" + name + "}", str(value))
        return method, path + ASKED.get(path.rpartition("/")[2], "")

    def person(self, username: str) -> httpx.Client:
        client = self.opened.enter_context(self.web.client())
        said = {"username": username, "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
        return client

    def asks(self, client: httpx.Client, line: str) -> int:
        method, address = self.address(line)
        body = ON_AN_ALERT if "{alert_id}" in line else BODIES.get(line)
        if body is None or method == "GET":
            return client.request(method, address).status_code
        if "/api/" in address:
            return client.request(method, address, json=body).status_code
        return client.request(method, address, data=body).status_code


def file(slug: str) -> dict[str, Any]:
    """A community; the meadow has no twin of the garden's devices and homes."""
    text = json.dumps(community_file(slug))
    if slug == "meadow":
        text = text.replace('"b1-501-', '"m-').replace('"h-501', '"m-home')
    return dict(json.loads(text))


def an_invitation(site: Site) -> int:
    with transaction(site.engine) as session:
        body = InvitationBody(role=Role.FAMILY, name="张强", homes=("h-501",))
        made = invite(session, site.actor(Role.ADMIN), body, "http://x")
        return made.invitation.id


def some_work(site: Site) -> int:
    with transaction(site.engine) as session:
        body = MaintenanceBody(place="b1", reason="x", ends_at=now() + timedelta(hours=1))
        return plan_maintenance(session, site.actor(Role.INSTALLER), body).id


def a_back_test(site: Site) -> int:
    row = {"community_id": site.community_id, "rule_id": "smoke", "version": 1, "text": "x"}
    with transaction(site.engine) as session:
        job = backtests.add(
            session, row | {"days": 1, "started_by": site.actor(Role.ADMIN).user_id}
        )
    assert job is not None
    return job


@contextmanager
def open_house(database: str) -> Iterator[House]:
    engine = connect(database)
    communities = {}
    with transaction(engine) as session:
        for slug in ("garden", "meadow"):
            import_community(session, file(slug))
            found = select(Community.id).where(Community.slug == slug)
            communities[slug] = session.scalars(found).one()
        add_people(session, communities["garden"])
        add_people(session, communities["meadow"], suffix="-meadow")
        gateway = session.scalars(
            select(Gateway.id).where(Gateway.community_id == communities["garden"])
        ).first()
    site = Site(engine, database, communities["garden"], {})
    moment = now()
    with transaction(engine) as session:
        session.add(
            Media(
                id="picture",
                community_id=site.community_id,
                gateway_id=gateway,
                content_type="image/jpeg",
                sha256="0",
                stored_at=moment,
                expires_at=moment.replace(year=moment.year + 1),
                content=b"x",
            )
        )
    app = create_app(Settings(database_url=database, secure_cookies=False))
    with at_work(app) as web, ExitStack() as opened:
        alert = str(site.alert(severity=1, media_id="picture"))
        group_id, rota_id = duty_of(site)
        known = {
            "user_id": site.actor(Role.FAMILY).user_id,
            "invitation_id": an_invitation(site),
            "job_id": a_back_test(site),
            "group_id": group_id,
            "rota_id": rota_id,
            "window_id": some_work(site),
        }
        yield House(web, site, alert, known, opened)
    engine.dispose()
