"""The family's page on a telephone: it tells the truth, whatever happens to the line."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from guarded_site import Site
from lived_in import live_there
from playwright.sync_api import Page, expect
from screens import Screens

from anju_dashboards.rendering import STATIC
from anju_platform.auth.model import HomeScope
from anju_platform.database import transaction

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PHONE = (390, 844)
MOST_SCRIPT = 20 * 1024


def on_the_phone(open_page: Open, username: str = "zhangmin", **how: object) -> Page:
    return open_page(username, path="/family", size=PHONE, **how)


def rings(site: Site, **changed: object) -> object:
    words = {"title": "紧急求助", "title_en": "Help wanted", "icon": "sos"}
    return site.raise_alert(device="b3-501-sos", **(words | changed))  # type: ignore[arg-type]


def test_an_ordinary_day_then_an_alarm_then_somebody_has_it(open_page: Open, site: Site) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    state = page.locator(".state")
    expect(state).to_contain_text("今天一切如常")
    expect(state).to_contain_text("防护设备 5 / 5 在线")
    alert = rings(site)
    expect(state).to_contain_text("紧急情况", timeout=15_000)  # without a hand on the telephone
    expect(page.locator(".card.alert")).to_contain_text("尚无人接手")
    site.change(alert, handling="acked", acked_by=site.users["liqiang"])  # type: ignore[arg-type]
    expect(state).to_contain_text("正在处理", timeout=15_000)
    expect(page.locator(".card.alert")).to_contain_text("李强")


def test_two_of_the_family_at_once(open_page: Open, site: Site) -> None:
    live_there(site)
    rings(site)
    daughter, other = on_the_phone(open_page), on_the_phone(open_page, "mia")
    daughter.click("text=我去看看")
    expect(daughter.locator(".card.alert")).to_contain_text("您正在赶去")
    other.click("text=I'm going")  # an old page: it still offers to go
    expect(other.locator(".fault")).to_have_text("张敏 goes there already.")
    expect(other.locator(".card.alert")).to_contain_text("张敏 of the family goes there")
    daughter.click("text=我去不了了")
    expect(daughter.locator("text=我去看看")).to_be_visible()
    other.goto("/family")
    other.click("text=I'm going")
    expect(other.locator(".card.alert")).to_contain_text("You go there.")


def test_a_page_that_hears_nothing_says_so(open_page: Open, site: Site, screens: Screens) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    page.clock.install()
    page.reload()
    expect(page.locator(".state")).to_contain_text("今天一切如常")
    screens.stop()
    page.clock.run_for(45_000)
    expect(page.locator("#stale")).to_be_visible()
    expect(page.locator("#stale")).to_contain_text("起没有连接。")
    expect(page.get_by_text("现在的情况无法得知")).to_be_visible()
    expect(page.get_by_text("今天一切如常", exact=True)).to_be_hidden()
    screens.start()
    page.clock.run_for(15_000)
    expect(page.locator("#stale")).to_be_hidden()


def test_without_scripts_it_reads_and_posts(open_page: Open, site: Site) -> None:
    live_there(site)
    rings(site, severity=3)
    page = on_the_phone(open_page, java_script_enabled=False)
    expect(page.locator(".state")).to_contain_text("需要关注")
    page.click("text=我去看看")
    expect(page.locator(".state")).to_contain_text("正在处理")
    page.click("summary")
    page.click("button[value='24']")
    expect(page.locator(".state")).to_contain_text("已报备外出至")
    page.click("text=已经回家")
    expect(page.locator(".state")).not_to_contain_text("已报备外出至")
    page.click("text=谁查看过")
    expect(page.locator("section").last.locator("li").first).to_contain_text("张敏 家属")


def test_it_is_small_and_installable(open_page: Open, site: Site) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.reload()
    page.wait_for_load_state("networkidle")
    scripts = {url.split("?")[0].rsplit("/", 1)[1] for url in loaded if ".js" in url}
    own = {"family.js", "family-push.js", "farewell.js", "push-here.js"}
    assert scripts - {"sw.js"} == own
    written = sum((STATIC / "js" / name).stat().st_size for name in own | {"sw.js"})
    assert written < MOST_SCRIPT
    assert len(gzip.compress(Path(STATIC / "css" / "family.css").read_bytes())) < MOST_SCRIPT
    manifest = page.evaluate(
        "fetch(document.querySelector('link[rel=manifest]').href).then((it) => it.json())"
    )
    assert (manifest["start_url"], manifest["display"]) == ("/family", "standalone")
    sizes = {icon["sizes"]: icon["src"] for icon in manifest["icons"]}
    for size, src in sizes.items():
        of_it = f"fetch('{src}').then((it) => it.blob()).then(createImageBitmap)"
        width = page.evaluate(f"{of_it}.then((it) => it.width + 'x' + it.height)")
        assert width == size
    faults = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")
    found = {fault["errorId"] for fault in faults["installabilityErrors"]}
    assert found - {"in-incognito"} == set()  # every context of a test is


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), PHONE])
@pytest.mark.parametrize("username", ["zhangmin", "mia"])
def test_every_state_fits_and_is_accessible(
    open_page: Open, site: Site, username: str, size: tuple[int, int]
) -> None:
    page = open_page(username, path="/family", size=size)
    live_there(site)
    faults = {}
    for at, make in enumerate((lambda: None, lambda: rings(site), lambda: rings(site, severity=3))):
        make()
        for path in ("/family", "/family/b3-501/looks", "/me"):
            page.goto(path)
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            serious = [
                fault["id"]
                for fault in Axe().run(page).response["violations"]
                if fault["impact"] in {"serious", "critical"}
            ]
            if over or serious:
                faults[at, path] = over, serious
    assert faults == {}


def test_a_log_in_that_is_over_leads_to_the_log_in(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    page.context.clear_cookies()
    page.wait_for_url(re.compile("/login"), timeout=20_000)
    with httpx.Client(base_url=screens.url) as anybody:
        assert anybody.get("/family").headers["location"].startswith("/login")
        assert anybody.get("/family.webmanifest").status_code == 200


def test_a_message_leads_to_the_home_it_is_about(open_page: Open, site: Site) -> None:
    live_there(site)
    with transaction(site.engine) as session:
        other = site.households["b1-101"]
        session.add(HomeScope(user_id=site.users["zhangmin"], household_id=other, relation="侄女"))
    live_there(site, "b1-101")
    page = on_the_phone(open_page)
    expect(page.locator(".homes a")).to_have_count(2)
    alert = site.raise_alert(device="b1-101-sos")
    page.goto("/family")  # the worst home first
    expect(page.locator(".homes a").first).to_have_attribute("aria-current", "page")
    expect(page.locator(".homes a").first).to_have_attribute("title", "紧急情况")
    expect(page.locator(".state")).to_contain_text("紧急情况")
    page.goto("/family?home=b3-501")
    expect(page.locator(".state")).to_contain_text("今天一切如常")
    page.goto(f"/family/alerts/{alert}")
    assert page.url.endswith("/family?home=b1-101")


def test_what_changes_is_shown_though_a_button_has_the_focus(open_page: Open, site: Site) -> None:
    live_there(site)
    rings(site, severity=3)
    page = on_the_phone(open_page)
    page.clock.install()
    page.reload()
    page.focus("text=我去看看")
    rings(site)
    page.clock.run_for(12_000)
    expect(page.locator(".state")).to_contain_text("紧急情况")
    assert page.evaluate("document.activeElement.closest('form')?.action ?? ''") != ""


def test_after_a_sleep_the_page_does_not_look_fresh(
    open_page: Open, site: Site, screens: Screens
) -> None:
    live_there(site)
    page = on_the_phone(open_page)
    page.clock.install()
    page.reload()
    screens.stop()
    page.clock.fast_forward(8 * 3600 * 1000)  # timers stand still, the clock goes on
    expect(page.locator("#stale")).to_be_visible()
    screens.start()
