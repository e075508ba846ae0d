"""What the community office does in a day: homes, their word, families, an elder's alert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from guarded_site import PASSWORD, Site
from keyboard import focused, follow, log_in_by_keys, press, tab_to, write
from playwright.sync_api import Browser, Page, expect
from role_people import a_flat_without_a_home, a_sensor_at, add_people, user_id
from screens import Screens
from sqlalchemy import select
from sqlalchemy.orm import Session

from anju_platform.alerts.model import TimelineEntry
from anju_platform.audit.model import AuditEntry
from anju_platform.auth.model import HomeScope
from anju_platform.database import now
from anju_platform.notifications.model import Notification
from anju_platform.people.model import Contact, Household, Resident
from anju_platform.sharing.model import Consent

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
DESK = (1280, 720)
ZONE = ZoneInfo("Asia/Shanghai")
SHEET = """房号,类别,姓名,出生日期,老人,关系,电话,有钥匙
3 栋 2 单元 901,居民,吴秀英,1941-05-12,是,,,
3 栋 2 单元 901,联系人,吴强,,,儿子,13700001234,是
"""


@pytest.fixture(autouse=True)
def _people(site: Site) -> None:
    add_people(site)


def new_page(chromium: Browser, screens: Screens, *, language: str = "zh-CN") -> Page:
    context = chromium.new_context(
        base_url=screens.url,
        viewport={"width": DESK[0], "height": DESK[1]},
        locale=language,
    )
    return context.new_page()


def test_a_home_comes_in_and_gives_its_word_and_its_family_is_invited(
    chromium: Browser, screens: Screens, site: Site, tmp_path: Path
) -> None:
    """All of it by keyboard, and looked at in the database in the end."""
    a_flat_without_a_home(site)
    file = tmp_path / "居民.csv"
    file.write_text(SHEET, "utf-8")
    page = new_page(chromium, screens)
    page.on("filechooser", lambda _: None)  # else the first one may open before it is looked for
    log_in_by_keys(page, "hemin")
    page.wait_for_url("**/wall")
    press(page, "何敏 的菜单")
    follow(page, "住户")
    follow(page, "导入居民")
    tab_to(page, "选择文件")
    with page.expect_file_chooser() as asked:
        page.keyboard.press("Enter")
    asked.value.set_files(file)
    follow(page, "查看将有哪些更改")
    expect(page.get_by_role("table")).to_contain_text("吴秀英")
    follow(page, "确认导入")
    expect(page.get_by_role("status").last).to_contain_text("导入")
    a_sensor_at(site, "b3-901", "b3-901-pir")
    gives_its_word(page)
    link = invites(page, "b3-901", "h-b3-901")
    family = new_page(chromium, screens)
    family.goto(link)
    family.keyboard.type("wuqiang")
    family.keyboard.press("Tab")
    family.keyboard.type(PASSWORD)
    family.keyboard.press("Enter")
    family.wait_for_url("**/login?next=/")
    log_in_by_keys(family, "wuqiang")
    family.wait_for_url("**/family**")
    expect(family.locator("main")).to_contain_text("3 栋 2 单元 901")
    for each in (page, family):
        each.context.close()
    with Session(site.engine) as session:
        home = session.scalars(select(Household).where(Household.slug == "h-b3-901")).one()
        residents = select(Resident).where(Resident.household_id == home.id)
        (wu,) = session.scalars(residents)
        assert (wu.name, str(wu.born_on), wu.elder) == ("吴秀英", "1941-05-12", True)
        (son,) = session.scalars(select(Contact).where(Contact.household_id == home.id))
        assert (son.name, son.phone, son.has_key) == ("吴强", "13700001234", True)
        (word,) = session.scalars(select(Consent).where(Consent.household_id == home.id))
        said = (word.person, word.viewer, word.sensors, word.purpose, word.given, word.note)
        assert said == ("吴秀英", "role:family", "all", "care", True, "纸质存档 17 号")
        scope = select(HomeScope).where(HomeScope.user_id == user_id(site, "wuqiang"))
        found = session.scalars(scope).one()
        assert (found.household_id, found.relation) == (home.id, "儿子")


def gives_its_word(page: Page) -> None:
    """Write down by keyboard that the elder lets her family see what her sensors say."""
    page.goto("/consents")
    follow(page, "3 栋 2 单元 901")
    tab_to(page, "当事人")
    tab_to(page, "查看者")
    page.keyboard.press("Home")
    for _ in range(12):
        if page.evaluate("document.activeElement.value") == "role:family":
            break
        page.keyboard.press("ArrowDown")
    tab_to(page, "用途")
    write(page, "备注", "纸质存档 17 号")
    follow(page, "登记")
    expect(page.get_by_role("table").first).to_contain_text("家属")
    expect(page.get_by_role("table").last).to_contain_text("纸质存档 17 号")


def invites(page: Page, mistaken: str, home: str) -> str:
    """Invite the son by keyboard, at the second go; gives the link that is shown once."""
    page.goto("/people")
    write(page, "姓名", "吴强")
    write(page, "关系", "儿子")
    for typed in (mistaken, home):
        write(page, "住户（家属）或位置", typed)
        page.keyboard.press("Escape")  # the list of homes that opens while one types
        follow(page, "生成链接")
        if typed == mistaken:
            expect(page.get_by_role("alert").first).to_contain_text("没有住户“b3-901”")
            expect(page.locator("[name=name]")).to_have_value("吴强")
    return page.locator(".notice.good code").inner_text()


def test_an_elders_alert_is_taken_on_sent_to_and_closed(
    chromium: Browser, screens: Screens, site: Site
) -> None:
    """In English, with the keys of the wall and its dialogs; the report has it in the end."""
    page = new_page(chromium, screens, language="en")
    log_in_by_keys(page, "olivia")
    page.wait_for_url("**/wall")
    alert = site.raise_alert()
    row = page.locator(f"#alert-{alert}")
    expect(row).to_contain_text("Suspected fall")
    expect(page.locator("#detail .contacts")).to_contain_text("13812342231")
    tab_to(page, "Acknowledge")
    page.keyboard.press("Enter")
    expect(page.locator("#detail .done")).to_be_focused()
    press(page, "Dispatch")
    dialog = page.locator("dialog#ask")
    expect(dialog.locator("input").nth(3)).to_be_focused()
    tab_to(page, "Back")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert focused(page).startswith("Dispatch")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    choose(page, "Gordon Reid")
    press(page, "Send")
    expect(dialog).to_be_hidden()
    assert focused(page).startswith("Dispatch")
    expect(row).to_contain_text("Gordon Reid has it")
    write(page, "Note", "Gordon is on his way, the daughter knows")
    page.keyboard.press("Enter")
    expect(page.locator("#detail .timeline")).to_contain_text("the daughter knows")
    assert focused(page) == "Note"
    press(page, "Close", key="Shift+Tab")
    choose(page, "It was real")
    write(page, "Note (what was found", "Bruised, taken to hospital")
    press(page, "Close the alert")
    expect(row).to_have_count(0)
    assert focused(page)
    closed = site.alert(alert)
    assert (closed.cause, closed.note) == ("true", "Bruised, taken to hospital")
    assert (closed.acked_by, closed.closed_by) == (site.users["olivia"],) * 2
    with Session(site.engine) as session:
        steps = select(TimelineEntry.kind).where(TimelineEntry.alert_id == alert)
        kinds = list(session.scalars(steps.order_by(TimelineEntry.id)))
        assert kinds == ["raised", "acked", "dispatched", "commented", "closed"]
        told = select(Notification.recipient).where(Notification.alert_id == alert)
        assert f"user:{site.users['gordon']}" in set(session.scalars(told))
    prints_the_report(page, site)
    page.context.close()


def choose(page: Page, words: str) -> None:
    """Choose one of a dialog's answers with the arrow keys, from the first on."""
    page.wait_for_selector("dialog#ask[open] input[type=radio]")
    for _ in range(20):
        if words in focused(page):
            page.keyboard.press("Space")
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"there is no answer {words!r}")


def prints_the_report(page: Page, site: Site) -> None:
    page.goto("/reports")
    expect(page.get_by_role("region", name="How alerts were answered")).to_contain_text("P1")
    expect(page.get_by_role("region", name="Which rules rang")).to_contain_text("fall")
    tab_to(page, "PDF")
    with page.expect_download(timeout=60_000) as printed:
        page.keyboard.press("Enter")
    assert Path(printed.value.path()).read_bytes().startswith(b"%PDF")
    with Session(site.engine) as session:
        who = select(AuditEntry.actor).where(AuditEntry.action == "reports.printed")
        assert session.scalars(who).one() == "Olivia Hart"


def test_of_two_who_press_at_once_the_second_sees_who_was_faster(
    open_page: Open, site: Site
) -> None:
    alert = site.raise_alert()
    office, desk = open_page("hemin", size=DESK), open_page("paula", size=DESK)
    desk.wait_for_selector("#detail [data-do=acknowledge]")
    desk.route("**/stream?*", lambda route: route.abort())
    desk.context.set_offline(True)  # so that it does not see it by itself
    office.click("#detail [data-do=acknowledge]")
    expect(office.locator("#detail .done")).to_be_visible()
    desk.context.set_offline(False)
    desk.evaluate("document.querySelector('#detail [data-do=acknowledge]')?.focus()")
    desk.keyboard.press("Enter")
    expect(desk.locator("#detail .notice")).to_contain_text("何敏 was faster and has it")
    assert focused(desk)
    assert site.alert(alert).acked_by == site.users["hemin"]


def test_without_a_line_what_is_pressed_may_not_have_arrived(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("hemin", size=DESK)
    page.wait_for_selector("#detail [data-do=acknowledge]")
    page.context.set_offline(True)
    press(page, "确认")
    expect(page.locator("#toast")).to_contain_text("可能没有送达")
    assert focused(page).startswith("确认")
    assert site.alert(alert).handling == "unacked"
    page.context.set_offline(False)
    page.keyboard.press("Enter")
    expect(page.locator("#detail .done")).to_be_visible()
    assert site.alert(alert).acked_by == site.users["hemin"]


def test_what_was_answered_too_late_to_be_heard_is_not_called_undone(
    open_page: Open, site: Site
) -> None:
    """The line breaks after the server did it: to say that nothing was changed would be a lie."""
    alert = site.raise_alert()
    page = open_page("olivia", size=DESK)
    page.wait_for_selector("#detail [data-do=acknowledge]")

    def lose_the_answer(route: object) -> None:
        route.fetch()  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    page.route("**/ack", lose_the_answer)
    page.click("#detail [data-do=acknowledge]")
    expect(page.locator("#toast")).to_contain_text("may not have arrived")
    expect(page.locator("#toast")).not_to_contain_text("Nothing was changed")
    assert site.alert(alert).handling == "acked"


def test_a_form_without_a_line_is_not_sent_and_keeps_what_was_typed(
    open_page: Open, site: Site
) -> None:
    page = open_page("hemin", path="/consents/b3-501", size=DESK)
    note = page.locator("form[action='/consents/b3-501'] [name=note]").first
    note.fill("电话里说的")
    page.context.set_offline(True)
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.locator("#toast")).to_contain_text("没有发送任何内容")
    expect(note).to_have_value("电话里说的")
    page.context.set_offline(False)
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_role("table").last).to_contain_text("电话里说的")
    with Session(site.engine) as session:
        notes = select(Consent).where(Consent.note == "电话里说的")
        assert session.scalars(notes).one().recorded_by == site.users["hemin"]


@pytest.mark.parametrize("skew", [timedelta(hours=3), timedelta(hours=-3)])
def test_a_computer_whose_clock_is_wrong(open_page: Open, site: Site, skew: timedelta) -> None:
    alert = site.raise_alert(ago=timedelta(minutes=20))
    page = open_page("hemin", size=DESK)
    page.clock.install(time=now() + skew)
    page.reload()
    page.clock.run_for(4_000)
    expect(page.locator(f"#alert-{alert} time.since")).to_have_text("20 分")
    told = page.locator(".top .clock").inner_text()
    sites = {f"{now().astimezone(ZONE) - timedelta(seconds=n):%H:%M:%S}" for n in range(-30, 31)}
    assert told in sites
    expect(page.locator("stale-banner")).to_be_hidden()
    page.click("#detail [data-do=acknowledge]")
    expect(page.locator("#detail .done .number")).to_contain_text(f"{now().astimezone(ZONE):%H:}")
