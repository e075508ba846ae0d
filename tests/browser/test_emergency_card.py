"""A guard at the wall dials 120 and reads aloud what the card says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from guarded_site import Site
from playwright.sync_api import Page, expect

from anju_platform.database import now

Open = Callable[..., Page]


@pytest.mark.parametrize("javascript", [True, False])
def test_the_card_is_two_clicks_away(open_page: Open, site: Site, *, javascript: bool) -> None:
    has_it = {"handling": "acked", "acked_by": site.users["liqiang"], "acked_at": now()}
    alert = site.raise_alert("求助", severity=1, **has_it)
    path = "/wall" if javascript else f"/alerts/{alert}"
    page = open_page(path=path, java_script_enabled=javascript)
    page.click("[data-do=card]")
    card = page.locator(".emergency")
    expect(card).to_be_visible()
    expect(card).to_contain_text("北京市海淀区向阳路 8 号")
    expect(card).to_contain_text("青霉素过敏")
    expect(card.locator("a.first")).to_have_attribute("href", "tel:120")
    if javascript:
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()
        expect(page.locator("#detail .timeline")).to_contain_text("打开急救卡")


def test_lesser_things_have_none(open_page: Open, site: Site) -> None:
    alert = site.raise_alert("门未关", severity=2)
    page = open_page(path=f"/alerts/{alert}")
    expect(page.locator("[data-do=close]")).to_be_visible()
    expect(page.locator("[data-do=card]")).to_have_count(0)
