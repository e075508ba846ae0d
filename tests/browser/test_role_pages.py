"""Every page of each role's menu, in every size and both languages: it fits, axe finds nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from guarded_site import Site
from keyboard import faults
from lived_in import record_day
from playwright.sync_api import Page
from role_people import add_people, speaks_unknown

from anju_platform.alerts.windows.model import Window
from anju_platform.auth.model import User
from anju_platform.database import now, transaction

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}
READS_ENGLISH = {"wall": False, "laptop": True, "phone": True}
"""Each page is looked at in both languages, and where there is least room in the longer one."""
WHO = {
    "office": ("hemin", "olivia"),
    "installer": ("zhaogong", "ivan"),
    "auditor": ("qianshen", "audrey"),
    "grid": ("sunhao", "gordon"),
    "property": ("zhoufang", "paula"),
    "admin": ("admin", "admin-en"),
}
BESIDE = {
    "office": (
        "/homes/b3-501",
        "/homes/import",
        "/consents/b3-501",
        "/consents/b3-501/sheet",
        "/me/tokens",
        "/me/second-factor",
        *("/escalation", "/groups", "/rules/smoke"),
    ),
    "installer": ("/devices/b3-501-sos", "/waiting-devices", "/places?at=b3-501", "/places/plan"),
    "auditor": ("/devices/b3-501-sos", "/escalation", "/groups", "/rules/smoke", "/homes"),
    "grid": ("/nothing",),
    "property": (
        *("/homes/b3-501", "/waiting-devices", "/devices/b3-501-sos", "/places?at=b3-501"),
        *("/places/plan", "/rota/new", "/escalation", "/groups", "/rules/smoke"),
    ),
    "admin": (
        *("/new-rule", "/rules/smoke", "/homes/import", "/homes/b3-501", "/consents/b3-501"),
        *("/webhooks", "/escalation/plan?severity=1", "/escalation", "/groups", "/rota/new"),
    ),
}
"""What the menus lead to from their pages."""
PICTURES = os.environ.get("ANJU_TEST_PICTURES")


def of_the_alert(role: str, alert: str) -> list[str]:
    """Give the pages of an alert, by what somebody may do there."""
    if role == "installer":
        return []
    asks = ("/close", "/dispatch", "/shelve") if role in {"office", "property"} else ()
    return [f"/alerts/{alert}{each}" for each in ("", *asks)]


def furnish(site: Site) -> str:
    """Give the site something to show; gives an alert."""
    add_people(site)
    english(site)
    at = now()
    with transaction(site.engine) as session:
        session.add(
            Window(
                community_id=site.community,
                kind="maintenance",
                device_id=site.devices["b1-101-smoke"],
                for_life=True,
                reason="更换电池",
                starts_at=at,
                ends_at=at + timedelta(hours=1),
                due_at=at + timedelta(hours=1),
                created_at=at,
                created_by=site.users["zhaogong"],
            )
        )
    speaks_unknown(site, "zb-77", motion=True)
    record_day(site, "b3-501-sos", "sos_button", {"battery": [60, 12, 9]})
    site.raise_alert("消防通道被占用", "Fire lane blocked", severity=2, device="cam-07")
    site.raise_alert("用水不足", "Little water used", severity=3, device="b3-301-water")
    shelf = {"minutes": 5, "reason": "雷达正在调试", "asked_by": site.users["liqiang"]}
    site.raise_alert(device="b3-201-sos", shelf=shelf | {"asked_at": 4102444800000})
    return str(site.raise_alert())


def english(site: Site) -> None:
    """Add an administrator who reads English."""
    with transaction(site.engine) as session:
        boss = session.get_one(User, site.users["admin"])
        session.add(
            User(
                username="admin-en",
                name="Adam Stone",
                role=boss.role,
                community_id=boss.community_id,
                password_hash=boss.password_hash,
                locale="en",
            )
        )


def menu(page: Page) -> list[str]:
    """Give where the bar on top leads."""
    links = page.locator("header a").evaluate_all("all => all.map(it => it.getAttribute('href'))")
    return [path for path in dict.fromkeys(links) if path != "/"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("role", WHO)
def test_each_page_fits_and_is_accessible(
    open_page: Open, site: Site, role: str, size: str
) -> None:
    alert = furnish(site)
    wrong = {}
    username = WHO[role][READS_ENGLISH[size]]
    page = open_page(username, path="/me", size=SIZES[size], reduced_motion="reduce")
    for path in [*menu(page), *BESIDE[role], *of_the_alert(role, alert)]:
        page.goto(path)
        if path == "/wall" and size != "phone":
            page.wait_for_selector("#detail .incident")
        if found := faults(page):
            wrong[f"{username} {path}"] = found
        if PICTURES:
            name = f"{username}{path.replace('/', '-').replace('?', '-')[:40]}-{size}.png"
            page.screenshot(path=Path(PICTURES) / name)
    assert wrong == {}
