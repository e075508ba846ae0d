"""The wall says that a change of shift is open, to those whom it concerns, until it is not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from duty_roster import changed_just_now
from guarded_site import Site
from playwright.sync_api import Page, expect
from sqlalchemy import update
from wire_sender import until

from anju_platform.auth.model import User
from anju_platform.database import transaction

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}
LINE = "#handover a"
SERIOUS = {"serious", "critical"}
SOON = 20_000


def test_who_comes_and_who_leaves_see_it_until_it_is_taken_over(
    open_page: Open, site: Site
) -> None:
    before = open_page("liqiang")  # open since before there was anything to hand over
    expect(before.locator("#handover")).to_be_attached()
    changed_just_now(site, "wanglei", "liqiang")
    leaves, nobody = open_page("wanglei"), open_page("admin")
    expect(before.locator(LINE)).to_contain_text("请您接班", timeout=SOON)
    expect(leaves.locator(LINE)).to_contain_text(re.compile(r"门岗 \d\d:\d\d 交接：等待李强接班"))
    expect(nobody.locator(LINE)).to_have_count(0)
    before.click(LINE)
    before.wait_for_url("**/rota")
    before.click("text=我来接班")
    expect(leaves.locator(LINE)).to_have_count(0, timeout=SOON)
    before.goto("/wall")
    expect(before.locator(LINE)).to_have_count(0)
    expect(nobody.locator(LINE)).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_fits_and_is_accessible(open_page: Open, site: Site, size: str, language: str) -> None:
    changed_just_now(site, "wanglei", "liqiang")
    site.raise_alert("门未关", "Door held", severity=2)
    with transaction(site.engine) as session:
        session.execute(update(User).values(locale=language))
    page = open_page("wanglei", size=SIZES[size], reduced_motion="reduce")
    line = page.locator(LINE)
    expect(line).to_be_visible()
    page.wait_for_timeout(500)
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(over) == 0
    # none while the stream puts it there anew
    until(lambda: (line.bounding_box() or {"height": 0})["height"] >= 44, 10)
    if pictures := os.environ.get("OVERLAY_PICTURES"):
        page.screenshot(path=str(Path(pictures) / f"handover-{size}-{language}.png"))
    if size == "laptop":  # as in the tests of all pages
        return
    faults = Axe().run(page).response["violations"]
    assert [one["id"] for one in faults if one["impact"] in SERIOUS] == []
