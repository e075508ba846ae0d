"""What each role sees of what it may open, and where it begins."""

from __future__ import annotations

import re

import httpx
from rights_house import House

from anju_platform.auth.model import Role


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
        Role.GUARD: "/wall",
        Role.PROPERTY: "/wall",
        Role.OFFICE: "/wall",
        Role.AUDITOR: "/wall",
        Role.ADMIN: "/wall",
        Role.GRID: "/alerts",
        Role.FAMILY: "/family",
        Role.INSTALLER: "/devices",
    }


def test_every_page_is_reached_from_the_wall(house: House) -> None:
    def offered(client: httpx.Client, path: str) -> set[str]:
        bar = client.get(path).text.partition("</header>")[0]
        return set(re.findall(r'href="(/[a-z]+)"', bar))

    for role in (Role.GUARD, Role.PROPERTY, Role.OFFICE, Role.AUDITOR, Role.ADMIN):
        client = house.person(role)
        pages = offered(client, "/devices")
        assert offered(client, "/wall") == pages - {"/wall"}
        assert all(client.get(page).status_code == 200 for page in pages)
    assert {"/channels", "/people", "/consents", "/audit"} <= pages
    assert 'href="/me" aria-current="page"' in client.get("/me").text
