"""What an installer does on the site: lets a device in, places it, replaces one, plans the work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from guarded_site import Site
from keyboard import focused, follow, log_in_by_keys, tab_to, write
from lived_in import record_day
from playwright.sync_api import Browser, Page, expect
from role_people import add_people, speaks_unknown
from screens import Screens
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.windows.model import Window
from anju_platform.audit.model import AuditEntry
from anju_platform.database import now
from anju_platform.registry.model import Device

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE = (390, 844)
LAPTOP = (1280, 720)
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def _people(site: Site) -> None:
    add_people(site)


def device(site: Site, slug: str) -> Device:
    with Session(site.engine, expire_on_commit=False) as session:
        return session.scalars(select(Device).where(Device.slug == slug)).one()


def windows(site: Site) -> list[Window]:
    with Session(site.engine, expire_on_commit=False) as session:
        return list(session.scalars(select(Window).order_by(Window.id)))


def test_from_a_device_that_waits_to_work_that_is_done(
    chromium: Browser, screens: Screens, site: Site
) -> None:
    """All of it by keyboard."""
    speaks_unknown(site, "zb-77", door_state="closed", battery=96.0)
    context = chromium.new_context(
        base_url=screens.url, viewport={"width": LAPTOP[0], "height": LAPTOP[1]}, locale="zh-CN"
    )
    page = context.new_page()
    log_in_by_keys(page, "zhaogong")
    page.wait_for_url("**/devices")
    follow(page, "去批准")
    write(page, "位置（编号）", "b1")
    page.keyboard.press("Escape")
    write(page, "中文名称", "地下室门")
    follow(page, "批准 zb-77")
    page.wait_for_url("**/devices/zb-77")
    follow(page, "在平面图上")
    is_placed(page)
    is_replaced(page)
    is_worked_on(page)
    context.close()
    new = device(site, "zb-77")
    assert (new.name, new.place_id, new.household_id) == ("地下室门", site.places["b1"], None)
    assert (new.x, new.y) == (30.5, 28)
    old, sound = device(site, "b1-door"), device(site, "zb-78")
    assert (old.state, sound.replaces_id, sound.place_id) == ("retired", old.id, old.place_id)
    (work,) = windows(site)
    assert (work.device_id, work.reason) == (new.id, "调整安装角度")
    assert work.ended_by == site.users["zhaogong"]
    with Session(site.engine) as session:
        done = select(AuditEntry.action).where(AuditEntry.actor == "赵工")
        kinds = set(session.scalars(done))
    assert kinds >= {"device.added", "device.moved", "device.replaced", "maintenance.planned"}


def is_placed(page: Page) -> None:
    """Put the new one on the plan by typing metres, and move its marker by an arrow key."""
    page.wait_for_selector(".leaflet-marker-icon[data-slug=zb-77]")
    tab_to(page, "地下室门 · 1 栋")
    page.keyboard.press("ArrowRight")
    moved = page.locator("tr[data-slug=zb-77] [name=x]")
    expect(moved).not_to_have_value("")
    write(page, "地下室门 的 x", "30.5")
    write(page, "地下室门 的 y", "28")
    follow(page, "保存")
    expect(page.get_by_text("已保存：1 台设备换了位置")).to_be_visible()


def is_replaced(page: Page) -> None:
    """Put a new door contact in place of the broken one."""
    page.goto("/devices/b1-door")
    write(page, "新设备的编号", "zb-78")
    write(page, "原因", "磁铁脱落")
    follow(page, "更换")
    page.wait_for_url("**/devices/zb-78")
    expect(page.locator("main")).to_contain_text("b1-door")


def is_worked_on(page: Page) -> None:
    """Begin work on the new device, and end it."""
    page.goto("/devices/zb-77")
    follow(page, "登记检修")
    page.wait_for_url("**/maintenance?device=zb-77")
    write(page, "原因", "调整安装角度")
    follow(page, "登记检修")
    expect(page.locator(".ways")).to_contain_text("调整安装角度")
    follow(page, "结束：调整安装角度")
    expect(page.get_by_text("没有检修，没有演练")).to_be_visible()


def test_in_a_stairwell_with_a_telephone(open_page: Open, site: Site) -> None:
    """In English: history of a device, work on it, and of homes only what upkeep needs."""
    record_day(site, "b3-501-fall", "fall_radar", {"still_s": [0, 9, 38]})
    record_day(site, "b3-501-sos", "sos_button", {"battery": [60, 12, 9]})
    page = open_page("ivan", path="/devices", size=PHONE, has_touch=True)
    page.get_by_role("searchbox").fill("b3-501-sos")
    page.get_by_role("button", name="Search").click()
    page.locator("td.main a").click()
    page.get_by_role("link", name="7 days").click()
    expect(page.locator("time-chart[data-url$='field=battery'] .u-over")).to_be_visible()
    page.goto("/devices/b3-501-fall")
    expect(page.locator("main")).to_contain_text("Fall radar")
    assert page.locator("time-chart").count() == 0
    expect(page.locator("main")).not_to_contain_text("38")
    page.goto("/devices/b3-501-sos")
    page.get_by_role("link", name="Plan work").click()
    form = page.locator("form[action='/maintenance/work']")
    expect(form.locator("[name=device]")).to_have_value("b3-501-sos")
    form.locator("[name=reason]").fill("New battery")
    form.locator("[name=for_life]").check()
    form.locator("button").click()
    expect(page.locator(".ways")).to_contain_text("life-safety alarms too")
    (work,) = windows(site)
    assert (work.for_life, work.device_id) == (True, site.devices["b3-501-sos"])
    wall = open_page("grace")
    expect(wall.locator("#windows .life")).to_contain_text("New battery")
    page.get_by_role("button", name="End: New battery").click()
    expect(wall.locator("#windows .window")).to_have_count(0)


def test_what_is_not_an_installers_is_neither_offered_nor_opened(
    open_page: Open, site: Site
) -> None:
    """Rules are an administrator's to change and test; alerts and homes are for others."""
    alert = site.raise_alert()
    page = open_page("zhaogong", path="/devices", size=LAPTOP)
    offered = page.locator(".top a").evaluate_all("all => all.map(it => it.getAttribute('href'))")
    assert set(offered) == {"/", "/devices", "/system", "/maintenance", "/places", "/me"}
    for path in ("/rules", "/new-rule", "/alerts", f"/alerts/{alert}", "/homes", "/reports"):
        answer = page.goto(path)
        assert answer is not None
        assert (path, answer.status) == (path, 403)
        expect(page.get_by_role("heading", level=1)).to_have_text("您无权查看")
    page.get_by_role("link", name="回到首页").click()
    page.wait_for_url("**/devices")
    page.goto("/wall")
    page.wait_for_url("**/devices")


def test_of_two_who_let_the_same_device_in_the_second_is_told(open_page: Open, site: Site) -> None:
    speaks_unknown(site, "zb-77", motion=True)
    pages = [open_page(name, path="/waiting-devices", size=LAPTOP) for name in ("zhaogong", "ivan")]
    for page, place in zip(pages, ("b3-501", "b1"), strict=True):
        page.locator("[name=place]").fill(place)
    for page in pages:
        page.locator("form.approve button").click()
    pages[0].wait_for_url("**/devices/zb-77")
    expect(pages[1].get_by_role("alert").first).to_contain_text("there is a device 'zb-77' already")
    assert device(site, "zb-77").household_id == site.households["b3-501"]


def test_what_cannot_be_let_in_is_said_in_ones_language(open_page: Open, site: Site) -> None:
    speaks_unknown(site, "b1-door", door_state="open")
    speaks_unknown(site, "zb-9", motion=True)
    page = open_page("zhaogong", path="/waiting-devices", size=LAPTOP)
    form = page.locator("form.approve", has=page.locator("[value=zb-9]"))
    form.locator("[name=place]").fill("b99")
    form.locator("[name=name]").fill("走廊")
    form.locator("button").click()
    expect(page.get_by_role("alert").first).to_contain_text("位置")
    expect(form.locator("[name=name]")).to_have_value("走廊")


def test_approving_without_a_line_sends_nothing_and_keeps_what_was_typed(
    open_page: Open, site: Site
) -> None:
    speaks_unknown(site, "zb-77", motion=True)
    page = open_page("ivan", path="/waiting-devices", size=PHONE)
    page.locator("[name=place]").fill("b1")
    page.context.set_offline(True)
    tab_to(page, "Approve zb-77")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("nothing was sent")
    assert focused(page) == "Approve zb-77"
    expect(page.locator("[name=place]")).to_have_value("b1")
    page.context.set_offline(False)
    page.locator("form.approve button").click()
    page.wait_for_url("**/devices/zb-77")
    assert device(site, "zb-77").place_id == site.places["b1"]


@pytest.mark.parametrize("skew", [timedelta(hours=5), timedelta(hours=-5)])
def test_a_laptop_whose_clock_is_wrong(open_page: Open, site: Site, skew: timedelta) -> None:
    record_day(site, "b1-door", "door", {"battery": [90, 80, 70]})
    page = open_page("ivan", path="/maintenance?device=b1-door", size=LAPTOP)
    page.clock.install(time=now() + skew)
    page.reload()
    page.locator("form[action='/maintenance/work'] [name=reason]").fill("New battery")
    page.locator("form[action='/maintenance/work'] button").click()
    expect(page.locator(".ways")).to_contain_text("New battery")
    (work,) = windows(site)
    assert abs(work.starts_at - now()) < timedelta(minutes=1)
    begun = f"{work.starts_at.astimezone(ZONE):%H:%M}"
    expect(page.locator(".ways .number")).to_contain_text(begun)
    page.goto("/devices/b1-door?hours=1")
    chart = page.locator("time-chart[data-url$='field=battery'] .u-over")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 30)
    expect(page.locator("time-chart .u-legend .u-value").first).to_contain_text(
        f"{now().astimezone(ZONE):%Y-%m-%d}"
    )
