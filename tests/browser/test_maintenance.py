"""Work and drills on the screens: planned by a person, said on every wall while they go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from guarded_site import Site
from playwright.sync_api import Page, expect

from anju_platform.alerts.windows.model import Window
from anju_platform.database import now, transaction

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}


SERIOUS = {"serious", "critical"}


def plan(site: Site, kind: str, **named: object) -> None:
    """Let somebody have planned it ten minutes ago."""
    at = now()
    moments = {"starts_at": at - timedelta(minutes=10), "ends_at": at + timedelta(minutes=50)}
    given = moments | {"due_at": at + timedelta(minutes=50), "reason": "更换电池"} | named
    with transaction(site.engine) as session:
        session.add(
            Window(
                community_id=site.community,
                kind=kind,
                created_at=at,
                created_by=site.users["admin"],
                **given,
            )
        )


def furnish(site: Site) -> None:
    plan(site, "drill", place_id=site.places["b3"], reason="消防疏散演练")
    plan(site, "maintenance", device_id=site.devices["b1-101-smoke"], for_life=True)
    plan(site, "maintenance", place_id=site.places["b2"], reason="电梯年检")
    later = now() + timedelta(days=2)
    plan(site, "maintenance", place_id=site.places["b5"], reason="管道冲洗",
         starts_at=later, ends_at=later + timedelta(hours=8), due_at=later)  # fmt: skip
    over = now() - timedelta(days=1)
    plan(site, "drill", reason="防汛演练", starts_at=over, ends_at=over + timedelta(hours=1),
         due_at=None)  # fmt: skip
    site.raise_alert(mode="drill")
    site.raise_alert("门被强行打开", "Door forced open", severity=2, overlays=["inhibited"])
    site.raise_alert("电池电量低", "Battery low", severity=4, device="b2-301-sos",
                     overlays=["maintenance"])  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("username", ["admin", "grace"])
def test_pages_say_what_goes_on_fit_and_are_accessible(
    open_page: Open, site: Site, size: str, username: str
) -> None:
    furnish(site)
    page = open_page(username, size=SIZES[size], reduced_motion="reduce")
    expect(page.locator("#windows .window.drill")).to_have_count(1)
    expect(page.locator("#windows .window.life")).to_have_count(1)
    for path in ("/wall", "/maintenance"):
        page.goto(path)
        page.wait_for_timeout(500)
        over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(over) == 0
        if pictures := os.environ.get("OVERLAY_PICTURES"):
            name = f"{path.strip('/')}-{size}-{username}.png"
            page.screenshot(path=str(Path(pictures) / name))
        if size == "laptop":  # as in the tests of all pages
            continue
        faults = Axe().run(page).response["violations"]
        assert [one["nodes"][0]["html"] for one in faults if one["impact"] in SERIOUS] == []


def test_a_drill_is_on_the_wall_at_once_and_gone_when_the_guard_ends_it(open_page: Open) -> None:
    wall = open_page("liqiang")
    expect(wall.locator("#windows .window")).to_have_count(0)
    office = open_page("admin", path="/maintenance")
    form = office.locator("form[action='/maintenance/drill']")
    form.locator("[name=place]").fill("b3")
    form.locator("[name=reason]").fill("消防演练")
    form.locator("button").click()
    expect(wall.locator("#windows .window.drill")).to_contain_text("消防演练", timeout=3_000)
    desk = open_page("liqiang", path="/maintenance")
    expect(desk.locator("form[action='/maintenance/drill']")).to_have_count(0)
    desk.locator("form[action$='/end'] button").click()
    expect(wall.locator("#windows .window")).to_have_count(0, timeout=3_000)


def test_what_was_typed_in_wrong_is_said_and_kept(open_page: Open) -> None:
    page = open_page("admin", path="/maintenance")
    form = page.locator("form[action='/maintenance/work']")
    form.locator("[name=place]").fill("b3")
    form.locator("[name=reason]").fill("换门锁")
    form.locator("[name=for_life]").check()
    form.locator("button").click()
    expect(page.locator("[role=alert].notice")).to_be_visible()
    expect(page.locator("form[action='/maintenance/work'] [name=reason]")).to_have_value("换门锁")
    expect(page.locator("form[action='/maintenance/work'] [name=for_life]")).to_be_checked()
