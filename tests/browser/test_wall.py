"""The wall as a guard uses it, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from guarded_site import Site
from playwright.sync_api import Page, Route, expect
from screens import Screens

from anju_platform.database import now, transaction
from anju_platform.registry.model import Device

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
ACKED = re.compile(r"\backed\b")
HEAR = """() => {
  window.heard = [];
  const Real = window.OscillatorNode;
  window.OscillatorNode = class extends Real {
    constructor(audio, how) { super(audio, how); window.heard.push(how.frequency); }
  };
}"""
LIVE = '.live[data-state="live"]'


def test_an_alert_appears_by_itself_and_sounds_until_it_is_acknowledged(
    open_page: Open, site: Site
) -> None:
    page = open_page()
    expect(page.locator("#no-alerts")).to_be_visible()
    expect(page.locator(LIVE)).to_be_visible()
    page.evaluate("window.marker = 1")
    page.evaluate(HEAR)
    alert = site.raise_alert()
    row = page.locator(f"#alert-{alert}")
    expect(row).to_contain_text("疑似跌倒")
    assert page.evaluate("window.marker") == 1  # the page was not loaded again
    expect(page.locator("#counts .severity-1 strong")).to_have_text("1")
    expect(page.locator("site-map .spot.severity-1")).to_be_visible()
    page.mouse.click(960, 40)
    expect(page.locator('siren-button[data-state="sounding"]')).to_be_visible()
    assert page.evaluate("window.heard")[:2] == [880, 660]
    row.click()
    page.keyboard.press("Space")
    expect(row).to_have_class(ACKED)
    expect(page.locator('siren-button[data-state="ready"]')).to_be_visible()
    assert site.alert(alert).handling == "acked"


def test_away_from_the_wall_a_life_alert_is_said_until_somebody_has_it(
    open_page: Open, site: Site
) -> None:
    page = open_page(path="/devices")
    expect(page.locator(LIVE)).to_be_visible()
    site.raise_alert("电池电量低", severity=4)
    alert = site.raise_alert()
    toast = page.locator("#toast")
    link = toast.get_by_role("link", name="P1 疑似跌倒，静止 38 秒 · 3 栋 2 单元 501 卫生间")
    expect(link).to_have_attribute("href", f"/alerts/{alert}")
    site.change(alert, handling="acked", acked_by=site.users["wanglei"])
    expect(toast).to_be_hidden()


def test_a_screen_without_permission_to_sound_says_so(open_page: Open) -> None:
    page = open_page()
    page.reload()
    page.wait_for_selector(LIVE)
    state = page.locator("siren-button").get_attribute("data-state")
    words = page.locator("siren-button .word").inner_text()
    assert (state, words) in {("blocked", "声音未开启，点击开启"), ("ready", "声音已开")}


def test_a_second_screen_sees_who_took_it_and_cannot_take_it_too(
    open_page: Open, site: Site
) -> None:
    alert = site.raise_alert()
    first, second = open_page("liqiang"), open_page("wanglei")
    second.wait_for_selector("#detail [data-do=acknowledge]")
    first.click("#detail [data-do=acknowledge]")
    expect(second.locator(f"#alert-{alert}")).to_contain_text("李强 处理中")
    expect(second.locator("#detail .done")).to_be_visible()
    assert site.alert(alert).version == 2


def test_who_is_late_sees_the_present_state(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page()
    page.wait_for_selector("#detail [data-do=acknowledge]")
    # What was drawn from an older version is posted, as when two press in the same moment.
    page.evaluate("document.querySelector('#detail [name=version]').value = '7'")
    page.click("#detail [data-do=acknowledge]")
    expect(page.locator("#detail .notice")).to_contain_text("情况有变化")
    assert site.alert(alert).handling == "unacked"


def test_closing_asks_for_a_cause_and_then_the_row_goes(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page()
    page.wait_for_selector("#detail [data-do=close]")
    page.keyboard.press("c")
    dialog = page.locator("dialog#ask")
    expect(dialog).to_be_visible()
    dialog.locator(".confirm").click()
    expect(dialog).to_be_visible()  # the browser itself asks for a choice
    dialog.get_by_text("误报").click()
    dialog.locator("textarea").fill("风吹的")
    dialog.locator(".confirm").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(f"#alert-{alert}")).to_have_count(0)
    expect(page.locator("#no-alerts")).to_be_visible()
    assert (site.alert(alert).cause, site.alert(alert).note) == ("false", "风吹的")


def test_the_keyboard_is_enough(open_page: Open, site: Site) -> None:
    first = site.raise_alert()
    second = site.raise_alert("门被强行打开", severity=2, device="b6-door")
    page = open_page()
    expect(page.locator(f'#alert-{first} a[aria-current="true"]')).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f'#alert-{second} a[aria-current="true"]')).to_be_focused()
    expect(page.locator("#detail-title")).to_contain_text("门被强行打开")
    page.keyboard.press("d")
    page.wait_for_selector("dialog#ask[open]")
    page.keyboard.press("Escape")
    expect(page.locator("dialog#ask")).to_be_hidden()
    page.keyboard.press("Space")
    expect(page.locator(f"#alert-{second}")).to_have_class(ACKED)
    assert site.alert(first).handling == "unacked"
    page.keyboard.press("m")
    expect(page.locator("site-map .leaflet-container")).to_be_focused()


def test_the_panel_shows_the_last_of_many_quick_choices(open_page: Open, site: Site) -> None:
    for number in range(8):
        site.raise_alert(f"第 {number} 条", severity=2, ago=timedelta(minutes=number))
    page = open_page()
    page.wait_for_selector("#detail [data-do=acknowledge]")
    for _ in range(7):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    last = page.locator("#alerts > li").nth(7)
    expect(last).to_have_class(ACKED)
    expect(page.locator("#detail-title")).to_contain_text("第 7 条")
    expect(page.locator("#alerts > li.unacked")).to_have_count(7)


def test_single_keys_can_be_switched_off(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page()
    page.wait_for_selector("#detail [data-do=acknowledge]")
    page.click("details.menu summary")
    page.click("#keys-toggle")
    page.keyboard.press("Escape")
    page.locator(f"#alert-{alert} a").focus()
    page.keyboard.press("c")
    page.wait_for_timeout(400)
    expect(page.locator("dialog#ask")).to_be_hidden()


def test_a_change_steals_neither_focus_nor_a_half_written_note(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page()
    page.fill("#comment", "我在路")
    site.raise_alert("新的", severity=1)
    site.change(alert, occurrences=2)
    expect(page.locator(f"#alert-{alert}")).to_contain_text("共 2 次")
    page.wait_for_timeout(500)
    page.keyboard.type("上")
    expect(page.locator("#comment")).to_have_value("我在路上")
    expect(page.locator(f'#alert-{alert} a[aria-current="true"]')).to_be_visible()


def test_a_double_click_acknowledges_once(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page()
    page.dblclick("#detail [data-do=acknowledge]")
    expect(page.locator("#detail .done")).to_be_visible()
    page.wait_for_timeout(300)
    assert site.alert(alert).version == 2


def test_a_frozen_screen_says_so_and_shows_what_it_missed(
    open_page: Open, site: Site, screens: Screens
) -> None:
    page = open_page()
    expect(page.locator(LIVE)).to_be_visible()
    page.evaluate(HEAR)
    page.mouse.click(960, 40)
    expect(page.locator('siren-button[data-state="ready"]')).to_be_visible()
    assert page.evaluate("window.heard") == []
    screens.stop()
    banner = page.locator("stale-banner")
    expect(banner).to_be_visible(timeout=12_000)
    assert page.evaluate("window.heard") == [440, 330]  # nobody need look to know
    expect(banner).to_contain_text(re.compile(r"自 \d\d:\d\d:\d\d"))
    page.click("details.menu summary")  # the page itself still works
    alert = site.raise_alert()
    screens.start()
    expect(banner).to_be_hidden(timeout=12_000)
    expect(page.locator(f"#alert-{alert}")).to_be_visible()


def test_a_wrong_clock_does_not_hide_that_nothing_came(open_page: Open) -> None:
    page = open_page()
    page.add_init_script("const real = Date.now; Date.now = () => real() + 3_600_000")
    page.route("**/stream?*", lambda route: route.abort())
    page.reload()
    expect(page.locator("stale-banner")).to_be_visible(timeout=9000)


def test_a_failed_action_is_said_in_words(open_page: Open, site: Site, screens: Screens) -> None:
    alert = site.raise_alert()
    page = open_page()
    page.wait_for_selector("#detail [data-do=acknowledge]")
    screens.stop()
    page.click("#detail [data-do=acknowledge]")
    expect(page.locator("#toast")).to_contain_text("可能没有送达")
    assert site.alert(alert).handling == "unacked"
    screens.start()


def test_a_logged_out_screen_says_so(open_page: Open, screens: Screens) -> None:
    page = open_page()
    expect(page.locator(LIVE)).to_be_visible()
    page.context.clear_cookies()
    screens.stop()
    screens.start()
    expect(page.locator("stale-banner")).to_contain_text("您已退出登录", timeout=12_000)
    page.locator("stale-banner").get_by_role("link", name="登录").click()
    page.wait_for_url("**/login?next=%2Fwall")


def test_an_alert_out_of_sight_is_counted(open_page: Open, site: Site) -> None:
    for number in range(12):
        site.raise_alert(severity=2, ago=timedelta(minutes=number))
    page = open_page(size=(1280, 720))
    below = page.locator("#below")
    expect(below).to_be_visible()
    assert 5 <= int(below.locator(".count").inner_text()) <= 11
    hidden = page.locator("#alerts > li").nth(11)
    expect(hidden).not_to_be_in_viewport()
    for _ in range(3):
        below.click()
        page.wait_for_timeout(200)
    expect(hidden).to_be_in_viewport()


def test_among_a_thousand_alerts_a_new_one_touches_no_other_row(
    open_page: Open, site: Site
) -> None:
    """What keeps 1,000 open alerts from stuttering: the work for one does not grow with them."""
    site.raise_many(1000)
    page = open_page()
    expect(page.locator("#alerts > li")).to_have_count(1000)
    page.wait_for_selector(LIVE)
    page.evaluate(
        "() => { window.moved = 0; new MutationObserver((changes) => {"
        " for (const one of changes) {"
        " window.moved += one.addedNodes.length + one.removedNodes.length; }"
        " }).observe(document.querySelector('#alerts'), { childList: true }); }"
    )
    for _ in range(20):
        site.raise_alert(severity=1)
    expect(page.locator("#alerts > li.severity-1")).to_have_count(20)
    # one row in for each, and at most one out and in again should it be drawn twice
    assert 20 <= page.evaluate("window.moved") <= 60
    hidden = page.locator("#alerts > li").last
    assert hidden.evaluate("e => getComputedStyle(e).contentVisibility") == "auto"


def test_what_is_shown_and_looked_at_is_receipted(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    site.tell(alert, "role:guard", "accepted", "in_app")
    page = open_page()
    page.wait_for_selector("#detail [data-do=acknowledge]")
    expect(page.locator("#detail .told")).to_contain_text("保安")
    page.wait_for_timeout(1000)
    assert site.delivery(alert) == "delivered"
    page.click(f"#alert-{alert}")
    page.wait_for_timeout(1000)
    assert site.delivery(alert) == "seen"


def test_an_acknowledged_alert_that_comes_again_moves_up_and_sounds(
    open_page: Open, site: Site
) -> None:
    minutes = timedelta(minutes=1)
    again = site.raise_alert("又来了", ago=9 * minutes, handling="acked")
    other = site.raise_alert("另一条", ago=3 * minutes, handling="acked")
    page = open_page()
    page.wait_for_selector(LIVE)
    page.mouse.click(960, 40)
    expect(page.locator('siren-button[data-state="ready"]')).to_be_visible()
    site.change(again, handling="unacked", acked_at=None, occurrences=2, activated_at=now())
    expect(page.locator('siren-button[data-state="sounding"]')).to_be_visible()
    rows = page.locator("#alerts > li")
    expect(rows.nth(0)).to_have_attribute("data-id", str(again))
    expect(rows.nth(0)).to_contain_text("未确认")
    expect(rows.nth(1)).to_have_attribute("data-id", str(other))
    page.reload()
    expect(rows.nth(0)).to_have_attribute("data-id", str(again))  # and stays there
    newest = site.raise_alert("最新的", ago=0 * minutes)
    expect(rows.nth(0)).to_have_attribute("data-id", str(newest))


def test_an_alert_that_comes_again_is_receipted_again(open_page: Open, site: Site) -> None:
    page = open_page()
    page.wait_for_selector(LIVE)
    held: list[Route] = []
    page.route("**/receipts", lambda route: held.append(route))  # noqa: PLW0108 - it reads the arity
    with page.expect_request("**/receipts"):
        alert = site.raise_alert()
    with page.expect_request("**/receipts") as receipt:
        site.change(alert, occurrences=2, activated_at=now())
        page.wait_for_selector(f"#alert-{alert}[data-version='{site.alert(alert).version}']")
        held.pop(0).continue_()  # the answer to the first does not cover the second
    assert receipt.value.post_data_json["alerts"] == [str(alert)]


def test_a_row_that_has_gone_leaves_nothing_in_memory(open_page: Open, site: Site) -> None:
    alert = site.raise_alert(severity=2)
    page = open_page()
    page.wait_for_selector(LIVE)
    page.evaluate(f"window.gone = new WeakRef(document.getElementById('alert-{alert}'))")
    site.change(alert, handling="closed")
    expect(page.locator(f"#alert-{alert}")).to_have_count(0)
    page.wait_for_timeout(500)  # the observer hears of it a frame later
    page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
    assert page.evaluate("window.gone.deref() === undefined")


def test_a_device_retired_meanwhile_leaves_the_plan(open_page: Open, site: Site) -> None:
    page = open_page()
    camera = page.locator("site-map [aria-label='摄像机 C-02']")
    expect(camera).to_be_visible()
    with transaction(site.engine) as session:
        session.get_one(Device, site.devices["cam-02"]).state = "retired"
    page.evaluate("document.dispatchEvent(new CustomEvent('anju:device'))")
    expect(camera).to_have_count(0)
    expect(page.locator("site-map [aria-label='摄像机 C-07']")).to_be_visible()


def test_no_lesser_alert_on_the_plan_covers_a_worse_one(open_page: Open, site: Site) -> None:
    site.raise_alert("紧急按钮按下", device="b2-201-sos")
    site.raise_alert("电池电量低", severity=4, device="b2-301-sos")  # a little lower on the plan
    page = open_page()
    spot = page.locator("site-map .spot.severity-1 .dot")
    expect(spot).to_be_visible()
    expect(page.locator("site-map .spot.severity-4")).to_be_visible()
    height = "e => Number(getComputedStyle(e.closest('.leaflet-marker-icon')).zIndex)"
    lesser = page.locator("site-map .spot.severity-4").evaluate(height)
    assert spot.evaluate(height) > lesser


def test_a_camera_on_the_plan_opens_beside_it(open_page: Open) -> None:
    page = open_page()
    page.locator("site-map [aria-label='摄像机 C-02']").click()
    expect(page.locator("#detail")).to_contain_text("摄像机 C-02")
    expect(page.locator("#detail")).to_contain_text("北门")
