"""What property staff do: an alert from the wall to the report, a shelving that needs two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from guarded_site import Site
from keyboard import focused, follow, log_in_by_keys, press, tab_to, write
from playwright.sync_api import Browser, Page, expect
from role_people import add_people
from screens import Screens
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import TimelineEntry
from anju_platform.database import now

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
DESK = (1280, 720)
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def _people(site: Site) -> None:
    add_people(site)


def test_from_the_alarm_to_the_report_by_keyboard(
    chromium: Browser, screens: Screens, site: Site
) -> None:
    blocked = site.raise_alert("消防通道被占用", "Fire lane blocked", severity=2, device="cam-07")
    context = chromium.new_context(
        base_url=screens.url, viewport={"width": DESK[0], "height": DESK[1]}, locale="zh-CN"
    )
    page = context.new_page()
    log_in_by_keys(page, "zhoufang")
    page.wait_for_url("**/wall")
    fall = site.raise_alert()
    expect(page.locator(f"#alert-{fall}")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator(f"#alert-{fall} a")).to_be_focused()
    page.wait_for_selector(f"#detail .incident[data-shown='{fall}']")
    page.keyboard.press("Space")
    expect(page.locator(f"#alert-{fall}")).to_contain_text("周芳 处理中")
    assert focused(page)
    page.keyboard.press("c")
    page.wait_for_selector("dialog#ask[open]")
    assert focused(page)
    page.keyboard.press("ArrowDown")
    assert "误报" in focused(page)
    write(page, "备注(现场情况与处理)", "老人蹲下捡东西")
    press(page, "确认结案")
    expect(page.locator(f"#alert-{fall}")).to_have_count(0)
    assert focused(page)
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#alert-{blocked} a")).to_be_focused()
    expect(page.locator("#detail-title")).to_contain_text("消防通道被占用")
    press(page, "搁置")
    page.wait_for_selector("dialog#ask[open]")
    write(page, "原因", "搬家公司装车，半小时内离开")
    press(page, "搁置")
    expect(page.locator(f"#alert-{blocked}")).to_contain_text("已搁置")
    assert focused(page)
    page.goto("/shelved")
    expect(page.get_by_role("region", name="搁置的告警")).to_contain_text("搬家公司")
    follow(page, "立即结束“消防通道被占用”")
    expect(page.locator(".empty.good")).to_be_visible()
    page.goto("/reports")
    expect(page.get_by_role("region", name="规则与误报")).to_contain_text("fall")
    context.close()
    closed = site.alert(fall)
    assert (closed.cause, closed.note) == ("false", "老人蹲下捡东西")
    assert closed.closed_by == site.users["zhoufang"]
    with Session(site.engine) as session:
        steps = select(TimelineEntry.kind).where(TimelineEntry.alert_id == blocked)
        kinds = list(session.scalars(steps.order_by(TimelineEntry.id)))
    assert kinds == ["raised", "shelved", "unshelved"]


def test_what_a_life_hangs_on_is_shelved_by_two(open_page: Open, site: Site) -> None:
    """In English and Chinese, in two browsers, and it sounds until the second has agreed."""
    alert = site.raise_alert()
    asks = open_page("paula", size=DESK)
    asks.wait_for_selector("#detail [data-do=shelve]")
    asks.click("#detail [data-do=shelve]")
    dialog = asks.locator("dialog#ask")
    expect(dialog).to_contain_text("a second person must agree")
    dialog.locator("textarea").fill("The radar is being tried out")
    dialog.locator(".confirm").click()
    expect(asks.locator("#detail .shelf")).to_contain_text("Paula Ortiz wishes to shelve it")
    expect(asks.locator("#detail .shelf button")).to_have_text("Take it back")
    loud = asks.locator(f"#alert-{alert}")
    expect(loud).to_have_attribute("data-loud", "true")
    agrees = open_page("liqiang", size=DESK)
    agrees.locator("#detail .shelf button", has_text="同意搁置").click()
    expect(agrees.locator("#detail .shelf")).to_contain_text("李强")
    expect(loud).to_have_attribute("data-loud", "false")
    expect(asks.locator("#detail .shelf")).to_contain_text("and 李强")
    shelf = site.alert(alert).shelf
    assert shelf is not None
    asked, agreed = (site.users[each] for each in ("paula", "liqiang"))
    assert (shelf["asked_by"], shelf["agreed_by"]) == (asked, agreed)
    asks.locator("#detail .shelf button", has_text="Unshelve").click()
    expect(loud).to_have_attribute("data-loud", "true")


def test_of_two_who_close_at_once_the_second_sees_who_was_faster(
    open_page: Open, site: Site
) -> None:
    alert = site.raise_alert()
    pages = [open_page("paula", size=DESK), open_page("hemin", size=DESK)]
    for page, cause in zip(pages, ("false", "true"), strict=True):
        page.wait_for_selector("#detail [data-do=close]")
        page.keyboard.press("c")
        page.locator(f"dialog#ask [value={cause}]").check()
    for page in pages:
        page.locator("dialog#ask .confirm").press("Enter")
        expect(page.locator("dialog#ask")).to_be_hidden()
    expect(pages[1].locator("#detail .notice")).to_contain_text("Paula Ortiz 已")
    assert focused(pages[1])
    closed = site.alert(alert)
    assert (closed.cause, closed.closed_by) == ("false", site.users["paula"])


def test_without_a_line_the_dialog_stays_and_says_so(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("paula", size=DESK)
    page.wait_for_selector("#detail [data-do=close]")
    page.keyboard.press("c")
    dialog = page.locator("dialog#ask")
    dialog.locator("[value=false]").check()
    dialog.locator("textarea").fill("A cat")
    page.context.set_offline(True)
    tab_to(page, "Close the alert")
    page.keyboard.press("Enter")
    said = page.locator("#toast")
    expect(said).to_contain_text("may not have arrived")
    box = said.bounding_box()
    assert box is not None
    top = page.evaluate(
        "([x, y]) => Boolean(document.elementFromPoint(x, y)?.closest('#toast'))",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
    )
    assert top  # and not behind the dialog
    expect(dialog.locator("textarea")).to_have_value("A cat")
    assert focused(page) == "Close the alert"
    assert site.alert(alert).handling == "unacked"
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(said).to_be_hidden()
    assert site.alert(alert).note == "A cat"


@pytest.mark.parametrize("skew", [timedelta(hours=2), timedelta(hours=-2)])
def test_a_desk_whose_clock_is_wrong(open_page: Open, site: Site, skew: timedelta) -> None:
    alert = site.raise_alert(severity=2, ago=timedelta(minutes=30))
    page = open_page("paula", size=DESK)
    page.clock.install(time=now() + skew)
    page.reload()
    page.clock.run_for(3_000)
    expect(page.locator(f"#alert-{alert} time.since")).to_have_text("30 min")
    expect(page.locator("stale-banner")).to_be_hidden()
    page.wait_for_selector("#detail [data-do=shelve]")
    page.click("#detail [data-do=shelve]")
    dialog = page.locator("dialog#ask")
    dialog.locator("textarea").fill("Being repaired")
    dialog.locator(".confirm").click()
    until = now().astimezone(ZONE) + timedelta(minutes=15)
    moments = {f"{until + timedelta(minutes=n):%H:%M}" for n in (-1, 0, 1)}
    said = page.locator("#detail .shelf").inner_text()
    assert any(each in said for each in moments), said
