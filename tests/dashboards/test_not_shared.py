"""What is not shared is nowhere: every address that can be read is read, by each role.

What a motion sensor of a home said is kept as reading, as latest value, as event, in an alert's
evidence, as picture and in quarantine; none of it may come out of any address by any way.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from consented_home import ELDER, PIR, SECRETS, keep_secrets, say, say_nothing, tell
from fastapi.routing import iter_route_contexts
from outer_site import PASSWORD, Site, Web, add_people, at_work, community_file
from sqlalchemy import select

from anju_dashboards.app import create_app
from anju_platform.auth.model import Role
from anju_platform.config import Settings
from anju_platform.database import connect, transaction
from anju_platform.duty import groups
from anju_platform.duty.schemas import GroupBody, GroupView
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

ENDLESS = {"/api/v1/stream", "/stream"}
READERS = (Role.GUARD, Role.PROPERTY, Role.OFFICE, Role.ADMIN)
"""Roles that may read what sensors in homes say, where it is shared."""
HELD_IN = {
    f"/devices/{PIR}",
    f"/wall/devices/{PIR}",
    f"/api/v1/devices/{PIR}",
    f"/api/v1/devices/{PIR}/series",
    f"/api/v1/devices/{PIR}/events",
    "/api/v1/media/picture",
}
"""Where a reader finds it, besides the alert."""


@dataclass(frozen=True)
class House:
    web: Web
    site: Site
    alert: str
    opened: ExitStack

    def person(self, role: Role) -> httpx.Client:
        client = self.opened.enter_context(self.web.client())
        said = {"username": role.value, "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
        return client

    def addresses(self) -> list[str]:
        things = {
            "alert_id": self.alert,
            "media_id": "picture",
            "rule_id": "smoke",
            "version": "1",
            "span": "day",
            "user_id": "1",
            "severity": "1",
        }
        found = set()
        for context in iter_route_contexts(self.web.app.routes):
            path = str(context.path)
            if "GET" not in (context.methods or ()) or path in ENDLESS | {"/static"}:
                continue
            for name, value in things.items():
                path = path.replace("{" + name + "}", value)
            for slug in (PIR, "h-501"):
                found.add(path.replace("{slug}", slug))
        return sorted(found)

    def finds(self, role: Role) -> set[str]:
        """Give the addresses at which a person finds a secret."""
        client = self.person(role)
        found = set()
        for address in self.addresses():
            asked = {"field": "lux", "waiting": "false"} if address.startswith("/api") else {}
            answer = client.get(address, params=asked)
            assert answer.status_code < 500, address
            if any(secret in answer.text for secret in SECRETS):
                found.add(address)
        return found


@pytest.fixture
def house(database: str) -> Iterator[House]:
    engine = connect(database)
    with transaction(engine) as session:
        import_community(session, community_file())
        community = session.scalars(select(Community.id)).one()
        add_people(session, community)
    site = Site(engine, database, community, {})
    say_nothing(site)
    alert = str(keep_secrets(site))
    app = create_app(Settings(database_url=database, secure_cookies=False))
    with at_work(app) as web, ExitStack() as opened:
        yield House(web, site, alert, opened)
    engine.dispose()


@pytest.mark.parametrize("role", list(Role))
def test_what_nobody_shares_is_nowhere(house: House, role: Role) -> None:
    assert len(house.addresses()) > 50
    assert house.finds(role) == set()


@pytest.mark.parametrize("role", READERS)
def test_what_is_shared_is_where_it_belongs_and_gone_when_it_is_taken_back(
    house: House, role: Role
) -> None:
    say(house.site, f"role:{role}")
    of_alert = {f"/api/v1/alerts/{house.alert}", f"/alerts/{house.alert}"}
    of_alert.add(f"/wall/alerts/{house.alert}")
    beside = {"/api/v1/quarantine"} if role is Role.ADMIN else set()
    assert house.finds(role) == HELD_IN | of_alert | beside
    say(house.site, f"role:{role}", given=False)
    assert house.finds(role) == set()


def test_a_group_finds_what_its_people_may_and_nobody_else_does(house: House) -> None:
    site = house.site
    group = group_of(site, Role.GUARD)
    say(site, f"group:{group.id}")
    of_alert = {f"/api/v1/alerts/{house.alert}", f"/alerts/{house.alert}"}
    assert house.finds(Role.GUARD) == HELD_IN | of_alert | {f"/wall/alerts/{house.alert}"}
    for role in (Role.PROPERTY, Role.FAMILY):  # of the group nobody is
        assert house.finds(role) == set(), role
    group_of(site, Role.PROPERTY, group.id)
    assert house.finds(Role.GUARD) == set()


def group_of(site: Site, role: Role, group_id: int | None = None) -> GroupView:
    """Make a group of somebody of a role, or let it be theirs."""
    boss, body = site.actor(Role.ADMIN), GroupBody(name="x", members=(site.actor(role).user_id,))
    with transaction(site.engine) as session:
        if group_id is None:
            return groups.add(session, boss, body)[0]
        return groups.change(session, boss, group_id, body)[0]


def test_pages_say_that_it_is_not_shared(house: House) -> None:
    guard = house.person(Role.GUARD)
    for address in (f"/devices/{PIR}", f"/wall/devices/{PIR}", f"/alerts/{house.alert}"):
        assert "未共享" in guard.get(address).text
    say(house.site)
    for address in (f"/devices/{PIR}", f"/wall/devices/{PIR}", f"/alerts/{house.alert}"):
        assert "未共享" not in guard.get(address).text


def test_each_look_is_on_record_with_its_reason(house: House) -> None:
    site = house.site
    guard = house.person(Role.GUARD)
    guard.get(f"/api/v1/devices/{PIR}")
    guard.get(f"/api/v1/devices/{PIR}/events")
    say(site)
    guard.get(f"/api/v1/devices/{PIR}")
    say(site, given=False)
    emergency = site.alert()
    tell(site, emergency, "role:guard")
    for address in (f"/api/v1/devices/{PIR}", "/api/v1/media/picture"):
        assert guard.get(address).status_code == 200
    looks = house.person(Role.FAMILY).get("/api/v1/homes/h-501/looks").json()
    assert [(one["purpose"], one["alert"], one["nothing"]) for one in looks] == [
        ("emergency", str(emergency), False),
        ("emergency", str(emergency), False),
        ("care", None, False),
        (None, None, True),
        ("upkeep", None, False),
    ]


class Stream:
    """What a screen's open stream says, read beside the test."""

    def __init__(self, client: httpx.Client, address: str) -> None:
        self.text = ""
        self._heard = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(client, address))
        self._thread.start()

    def wait_for(self, part: str) -> None:
        with self._heard:
            assert self._heard.wait_for(lambda: part in self.text, timeout=20), self.text

    def end(self) -> None:
        self._over.set()
        self._thread.join(20)

    def _listen(self, client: httpx.Client, address: str) -> None:
        with client.stream("GET", address) as answer:
            for chunk in answer.iter_text():
                with self._heard:
                    self.text += chunk
                    self._heard.notify_all()
                if self._over.is_set():
                    return


@pytest.mark.parametrize("address", sorted(ENDLESS))
def test_what_is_taken_back_is_gone_from_a_screen_that_is_open(house: House, address: str) -> None:
    say(house.site)
    guard, office = house.person(Role.GUARD), house.person(Role.OFFICE)
    panel = f"/wall/devices/{PIR}"
    assert SECRETS[0] in guard.get(panel).text
    stream = Stream(house.person(Role.GUARD), address)
    try:
        stream.wait_for("heartbeat")
        words = office.get("/api/v1/households/h-501/consents").json()["words"]
        [given] = [word for word in words if word["viewer"] == "role:guard"]
        taken_back = office.post(
            f"/api/v1/households/h-501/consents/{given['id']}/withdraw", json={}
        )
        assert taken_back.status_code == 201
        stream.wait_for(PIR)  # the screen is told to look again
        assert SECRETS[0] not in guard.get(panel).text
    finally:
        stream.end()
    assert not any(secret in stream.text for secret in SECRETS)


def test_withdrawing_twice_says_that_it_is_withdrawn(house: House) -> None:
    office = house.person(Role.OFFICE)
    body: dict[str, Any] = {"person": ELDER, "sensors": "all", "viewer": "role:guard"}
    body |= {"purpose": "care", "how": "spoken"}
    given = office.post("/api/v1/households/h-501/consents", json=body).json()
    address = f"/api/v1/households/h-501/consents/{given['id']}/withdraw"
    assert [office.post(address, json={}).status_code for _ in range(2)] == [201, 409]


@pytest.mark.parametrize("address", sorted(ENDLESS))
def test_who_leaves_the_group_is_told_to_look_again(house: House, address: str) -> None:
    group = group_of(house.site, Role.GUARD)
    say(house.site, f"group:{group.id}")
    guard, panel = house.person(Role.GUARD), f"/wall/devices/{PIR}"
    assert SECRETS[0] in guard.get(panel).text
    stream = Stream(house.person(Role.GUARD), address)
    try:
        stream.wait_for("heartbeat")
        group_of(house.site, Role.PROPERTY, group.id)
        stream.wait_for(PIR)
        assert SECRETS[0] not in guard.get(panel).text
    finally:
        stream.end()
