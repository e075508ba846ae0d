"""What an auditor does: reads who did what, exports it; sees nobody's care, changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from guarded_site import Site
from keyboard import focused, follow, log_in_by_keys, press, tab_to, write
from lived_in import record_day
from playwright.sync_api import Browser, Page, expect
from role_people import add_people
from screens import Screens, log_in, send
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.audit.model import AuditEntry
from anju_platform.database import now

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
LAPTOP = (1280, 720)
PHONE = (390, 844)
ZONE = ZoneInfo("Asia/Shanghai")
PERSONAL = ("13812342231", "13900001122", "房颤", "华法林", "钥匙在 502", "周建国", "0.93")
"""What nobody of elsewhere may read of a home: telephones, health, the way in, readings."""


@pytest.fixture(autouse=True)
def _people(site: Site) -> None:
    add_people(site)


@pytest.fixture
def guard(screens: Screens) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=screens.url, follow_redirects=True, timeout=20) as client:
        yield log_in(client, "liqiang")


def test_the_audit_is_read_filtered_and_exported_by_keyboard(
    chromium: Browser, screens: Screens, site: Site, guard: httpx.Client
) -> None:
    alert = site.raise_alert()
    send(guard, f"/alerts/{alert}/ack", f"/alerts/{alert}", version="1", screen="alert")
    context = chromium.new_context(
        base_url=screens.url, viewport={"width": LAPTOP[0], "height": LAPTOP[1]}, locale="zh-CN"
    )
    page = context.new_page()
    log_in_by_keys(page, "qianshen", at="/alerts")
    page.wait_for_url("**/alerts")
    press(page, "管理")
    follow(page, "审计")
    table = page.get_by_role("region", name="审计")
    expect(table).to_contain_text("接手了告警")
    tab_to(page, "操作")
    choose(page, "alert.acked")
    write(page, "人员", "李强")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit?*")
    expect(table.locator("tbody tr")).to_have_count(1)
    expect(table.get_by_role("link", name=str(alert))).to_have_attribute("href", f"/alerts/{alert}")
    tab_to(page, "CSV")
    with page.expect_download() as sent:
        page.keyboard.press("Enter")
    rows = list(csv.reader(io.StringIO(Path(sent.value.path()).read_text("utf-8-sig"))))
    assert [row[2:5] for row in rows[1:]] == [["李强", "alert.acked", f"alert:{alert}"]]
    follow(page, str(alert), key="Shift+Tab")
    page.wait_for_url(f"**/alerts/{alert}")
    context.close()
    with Session(site.engine) as session:
        exported = select(AuditEntry).where(AuditEntry.action == "audit.exported")
        assert session.scalars(exported).one().user_id == site.users["qianshen"]


def choose(page: Page, value: str) -> None:
    """Choose one of a list's lines with the keys, from the first on."""
    page.keyboard.press("Home")
    for _ in range(200):
        if page.evaluate("document.activeElement.value") == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"there is no line {value!r}")


def test_nothing_of_a_home_is_shown_but_that_there_was_an_alert(
    open_page: Open, site: Site
) -> None:
    record_day(site, "b3-501-fall", "fall_radar", {"still_s": [0, 9, 38]})
    said = {"values": {"still_s": 38.0, "fall_confidence": 0.93}, "data": {}}
    alert = site.raise_alert(evidence=said)
    page = open_page("audrey", size=LAPTOP)
    expect(page.locator("#detail")).to_contain_text("Suspected fall")
    paths = ("/wall", f"/alerts/{alert}", "/devices/b3-501-fall", "/alerts", "/audit", "/reports")
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle") if path != "/wall" else None
        text = page.content()
        assert (path, [each for each in PERSONAL if each in text]) == (path, [])
        assert (path, page.locator("time-chart").count()) == (path, 0)
    for path in ("/homes", "/homes/b3-501", "/consents", "/consents/b3-501", "/people"):
        answer = page.goto(path)
        assert answer is not None
        assert (path, answer.status) == (path, 403)
        expect(page.get_by_role("heading", level=1)).to_have_text("You may not see this")


def test_who_only_looks_is_offered_nothing_and_refused_in_words(
    open_page: Open, site: Site
) -> None:
    """The keys of the wall do nothing either, and no form made by hand is taken."""
    alert = site.raise_alert()
    page = open_page("qianshen", size=LAPTOP)
    expect(page.locator(f'#alert-{alert} a[aria-current="true"]')).to_be_visible()
    expect(page.locator("#detail .incident")).to_be_visible()
    expect(page.locator("#detail .actions")).to_have_count(0)
    expect(page.locator(".keys")).not_to_contain_text("确认")
    for key in ("Space", "d", "c"):
        page.keyboard.press(key)
    page.wait_for_timeout(400)
    expect(page.locator("dialog#ask")).to_be_hidden()
    for path in (f"/alerts/{alert}/close", f"/alerts/{alert}/dispatch", "/waiting-devices"):
        answer = page.goto(path)
        assert answer is not None
        assert (path, answer.status) == (path, 403)
        expect(page.get_by_role("heading", level=1)).to_have_text("您无权查看")
        expect(page.locator("main")).to_contain_text("您的角色")
    page.goto(f"/alerts/{alert}")
    page.evaluate(
        """(path) => {
          const form = document.createElement("form");
          form.method = "post";
          form.action = path;
          const said = { csrf: document.body.dataset.csrf, version: "1", screen: "alert" };
          for (const [name, value] of Object.entries(said)) {
            form.append(Object.assign(document.createElement("input"), { name, value }));
          }
          document.body.append(form);
          form.requestSubmit();
        }""",
        f"/alerts/{alert}/ack",
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("您无权查看")
    assert site.alert(alert).handling == "unacked"
    page.get_by_role("link", name="回到首页").click()
    page.wait_for_url("**/wall")


def test_an_auditor_sees_live_what_others_do(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    auditor, guard = open_page("audrey", path=f"/alerts/{alert}", size=LAPTOP), open_page("grace")
    expect(auditor.locator('.live[data-state="live"]')).to_be_visible()
    guard.click("#detail [data-do=acknowledge]")
    expect(auditor.locator(".incident .state")).to_contain_text("Grace Hill has it")
    expect(auditor.locator(".timeline")).to_contain_text("Grace Hill")


def test_a_search_without_a_line_is_said_to_have_gone_nowhere(open_page: Open) -> None:
    page = open_page("audrey", path="/audit", size=PHONE)
    page.locator("[name=person]").fill("Grace")
    page.context.set_offline(True)
    page.locator("form.filters button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("nothing was sent")
    assert focused(page) == "Search"
    expect(page.locator("[name=person]")).to_have_value("Grace")
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit?person=Grace*")


@pytest.mark.parametrize("skew", [timedelta(days=2), timedelta(days=-2)])
def test_the_audits_times_are_the_sites(open_page: Open, skew: timedelta) -> None:
    page = open_page("audrey", path="/audit", size=LAPTOP)
    page.clock.install(time=now() + skew)
    page.goto("/audit")
    moments = {f"{now().astimezone(ZONE) - timedelta(minutes=n):%Y-%m-%d %H:%M}" for n in range(3)}
    newest = page.locator("table.audit tbody tr td").first.inner_text()
    assert newest[:16] in moments
    assert page.locator(".top .clock").inner_text()[:2] == f"{now().astimezone(ZONE):%H}"
