"""Devices by what they need, their detail, the plan, homes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from outer_site import Site, ago
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.database import now, transaction
from anju_platform.people.model import Household
from anju_platform.registry import admission, listing, repository
from anju_platform.registry.model import Device, Gateway, Place
from anju_platform.registry.plan.listing import plan as plan_of
from anju_platform.registry.schemas import DeviceFilter, DeviceSort, DeviceState, DeviceStatus

LogIn = Callable[..., httpx.Client]


@pytest.fixture
def speaking(site: Site) -> Site:
    """The door is well, the button silent, the motion sensor flat, the gate never heard."""
    site.says("b1-door", ago(seconds=5), door_state="closed")
    site.says("b1-501-sos", ago(days=30), battery=90, rssi=-70)
    site.says("b1-501-bed", ago(seconds=5), heart_rate=61, in_bed=True)
    site.says("b1-501-pir", ago(seconds=5), battery=12, rssi=-60)
    site.says("far-pir", ago(days=30), battery=80)
    return site


def slugs(site: Site, wanted: DeviceFilter | None = None, **how: object) -> list[str]:
    with Session(site.engine) as session:
        page = listing.devices(session, site.community_id, wanted, **how)  # type: ignore[arg-type]
    return [row.slug for row in page.rows]


def test_what_needs_care_comes_first(speaking: Site) -> None:
    with Session(speaking.engine) as session:
        page = listing.devices(session, speaking.community_id)
    assert [(row.slug, row.status.value) for row in page.rows] == [
        ("b1-501-sos", "silent"),
        ("b1-501-pir", "flat"),
        ("far-pir", "unknown"),
        ("gate-south", "unknown"),
        ("b1-501-bed", "ok"),
        ("b1-door", "ok"),
    ]
    assert page.counts[DeviceStatus.UNKNOWN] == 2
    assert page.rows[1].battery == 12


def test_behind_a_gateway_that_is_just_back_nobody_is_silent_yet(speaking: Site) -> None:
    def statuses(status_at: timedelta) -> dict[str, str]:
        with transaction(speaking.engine) as session:
            session.execute(
                update(Gateway)
                .where(Gateway.slug != "gw-away")
                .values(online=True, status_at=now() - status_at)
            )
            return {
                row.slug: row.status for row in listing.devices(session, speaking.community_id).rows
            }

    assert statuses(timedelta(seconds=1))["b1-501-sos"] == "unknown"
    assert statuses(timedelta(seconds=1))["b1-501-bed"] == "ok"
    assert statuses(timedelta(days=9))["b1-501-sos"] == "silent"


def test_a_gateway_has_been_there_since_it_came(speaking: Site) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with transaction(speaking.engine) as session:
        gateway = session.scalars(select(Gateway).where(Gateway.slug == "gw-away")).one()
        since = []
        for minute, online in enumerate((True, True, False, False, True)):
            moment = at + timedelta(minutes=minute)
            repository.set_online(session, gateway.id, online=online, at=moment, version=None)
            session.refresh(gateway)
            since.append(gateway.status_at - at)
    assert since == [timedelta(minutes=n) for n in (0, 0, 2, 2, 4)]


def test_lists_filter_by_status_model_gateway_place_and_words(speaking: Site) -> None:
    assert slugs(speaking, DeviceFilter(status=(DeviceStatus.FLAT,))) == ["b1-501-pir"]
    assert slugs(speaking, DeviceFilter(model=("pir",))) == ["b1-501-pir", "far-pir"]
    assert slugs(speaking, DeviceFilter(gateway="gw-away")) == ["far-pir"]
    assert "b1-501-sos" in slugs(speaking, DeviceFilter(place="b1"))
    assert slugs(speaking, DeviceFilter(place="b1-501-bath")) == ["b1-501-sos"]
    assert slugs(speaking, DeviceFilter(text="床垫")) == ["b1-501-bed"]
    assert slugs(speaking, DeviceFilter(text="_")) == []


def test_lists_sort_both_ways_with_nothing_last_and_page(speaking: Site) -> None:
    up = slugs(speaking, sort=DeviceSort.BATTERY)
    assert up[:2] == ["b1-501-pir", "far-pir"]
    down = slugs(speaking, sort=DeviceSort.BATTERY, descending=True)
    assert down[0] == "b1-501-sos"
    assert set(up[-3:]) == set(down[-3:]) == {"b1-501-bed", "b1-door", "gate-south"}
    pages = [slugs(speaking, page=n, size=4) for n in (1, 2, 3)]
    assert [len(p) for p in pages] == [4, 2, 0]
    for sort in DeviceSort:
        assert len(slugs(speaking, sort=sort)) == 6


def test_counts_leave_out_what_is_retired(speaking: Site) -> None:
    with transaction(speaking.engine) as session:
        admission.set_state(
            session, speaking.actor(), speaking.community_id, "b1-door", DeviceState.RETIRED
        )
        counts = listing.device_counts(session, speaking.community_id)
    assert (counts.total, counts.online, counts.silent) == (5, 2, 1)
    assert (counts.flat, counts.unknown) == (1, 2)
    assert "b1-door" not in slugs(speaking)
    assert slugs(speaking, DeviceFilter(status=(DeviceStatus.RETIRED,))) == ["b1-door"]


def test_the_table_is_exported_safely_for_spreadsheets(speaking: Site, log_in: LogIn) -> None:
    answer = log_in("property").get("/api/v1/devices.csv")
    lines = answer.text.splitlines()
    assert answer.text.startswith("\ufeffslug,")
    assert len(lines) == 7
    assert any(",'=南门," in line for line in lines)
    assert len(speaking.audited("devices.exported")) == 1


def test_a_homes_device_hides_health_from_guards_and_every_look_is_audited(
    speaking: Site, log_in: LogIn
) -> None:
    def fields(role: str) -> dict[str, object]:
        answer = log_in(role).get("/api/v1/devices/b1-501-bed").json()
        return {f["name"]: f["value"] for f in answer["fields"]}

    assert fields("guard")["in_bed"] is True
    assert "heart_rate" not in fields("guard")
    assert fields("admin")["heart_rate"] == 61
    log_in("guard").get("/api/v1/devices/b1-door")
    assert [e.subject for e in speaking.audited("care.read")] == ["device:b1-501-bed"] * 3


def test_a_missing_device_is_not_found(log_in: LogIn) -> None:
    client = log_in()
    for path in ("devices/none", "devices/none/series?field=x", "devices/none/events"):
        assert client.get(f"/api/v1/{path}").status_code == 404


def test_the_plan_spreads_devices_of_one_spot_and_leaves_out_what_stands_nowhere(
    site: Site,
) -> None:
    with Session(site.engine) as session:
        plan = plan_of(session, site.community_id)
        again = plan_of(session, site.community_id)
    spots = {device.slug: (device.x, device.y) for device in plan.devices}
    assert (plan.width, plan.height) == (300, 200)
    assert "far-pir" not in spots
    assert spots["gate-south"] == (150, 5)
    building = [spot for slug, spot in spots.items() if slug.startswith("b1")]
    assert len(set(building)) == 4
    assert all(abs(x - 40) < 5 and abs(y - 30) < 5 for x, y in building)
    assert plan == again


def test_places_name_their_parents_and_stand_where_they_do(log_in: LogIn) -> None:
    places = {p["slug"]: p for p in log_in().get("/api/v1/places").json()}
    bath = places["b1-501-bath"]
    assert (bath["parent"], bath["x"], bath["y"]) == ("b1-501", 40, 30)
    assert places["nowhere"]["x"] is None


def test_gateways_that_are_away_come_first(log_in: LogIn) -> None:
    found = log_in().get("/api/v1/gateways").json()
    assert [(g["slug"], g["online"], g["devices"]) for g in found] == [
        ("gw-away", False, 1),
        ("gw-west", True, 5),
    ]


def test_a_homes_card_is_for_property_staff_and_audited(site: Site, log_in: LogIn) -> None:
    assert log_in("guard").get("/api/v1/households/h-501").status_code == 403
    card = log_in("property").get("/api/v1/households/h-501").json()
    assert [c["phone"] for c in card["contacts"]] == ["13800002231", "13900001111"]
    assert card["residents"][0]["name"] == "张桂兰"
    assert [e.actor for e in site.audited("care.read")] == ["李强"]
    assert log_in("admin").get("/api/v1/households/none").status_code == 404


def test_an_installer_approves_a_device(site: Site, log_in: LogIn) -> None:
    client = log_in("property")
    wanted = {
        "slug": "b1-new",
        "model": "smoke_alarm",
        "gateway": "gw-west",
        "place": "b1-501",
        "household": "h-501",
        "name": "烟感",
        "name_en": "Smoke alarm",
    }
    assert client.post("/api/v1/devices", json=wanted).status_code == 201
    assert client.post("/api/v1/devices", json=wanted).status_code == 409
    assert client.get("/api/v1/devices/b1-new").json()["device"]["status"] == "unknown"
    for wrong in ({"model": "x"}, {"gateway": "x"}, {"place": "x"}, {"household": "x"}):
        answer = client.post("/api/v1/devices", json=wanted | {"slug": "other"} | wrong)
        assert answer.status_code == 422
    state = client.put("/api/v1/devices/b1-new/state", json={"state": "retired"})
    assert state.status_code == 204
    assert [len(site.audited(f"device.{word}")) for word in ("added", "retired")] == [1, 1]


def test_what_stands_in_a_home_is_that_homes_and_where_there_are_two_one_is_named(
    site: Site, log_in: LogIn
) -> None:
    client = log_in("property")
    wanted = {"model": "pir", "gateway": "gw-west", "place": "b1-501-bath"}
    wanted |= {"name": "人体感应", "name_en": "Motion"}

    def approve(slug: str, **more: str) -> tuple[int, int | None]:
        status = client.post("/api/v1/devices", json=wanted | {"slug": slug} | more).status_code
        return status, site.device(slug).household_id if status == 201 else None

    home = site.device("b1-501-sos").household_id
    assert home is not None
    assert approve("new-pir") == (201, home)
    assert approve("hall-pir", place="b1") == (201, None)
    with transaction(site.engine) as session:
        session.execute(update(Device).where(Device.slug == "new-pir").values(household_id=None))
        unit = session.scalars(select(Place.id).where(Place.slug == "b1-501")).one()
        session.add_all(
            Household(community_id=site.community_id, slug=slug, place_id=at, attributes={})
            for slug, at in (("h-lodger", unit), ("h-else", site.device("gate-south").place_id))
        )
    assert approve("second-pir") == (422, None)
    assert approve("second-pir", household="h-else") == (422, None)
    assert approve("second-pir", household="h-501") == (201, home)
    replacement = "/api/v1/devices/{}/replacement"
    for slug, status in (("new-pir", 422), ("second-pir", 201)):
        answer = client.post(replacement.format(slug), json={"slug": f"{slug}-2"})
        assert answer.status_code == status
    assert site.device("second-pir-2").household_id == home


def test_what_replaces_a_device_that_was_nobodys_in_a_home_is_that_homes(
    site: Site, log_in: LogIn
) -> None:
    home = site.device("b1-501-pir").household_id
    with transaction(site.engine) as session:
        session.execute(update(Device).where(Device.slug == "b1-501-pir").values(household_id=None))
    path = "/api/v1/devices/b1-501-pir/replacement"
    assert log_in("property").post(path, json={"slug": "new-pir"}).status_code == 201
    assert site.device("new-pir").household_id == home
