"""The family's page with no line: the last one is shown, loudly as old, and never green."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from guarded_site import Site
from lived_in import live_there
from playwright.sync_api import Page, expect
from screens import Screens
from sqlalchemy import delete

from anju_platform.auth.model import HomeScope
from anju_platform.database import transaction

pytestmark = pytest.mark.browser
AGE = """async () => {
    const cache = await caches.open("anju-family");
    for (const key of await cache.keys()) {
        const kept = await cache.match(key);
        const headers = new Headers(kept.headers);
        headers.set("x-kept-at", String(Number(headers.get("x-kept-at")) - 3 * 86400000 - 1));
        await cache.put(key, new Response(await kept.text(), { headers }));
    }
}"""
"""Let three days have passed for whatever is kept."""
Open = Callable[..., Page]
PHONE = (390, 844)
GREEN = "rgb(227, 242, 234)"
KEPT = "caches.open('anju-family').then((it) => it.keys()).then((all) => all.length)"


def on_the_phone(open_page: Open, username: str = "zhangmin", **how: object) -> Page:
    page = open_page(username, path="/family", size=PHONE, **how)
    is_kept(page)
    return page


def is_kept(page: Page) -> None:
    """Wait until the service worker stands between and has kept the page, with what it is of."""
    for _ in range(200):
        files = "caches.open('anju-files').then((it) => it.keys()).then((all) => all.length)"
        if page.evaluate(KEPT) >= 2 and page.evaluate(files) >= 7:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the page was never kept")


def ground(page: Page) -> str:
    found: str = page.locator(".state").evaluate("it => getComputedStyle(it).backgroundColor")
    return found


def is_old(page: Page) -> None:
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#stale")).to_contain_text(re.compile(r"自 \d\d-\d\d \d\d:\d\d 起没有连接"))
    expect(page.locator("#stale a[href='tel:120']")).to_be_visible()
    expect(page.locator("#stale a[href='tel:01085550001']")).to_be_visible()
    expect(page.get_by_text("现在的情况无法得知")).to_be_visible()
    expect(page.locator(".state .sentence.now")).to_be_hidden()
    assert ground(page) != GREEN


def test_the_last_page_is_shown_as_old_until_the_server_is_back(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    assert ground(page) == GREEN
    screens.stop()
    page.goto("/family")
    is_old(page)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.styleSheets.length") == 1
    page.reload()
    is_old(page)
    screens.start()
    expect(page.locator("#stale")).to_be_hidden(timeout=20_000)  # without a hand on the telephone
    expect(page.get_by_text("今天一切如常", exact=True)).to_be_visible()
    assert ground(page) == GREEN


def test_what_was_heard_last_is_what_is_kept(open_page: Open, site: Site, screens: Screens) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    site.raise_alert("紧急求助", "Help wanted", device="b3-501-sos", icon="sos")
    expect(page.locator(".state .sentence.now")).to_contain_text("紧急情况", timeout=15_000)
    screens.stop()
    page.goto("/family")
    expect(page.locator(".card.alert")).to_contain_text("紧急求助")
    expect(page.locator(".state")).to_contain_text("时的状态：紧急情况")
    is_old(page)


def test_what_is_pressed_without_a_line_says_that_it_may_not_have_arrived(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    site.raise_alert("紧急求助", "Help wanted", device="b3-501-sos", icon="sos")
    page = on_the_phone(open_page)
    screens.stop()
    page.click("text=我去看看")
    expect(page.locator("h1")).to_have_text("没有网络连接")
    expect(page.get_by_text("您刚才的操作可能没有送达。")).to_be_visible()
    expect(page.get_by_text("What you just sent may not have arrived.")).to_be_visible()
    page.click("text=重试")
    is_old(page)


def test_nothing_of_it_is_left_after_the_log_out(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    page.click("text=退出登录")
    page.wait_for_url("**/login")
    assert page.evaluate(KEPT) == 0
    screens.stop()
    page.goto("/family")
    expect(page.locator("h1")).to_have_text("没有网络连接")
    assert "张" not in page.content()


def test_a_log_out_without_a_line_leaves_nothing_to_read_either(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    screens.stop()
    page.click("text=退出登录")
    expect(page.locator("h1")).to_have_text("没有网络连接", timeout=20_000)
    assert page.evaluate(KEPT) == 0


def test_a_log_in_that_is_over_leaves_nothing(open_page: Open, site: Site) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    page.context.clear_cookies()
    page.goto("/family")
    page.wait_for_url(re.compile("/login"))
    assert page.evaluate(KEPT) == 0


def test_nothing_is_left_of_a_home_that_is_no_longer_theirs(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    expect(page).to_have_title("安居")  # a list of open pages names nobody
    with transaction(site.engine) as session:
        session.execute(delete(HomeScope).where(HomeScope.user_id == site.users["zhangmin"]))
    expect(page.locator(".state")).to_have_count(0, timeout=20_000)  # an open page, by itself
    assert page.evaluate(KEPT) == 0
    screens.stop()
    page.goto("/family")
    expect(page.locator("h1")).to_have_text("没有网络连接")
    page.goto("/family?home=b3-501")
    expect(page.locator("h1")).to_have_text("没有网络连接")


def test_what_is_three_days_old_is_not_shown(open_page: Open, site: Site, screens: Screens) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    screens.stop()
    page.goto("/family")
    is_old(page)
    page.evaluate(AGE)
    page.goto("/family")
    expect(page.locator("h1")).to_have_text("没有网络连接")
    assert page.evaluate(KEPT) == 0


def test_each_home_has_its_own_last_page(open_page: Open, site: Site, screens: Screens) -> None:
    live_there(site)
    with transaction(site.engine) as session:
        other = site.households["b1-101"]
        session.add(HomeScope(user_id=site.users["zhangmin"], household_id=other, relation="侄女"))
    page = on_the_phone(open_page)
    page.goto("/family?home=b3-501")
    name = page.locator("h1").inner_text()
    screens.stop()
    page.goto("/family?home=b3-501")
    is_old(page)
    expect(page.locator("h1")).to_have_text(name)
    page.goto("/family?home=b1-999")  # of that one nothing is kept
    expect(page.locator("h1")).to_have_text("没有网络连接")
