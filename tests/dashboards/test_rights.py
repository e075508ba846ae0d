"""Who may do what: every endpoint and every page, by each role, and by people of elsewhere.

The table below is written by hand and not derived from the code: whoever adds an endpoint or a
page says here whom it is for, or this fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from outer_site import PASSWORD, Site, Web, add_people, at_work, community_file
from sqlalchemy import select

from anju_dashboards.app import create_app
from anju_platform.accounts.inviting import invite
from anju_platform.accounts.schemas import InvitationBody
from anju_platform.auth.model import Role
from anju_platform.config import Settings
from anju_platform.database import connect, now, transaction
from anju_platform.media.model import Media
from anju_platform.provision import import_community
from anju_platform.registry.model import Community, Gateway

GUARD, PROPERTY, OFFICE, GRID, FAMILY, INSTALLER, AUDITOR, ADMIN = (
    Role.GUARD,
    Role.PROPERTY,
    Role.OFFICE,
    Role.GRID,
    Role.FAMILY,
    Role.INSTALLER,
    Role.AUDITOR,
    Role.ADMIN,
)
DESK = {GUARD, PROPERTY, OFFICE, ADMIN}
WATCHERS = DESK | {AUDITOR}
KEEPERS = {PROPERTY, OFFICE, ADMIN, AUDITOR}

WHO: dict[frozenset[Role], str] = {
    frozenset(Role): """
        GET /api/v1/session
        DELETE /api/v1/session
        PUT /api/v1/session/locale
        GET /api/v1/community
        POST /api/v1/receipts
        GET /api/v1/me/logins
        DELETE /api/v1/me/logins
        DELETE /api/v1/me/logins/{login_id}
        POST /me/logins/end-others
        POST /me/logins/{login_id}/end
        GET /api/v1/me/addresses
        POST /api/v1/me/addresses
        GET /api/v1/me/push-key
        POST /api/v1/me/push
        DELETE /api/v1/me/addresses/{address_id}
        POST /api/v1/me/addresses/{address_id}/test
        GET /
        GET /wall
        GET /me
        POST /me/addresses
        POST /me/addresses/{address_id}/remove
        POST /me/addresses/{address_id}/test
        POST /logout
        POST /language
    """,
    frozenset(WATCHERS | {GRID}): """
        GET /api/v1/alerts
        GET /api/v1/alerts/history
        GET /api/v1/alerts/{alert_id}
        GET /alerts
        GET /alerts/{alert_id}
        GET /wall/alerts/{alert_id}
    """,
    frozenset(WATCHERS): """
        GET /api/v1/alerts/counts
        GET /api/v1/media/{media_id}
        GET /api/v1/stream
        GET /stream
    """,
    frozenset(DESK | {GRID}): """
        POST /api/v1/alerts/{alert_id}/ack
        POST /api/v1/alerts/{alert_id}/comments
        POST /alerts/{alert_id}/ack
        POST /alerts/{alert_id}/comment
    """,
    frozenset(DESK): """
        GET /api/v1/devices/{slug}/events
        GET /api/v1/users
        POST /api/v1/alerts/{alert_id}/dispatch
        POST /api/v1/alerts/{alert_id}/close
        POST /api/v1/alerts/{alert_id}/shelve
        POST /api/v1/alerts/{alert_id}/unshelve
        GET /alerts/{alert_id}/dispatch
        POST /alerts/{alert_id}/dispatch
        GET /alerts/{alert_id}/close
        POST /alerts/{alert_id}/close
        GET /alerts/{alert_id}/shelve
        POST /alerts/{alert_id}/shelve
        POST /alerts/{alert_id}/unshelve
    """,
    frozenset({GUARD}): """
        PUT /api/v1/screens/{screen}
        DELETE /api/v1/screens/{screen}
    """,
    frozenset(WATCHERS | {INSTALLER}): """
        GET /api/v1/devices
        GET /api/v1/devices/counts
        GET /api/v1/devices/{slug}
        GET /api/v1/places
        GET /api/v1/gateways
        GET /api/v1/plan
        GET /api/v1/devices/{slug}/series
        GET /devices
        GET /devices/{slug}
        GET /wall/devices/{slug}
    """,
    frozenset(KEEPERS): """
        GET /api/v1/alerts/history.csv
        GET /api/v1/devices.csv
        GET /api/v1/reports/{span}
        GET /api/v1/reports/{span}/alerts.csv
        GET /reports
        GET /reports.csv
        GET /api/v1/escalation
        GET /api/v1/rules
        GET /api/v1/rules/{rule_id}
        GET /api/v1/rules/{rule_id}/diff
        GET /api/v1/rules/{rule_id}/versions/{version}
        GET /alerts.csv
        GET /devices.csv
    """,
    frozenset({PROPERTY, OFFICE, ADMIN}): """
        GET /api/v1/people
        PUT /api/v1/people/{user_id}/disabled
        GET /api/v1/invitations
        POST /api/v1/invitations
        DELETE /api/v1/invitations/{invitation_id}
        GET /people
        POST /people/invite
        POST /people/{user_id}/disabled
        POST /people/invitations/{invitation_id}/withdraw
        GET /api/v1/households/{slug}
    """,
    frozenset({OFFICE, ADMIN}): """
        GET /api/v1/consents
        GET /api/v1/households/{slug}/consents
        POST /api/v1/households/{slug}/consents
        POST /api/v1/households/{slug}/consents/{consent_id}/withdraw
        GET /consents
        GET /consents/{slug}
        GET /consents/{slug}/sheet
        POST /consents/{slug}
        POST /consents/{slug}/{consent_id}/withdraw
    """,
    frozenset({PROPERTY, INSTALLER, ADMIN}): """
        POST /api/v1/devices
        PUT /api/v1/devices/{slug}/state
    """,
    frozenset({PROPERTY, INSTALLER, AUDITOR, ADMIN}): """
        GET /api/v1/system
        GET /api/v1/quarantine
        GET /api/v1/screens
        GET /system
    """,
    frozenset({PROPERTY, ADMIN}): """
        DELETE /api/v1/screens/posts/{post}
        POST /system/posts/{post}/retire
    """,
    frozenset({FAMILY}): """
        GET /api/v1/homes
        GET /api/v1/homes/{slug}
        GET /api/v1/homes/{slug}/looks
        GET /api/v1/homes/{slug}/consents
        PUT /api/v1/homes/{slug}/away
        DELETE /api/v1/homes/{slug}/away
        PUT /api/v1/alerts/{alert_id}/going
        DELETE /api/v1/alerts/{alert_id}/going
        GET /family
        GET /family/alerts/{alert_id}
        GET /family/{slug}/looks
        POST /family/{slug}/away
        POST /family/{slug}/back
        POST /family/{slug}/going/{alert_id}
        POST /family/{slug}/staying/{alert_id}
    """,
    frozenset({AUDITOR, ADMIN}): """
        GET /api/v1/audit
    """,
    frozenset({ADMIN}): """
        DELETE /api/v1/households/{slug}/readings/{device}
        POST /consents/{slug}/erase/{device}
        POST /api/v1/people/{user_id}/password-link
        POST /people/{user_id}/password
        GET /api/v1/channels
        POST /api/v1/channels/{slug}
        PUT /api/v1/channels/{slug}
        DELETE /api/v1/channels/{slug}
        POST /api/v1/channels/{slug}/test
        PUT /api/v1/escalation/{severity}
        DELETE /api/v1/escalation/{severity}
        POST /api/v1/rules
        POST /api/v1/rules/check
        POST /api/v1/rules/{rule_id}/activate
        POST /api/v1/rules/{rule_id}/deactivate
        POST /api/v1/rules/{rule_id}/versions
        GET /channels
        POST /channels
        POST /channels/{slug}
        POST /channels/{slug}/remove
        POST /channels/{slug}/test
    """,
}
OPEN = """
    POST /api/v1/session
    POST /api/v1/receipts/{receipt}
    PUT /api/v1/gateway/snapshots/{media_id}
    GET /healthz
    GET /readyz
    GET /metrics
    GET /login
    POST /login
    GET /sw.js
    GET /family.webmanifest
    POST /api/v1/invitations/{token}/accept
    GET /invited/{token}
    POST /invited/{token}
"""
"""Open to everybody, or behind a secret of its own (``test_permissions.py``)."""
ENDLESS = {"GET /api/v1/stream", "GET /stream"}
LAST = {"POST /logout", "DELETE /api/v1/session"}
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
    "PUT /api/v1/devices/{slug}/state": {"state": "approved"},
    "PUT /api/v1/homes/{slug}/away": {"until": "2026-12-31T00:00:00Z"},
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


IN_HOMES = re.compile("households|/homes/|/family/|/consents/")


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


ALLOWED = {line: who for who, text in WHO.items() for line in lines(text)}


@dataclass(frozen=True)
class House:
    """The application, and what its addresses name."""

    web: Web
    site: Site
    alert: str
    family_id: int
    invitation_id: int
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
            "screen": str(uuid4()),
            "address_id": "1",
            "user_id": str(self.family_id),
            "invitation_id": str(self.invitation_id),
            "login_id": "0",
            "consent_id": "1",
            "device": "b1-501-pir",
            "span": "day",
            "slug": "h-501" if IN_HOMES.search(path) else "b1-501-pir",
        }
        for name, value in things.items():
            path = path.replace("{" + name + "}", value)
        return method, path + ("?field=battery" if path.endswith("/series") else "")

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
        body = InvitationBody(role=FAMILY, name="张强", homes=("h-501",))
        made = invite(session, site.actor(ADMIN), body, "http://x")
        return made.invitation.id


@pytest.fixture
def house(database: str) -> Iterator[House]:
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
        family_id = site.actor(FAMILY).user_id
        yield House(web, site, alert, family_id, an_invitation(site), opened)
    engine.dispose()


def test_the_table_names_every_endpoint_and_page_once() -> None:
    app = create_app(Settings(database_url="postgresql://nowhere/"))
    known = {
        f"{method} {context.path}"
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if method not in {"HEAD", "OPTIONS"} and context.path != "/static"
    }
    listed = [line for text in WHO.values() for line in lines(text)] + lines(OPEN)
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_what_it_should_and_nothing_else(house: House, role: Role) -> None:
    client = house.person(role)
    wrong = {}
    for line, who in ALLOWED.items():
        if line in LAST or (line in ENDLESS and role in who):
            continue
        status = house.asks(client, line)
        assert status < 500, line
        if (status != 403) is not (role in who):
            wrong[line] = status
    assert wrong == {}


@pytest.mark.parametrize("role", list(Role))
def test_nobody_of_elsewhere_reaches_anything_here(house: House, role: Role) -> None:
    """With the addresses of this community's things, of which the other has no twin."""
    client = house.person(f"{role}-meadow")
    things = (
        "{alert_id}",
        "{media_id}",
        "devices/{slug}",
        "households/{slug}",
        "homes/{slug}",
        "consents/{slug}",
        "{user_id}",
        "{invitation_id}",
    )
    ours = [line for line in ALLOWED if any(thing in line for thing in things)]
    assert len(ours) > 20
    wrong = {line: status for line in ours if (status := house.asks(client, line)) < 400}
    assert wrong == {}
    role_allows = {line: house.asks(client, line) for line in ours if role in ALLOWED[line]}
    assert set(role_allows.values()) <= {404}


def test_grid_workers_see_what_is_near_them_or_what_they_are_sent_to(house: House) -> None:
    grid = house.person("grid")
    assert [one["id"] for one in grid.get("/api/v1/alerts").json()] == [house.alert]
    far = str(house.site.alert("gate-south"))
    assert grid.get(f"/api/v1/alerts/{far}").status_code == 404
    assert grid.post(f"/api/v1/alerts/{far}/ack", json={"version": 1}).status_code == 404
    assert grid.get("/api/v1/alerts/history").json()["total"] == 1
    me = grid.get("/api/v1/session").json()["user_id"]
    sent = house.person("guard").post(
        f"/api/v1/alerts/{far}/dispatch", json={"version": 1, "user_id": me}
    )
    assert sent.status_code == 200
    assert {one["id"] for one in grid.get("/api/v1/alerts").json()} == {house.alert, far}
    assert grid.get(f"/api/v1/alerts/{far}").status_code == 200


def test_what_sensors_in_homes_say_is_not_for_installers(house: House) -> None:
    def fields(role: str, device: str) -> set[str]:
        answer = house.person(role).get(f"/api/v1/devices/{device}").json()
        return {field["name"] for field in answer["fields"]}

    assert fields("guard", "b1-501-bed") >= {"in_bed"}
    assert "heart_rate" not in fields("guard", "b1-501-bed")
    assert "heart_rate" in fields("admin", "b1-501-bed")
    for role in ("installer", "auditor"):
        assert fields(role, "b1-501-bed") == set()
        assert fields(role, "b1-501-sos") == {"battery", "rssi"}
        assert "door_state" in fields(role, "b1-door")
    for role, status in (("installer", 403), ("auditor", 403), ("guard", 200)):
        client = house.person(role)
        for asked in ("series?field=motion", "events"):
            answer = client.get(f"/api/v1/devices/b1-501-pir/{asked}")
            assert answer.status_code == status
        assert client.get("/devices/b1-501-pir").status_code == 200


def test_each_person_begins_where_their_work_is(house: House) -> None:
    begins = {role: house.person(role).get("/").headers["location"] for role in Role}
    assert begins == {
        GUARD: "/wall",
        PROPERTY: "/wall",
        OFFICE: "/wall",
        AUDITOR: "/wall",
        ADMIN: "/wall",
        GRID: "/alerts",
        FAMILY: "/family",
        INSTALLER: "/devices",
    }
