"""What a family does with its page: by keyboard, with a telephone whose clock is wrong, offline."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from guarded_site import Site
from keyboard import faults, tab_to
from lived_in import live_there
from playwright.sync_api import Page, expect
from screens import Screens
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.care.model import WeeklyLetter
from anju_platform.database import now

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE = (390, 844)
ZONE = ZoneInfo("Asia/Shanghai")


def rings(site: Site, **changed: object) -> object:
    words = {"title": "紧急求助", "title_en": "Help wanted", "icon": "sos"}
    return site.raise_alert(device="b3-501-sos", **(words | changed))  # type: ignore[arg-type]


def test_all_of_it_by_keyboard(open_page: Open, site: Site) -> None:
    live_there(site)
    rings(site)
    page = open_page("zhangmin", path="/family", size=PHONE)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "我去看看")
    page.keyboard.press("Enter")
    expect(page.locator(".card.alert")).to_contain_text("您正在赶去")
    tab_to(page, "外出报备")
    page.keyboard.press("Enter")
    tab_to(page, "1 天")
    page.keyboard.press("Enter")
    expect(page.locator(".state")).to_contain_text("已报备外出至")
    tab_to(page, "每周平安消息")
    page.keyboard.press("Enter")
    tab_to(page, "星期")
    page.keyboard.press("Home")
    tab_to(page, "时间")
    page.keyboard.press("Home")
    tab_to(page, "发给我")
    page.keyboard.press("Enter")
    expect(page.locator("summary", has_text="每周平安消息")).to_contain_text("每周一 8:00")
    with Session(site.engine) as session:
        due = session.scalars(select(WeeklyLetter.due_at)).one()
    assert (due.astimezone(ZONE).weekday(), due.astimezone(ZONE).hour) == (0, 8)
    tab_to(page, "退出登录")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")


@pytest.mark.parametrize("skew", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_telephone_whose_clock_is_wrong(
    open_page: Open, site: Site, screens: Screens, skew: timedelta
) -> None:
    live_there(site)
    page = open_page("zhangmin", path="/family", size=PHONE)
    page.clock.install(time=now() + skew)
    page.reload()
    page.clock.run_for(25_000)
    expect(page.locator("#stale")).to_be_hidden()
    expect(page.locator(".state .sentence.now")).to_contain_text("今天一切如常")
    expect(page.locator("#at")).to_contain_text(re.compile(r"^\d+ 秒前更新"))
    screens.stop()
    page.clock.run_for(45_000)
    told = page.locator("#stale time").inner_text()
    sites = {f"{now().astimezone(ZONE) - timedelta(minutes=n):%m-%d %H:%M}" for n in range(3)}
    assert told in sites  # the site's own time, whatever the telephone believes
    screens.start()
    page.clock.run_for(15_000)
    expect(page.locator("#stale")).to_be_hidden()


def test_a_clock_that_is_set_back_hides_no_outage(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = open_page("zhangmin", path="/family", size=PHONE)
    page.clock.install()
    page.reload()
    page.clock.run_for(12_000)
    screens.stop()
    page.clock.set_system_time(now() - timedelta(hours=2))
    page.clock.run_for(45_000)
    expect(page.locator("#stale")).to_be_visible()
    screens.start()
    page.clock.run_for(15_000)  # and it goes on asking
    expect(page.locator("#stale")).to_be_hidden()


@pytest.mark.parametrize("username", ["zhangmin", "mia"])
def test_what_is_shown_without_a_line_fits_and_is_accessible(
    open_page: Open, site: Site, screens: Screens, username: str
) -> None:
    live_there(site)
    rings(site, severity=3)
    page = open_page(username, path="/family", size=PHONE)
    page.locator("details").evaluate_all("all => all.forEach((it) => { it.open = true; })")
    assert faults(page) == []
    for _ in range(100):
        files = "caches.open('anju-family').then((it) => it.keys()).then((all) => all.length)"
        if page.evaluate(files) >= 2:
            break
        page.wait_for_timeout(50)
    screens.stop()
    page.goto("/family")
    expect(page.locator("#stale")).to_be_visible()
    assert faults(page) == []
    page.goto("/me")
    expect(page.locator("h1")).to_have_text("没有网络连接")
    assert faults(page) == []


def test_two_telephones_one_of_them_offline(open_page: Open, site: Site) -> None:
    live_there(site)
    rings(site)
    here, away = (
        open_page("zhangmin", path="/family", size=PHONE),
        open_page("mia", path="/family", size=PHONE),
    )
    away.clock.install()
    away.reload()
    away.context.set_offline(True)
    here.click("text=我去看看")
    expect(here.locator(".card.alert")).to_contain_text("您正在赶去")
    away.clock.run_for(45_000)
    expect(away.locator("#stale")).to_be_visible()
    expect(away.locator("text=I'm going")).to_be_visible()  # it does not know, and says it is old
    away.context.set_offline(False)
    away.clock.run_for(12_000)
    expect(away.locator(".card.alert")).to_contain_text("张敏 of the family goes there")
    expect(away.locator("#stale")).to_be_hidden()
