"""What a grid worker does on a telephone: is sent, takes it on, reports what was found."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from guarded_site import Site
from keyboard import focused, follow, log_in_by_keys, press, tab_to, write
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from role_people import add_people, an_alert_elsewhere
from screens import Screens
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import TimelineEntry
from anju_platform.database import now
from anju_platform.notifications.model import Notification

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE = (390, 844)
ZONE = ZoneInfo("Asia/Shanghai")
WORDS = {
    "sunhao": {"go": "孙浩", "add": "添加", "has": "孙浩 处理中", "none": "没有这个页面"},
    "gordon": {"go": "Gordon Reid", "add": "Add", "has": "Gordon Reid has it", "none": "no such"},
}


@pytest.fixture(autouse=True)
def _people(site: Site) -> None:
    add_people(site)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    written = io.BytesIO()
    Image.radial_gradient("L").resize((900, 1200)).convert("RGB").save(written, "JPEG")
    path = tmp_path / "door.jpg"
    path.write_bytes(written.getvalue())
    return path


def steps(site: Site, alert: uuid.UUID) -> list[str]:
    with Session(site.engine) as session:
        query = select(TimelineEntry.kind).where(TimelineEntry.alert_id == alert)
        return list(session.scalars(query.order_by(TimelineEntry.id)))


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("username", ["sunhao", "gordon"])
def test_sent_by_the_office_and_closed_by_it(
    open_page: Open, site: Site, photo: Path, username: str, *, javascript: bool
) -> None:
    """With a script and without: he is told, goes, reports with a photo; the office closes."""
    said = WORDS[username]
    far = site.raise_alert(
        device="b1-101-sos", title="紧急求助", title_en="Help wanted", icon="sos"
    )
    page = open_page(username, path="/alerts", size=PHONE, java_script_enabled=javascript)
    expect(page.locator(".empty")).to_be_visible()  # building 1 is not his
    office = open_page("olivia", path=f"/alerts/{far}/dispatch", size=(1280, 720))
    office.get_by_label(said["go"]).check()
    office.get_by_role("button", name="Send").click()
    office.wait_for_url(f"**/alerts/{far}")
    with Session(site.engine) as session:
        told = select(Notification.recipient).where(Notification.alert_id == far)
        assert f"user:{site.users[username]}" in set(session.scalars(told))
    page.goto("/")
    page.locator("td.main a").click()
    page.wait_for_url(f"**/alerts/{far}")
    expect(page.locator(".state")).to_contain_text(said["has"])
    expect(page.locator(".contacts")).to_contain_text("13812342231")
    page.set_input_files("input[name=photo]", photo)
    page.fill("#comment", "门已打开，人无恙")
    page.get_by_role("button", name=said["add"], exact=True).click()
    expect(page.locator(".timeline .photo img")).to_be_visible()
    expect(page.locator(".timeline li").last).to_contain_text("人无恙")
    for action in ("close", "dispatch", "shelve"):
        expect(page.locator(f"[data-do={action}]")).to_have_count(0)
    office.reload()
    expect(office.locator(".timeline .photo img")).to_be_visible()
    office.goto(f"/alerts/{far}/close")
    office.get_by_label("It was real").check()
    office.get_by_role("button", name="Close the alert").click()
    expect(office.locator(".state")).to_contain_text("Closed")
    page.reload()
    expect(page.locator(".contacts")).to_have_count(0)
    expect(page.locator("form.comment")).to_have_count(0)
    assert steps(site, far) == ["raised", "acked", "dispatched", "commented", "closed"]
    assert site.alert(far).owner_id == site.users[username]


@pytest.mark.parametrize("javascript", [True, False])
def test_of_his_own_building_he_takes_on_himself(
    open_page: Open, site: Site, *, javascript: bool
) -> None:
    alert = site.raise_alert()
    page = open_page("sunhao", path="/alerts", size=PHONE, java_script_enabled=javascript)
    page.locator("td.main a").click()
    page.click("[data-do=acknowledge]")
    expect(page.locator(".done")).to_be_visible()
    page.click("[data-do=card]")
    expect(page.locator(".emergency")).to_contain_text("北京市海淀区向阳路 8 号")
    taken = site.alert(alert)
    assert (taken.handling, taken.acked_by) == ("acked", site.users["sunhao"])


@pytest.mark.parametrize("javascript", [True, False])
def test_what_is_not_his_is_not_there(open_page: Open, site: Site, *, javascript: bool) -> None:
    """Another community's alert, another building's, and the pages of the desk."""
    elsewhere = an_alert_elsewhere(site)
    next_door = site.raise_alert(device="b1-101-sos")
    page = open_page("gordon", path="/alerts", size=PHONE, java_script_enabled=javascript)
    for path, status in (
        (f"/alerts/{elsewhere}", 404),
        (f"/alerts/{next_door}", 404),
        (f"/alerts/{next_door}/close", 403),
        ("/devices", 403),
        ("/homes", 403),
        ("/rota", 403),
    ):
        answer = page.goto(path)
        assert answer is not None
        assert (path, answer.status) == (path, status)
        heading = "You may not see this" if status == 403 else "There is nothing here"
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        assert "Suspected fall" not in page.content()
    page.get_by_role("link", name="To the start").click()
    page.wait_for_url("**/alerts")


def test_by_keyboard_alone(chromium: Browser, screens: Screens, site: Site, photo: Path) -> None:
    alert = site.raise_alert()
    context = chromium.new_context(
        base_url=screens.url, viewport={"width": PHONE[0], "height": PHONE[1]}, locale="zh-CN"
    )
    page = context.new_page()
    log_in_by_keys(page, "sunhao")
    page.wait_for_url("**/alerts")
    follow(page, "疑似跌倒")
    page.wait_for_url(f"**/alerts/{alert}")
    press(page, "120 · 119 · 110")
    card = page.locator("dialog#ask")
    expect(card).to_be_visible()
    assert focused(page).startswith("120")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    assert focused(page).startswith("120 · 119 · 110")
    press(page, "确认")
    expect(page.locator(".done")).to_be_focused()
    write(page, "备注", "已到门口")
    tab_to(page, "照片")
    with page.expect_file_chooser(timeout=5_000) as asked:
        page.keyboard.press("Space")
    asked.value.set_files(photo)
    press(page, "添加", key="Shift+Tab")
    expect(page.locator(".timeline .photo img")).to_be_visible()
    assert focused(page).startswith("添加")
    press(page, "孙浩 的菜单", key="Shift+Tab")
    follow(page, "退出登录")
    page.wait_for_url("**/login")
    context.close()
    assert steps(site, alert) == ["raised", "card_opened", "acked", "commented"]


def test_who_was_faster_is_said_on_the_telephone(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("gordon", path=f"/alerts/{alert}", size=PHONE)
    guard = open_page("liqiang")
    guard.click("#detail [data-do=acknowledge]")
    expect(guard.locator("#detail .done")).to_be_visible()
    page.click("[data-do=acknowledge]")  # his page is not live, and says as of when it is
    expect(page.locator(".notice")).to_contain_text("李强 was faster and has it")
    expect(page.locator(".done")).to_be_visible()
    assert site.alert(alert).acked_by == site.users["liqiang"]


def test_in_a_lift_without_a_line(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("sunhao", path=f"/alerts/{alert}", size=PHONE)
    page.context.set_offline(True)
    page.click("[data-do=acknowledge]")
    expect(page.locator("#toast")).to_contain_text("可能没有送达")
    page.fill("#comment", "在电梯里")
    page.get_by_role("button", name="添加", exact=True).click()
    expect(page.locator("#toast")).to_contain_text("可能没有送达")
    expect(page.locator("#comment")).to_have_value("在电梯里")
    assert steps(site, alert) == ["raised"]
    page.context.set_offline(False)
    page.get_by_role("button", name="添加", exact=True).click()
    expect(page.locator(".timeline")).to_contain_text("在电梯里")
    expect(page.locator("#toast")).to_be_hidden()
    page.click("[data-do=acknowledge]")
    expect(page.locator(".done")).to_be_visible()
    assert steps(site, alert) == ["raised", "commented", "acked"]


@pytest.mark.parametrize("skew", [timedelta(hours=4), timedelta(hours=-4)])
def test_a_telephone_whose_clock_is_wrong(open_page: Open, site: Site, skew: timedelta) -> None:
    alert = site.raise_alert()
    page = open_page("sunhao", path=f"/alerts/{alert}", size=PHONE)
    page.clock.install(time=now() + skew)
    page.reload()
    page.clock.run_for(3_000)
    moments = {f"{now().astimezone(ZONE) - timedelta(minutes=n):%H:%M}" for n in range(2)}
    assert any(each in page.locator(".top .clock").inner_text() for each in moments)
    page.click("[data-do=acknowledge]")
    expect(page.locator(".done")).to_be_visible()
    assert page.locator(".done .number").inner_text()[:5] in moments
    assert abs(site.alert(alert).acked_at - now()) < timedelta(minutes=1)
