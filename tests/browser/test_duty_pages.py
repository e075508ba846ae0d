"""Rotas, groups and plans in a browser: every size, both languages, with and without a script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from duty_roster import changed_just_now, furnish_duty
from guarded_site import Site
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}
SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_their_window_and_axe_finds_no_fault(
    open_page: Open, site: Site, size: str
) -> None:
    paths = furnish_duty(site)
    page = open_page("admin", size=SIZES[size], reduced_motion="reduce")
    found = {}
    for path in paths:
        page.goto(path)
        page.wait_for_timeout(300)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        faults = [
            (fault["id"], fault["nodes"][0]["html"][:200])
            for fault in Axe().run(page).response["violations"]
            if fault["impact"] in SERIOUS
        ]
        if over or faults:
            found[path] = over, faults
    assert found == {}


def test_without_a_script_and_by_keyboard_a_plan_is_written(open_page: Open, site: Site) -> None:
    furnish_duty(site)
    page = open_page("admin", path="/escalation", java_script_enabled=False)
    page.click("a[href='/escalation/plan?severity=2']")
    page.fill("[name=after] >> nth=0", "300")
    page.press("[name=after] >> nth=0", "Enter")  # shows it in words, and saves nothing
    expect(page.locator("section.plan")).to_contain_text("尚未填写完整")
    page.fill("[name=after] >> nth=0", "2")
    page.select_option("[name=unit] >> nth=0", "min")
    page.get_by_role("button", name="启用").press("Enter")
    page.wait_for_url("**/escalation")
    expect(page.locator("section.plan.severity-2")).to_contain_text("2 分钟后")


def test_of_two_who_take_over_one_does_and_the_other_sees_who(open_page: Open, site: Site) -> None:
    changed_just_now(site, "wanglei", "liqiang")
    page = open_page(path="/rota", size=SIZES["phone"])
    other = open_page(path="/rota")
    page.fill("[name=note]", "门禁在修")
    page.click("text=我来接班")
    expect(page.locator("section.rota")).to_contain_text("李强 已于")
    other.click("text=我来接班")
    expect(other.locator("section.rota")).to_contain_text("门禁在修")
