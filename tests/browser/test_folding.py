"""What came together is read together; nothing urgent is folded away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from guarded_site import Site
from playwright.sync_api import Page, expect

Open = Callable[..., Page]


def visible(page: Page) -> int:
    return page.locator("#alerts > li:not(.folded)").count()


def test_lesser_alerts_of_a_place_and_minute_are_one_row_that_opens(
    open_page: Open, site: Site
) -> None:
    for number in range(4):
        site.raise_alert(f"离线 {number}", severity=3, ago=timedelta(seconds=20 + number))
    urgent = site.raise_alert("门被强开", severity=2, ago=timedelta(seconds=30))
    long_ago = site.raise_alert("早先", severity=3, ago=timedelta(minutes=9))
    page = open_page()
    expect(page.locator("#alerts > li.folded")).to_have_count(4)
    expect(page.locator(f"#alert-{urgent}")).to_be_visible()
    expect(page.locator(f"#alert-{long_ago}")).to_be_visible()
    fold = page.locator(f"#alert-{urgent} .fold")
    expect(fold).to_contain_text("4 条，4 条未确认")
    fold.click()
    expect(page.locator("#alerts > li.folded")).to_have_count(0)
    expect(fold).to_have_attribute("aria-expanded", "true")


def test_what_comes_later_joins_and_what_rises_steps_out(open_page: Open, site: Site) -> None:
    first = site.raise_alert("离线 1", severity=3)
    page = open_page()
    expect(page.locator(f"#alert-{first}")).to_be_visible()
    second = site.raise_alert("离线 2", severity=3)
    expect(page.locator("#alerts > li.folded")).to_have_count(1)
    site.change(second, severity=1)
    expect(page.locator(f"#alert-{second}")).to_be_visible()
    expect(page.locator(f"#alert-{second}")).to_have_attribute("data-loud", "true")


def test_the_keyboard_passes_folded_rows_over(open_page: Open, site: Site) -> None:
    for number in range(3):
        site.raise_alert(f"离线 {number}", severity=3, ago=timedelta(seconds=20 + number))
    other = site.raise_alert("另一处", severity=3, device="gate-south")
    page = open_page()
    expect(page.locator("#alerts > li.folded")).to_have_count(2)
    page.locator("#alerts > li:not(.folded) a").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator('#alerts a[aria-current="true"]')).to_be_visible()
    assert visible(page) == 2
    expect(page.locator(f"#alert-{other}")).to_be_visible()


def test_whoever_closed_a_row_goes_on_at_one_that_is_to_be_seen(
    open_page: Open, site: Site
) -> None:
    other = site.raise_alert("另一处", severity=3, device="gate-south", ago=timedelta(minutes=5))
    for number in range(2):
        site.raise_alert(f"离线 {number}", severity=3, ago=timedelta(seconds=20 + number))
    lead = site.raise_alert("门被强开", severity=2)
    page = open_page()
    expect(page.locator("#alerts > li.folded")).to_have_count(2)
    page.locator(f"#alert-{lead} a").focus()
    site.change(lead, handling="closed")
    expect(page.locator(f"#alert-{lead}")).to_have_count(0)
    expect(page.locator(f"#alert-{other} a")).to_be_focused()
