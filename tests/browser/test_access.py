"""The second step of a log-in in a browser: set up, given, lost; with the keyboard, without JS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from guarded_site import PASSWORD, Site
from looking import PICTURES, SIZES, look
from playwright.sync_api import Browser, Page, expect
from screens import Screens
from second_step import Telephone

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def set_up(page: Page) -> tuple[Telephone, list[str]]:
    """Read the key off the page, give its first code, and read the recovery codes."""
    telephone = Telephone(page.locator(".secret").inner_text().replace(" ", ""))
    page.fill("[name=code]", telephone.code())
    page.keyboard.press("Enter")
    codes = page.locator(".codes code")
    expect(codes).to_have_count(10)
    return telephone, codes.all_inner_texts()


@pytest.fixture
def fresh(chromium: Browser, screens: Screens) -> Iterator[Page]:
    """A browser without JavaScript that has never been here."""
    context = chromium.new_context(base_url=screens.url, java_script_enabled=False)
    page = context.new_page()
    yield page
    context.close()


def give_password(page: Page, username: str) -> None:
    """Give the password, and wait for the question for a code."""
    page.goto("/login?next=/me")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/login/code"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("username", ["liqiang", "grace", "zhangmin"])
def test_it_is_turned_on_and_asked_for(
    open_page: Open, fresh: Page, username: str, size: str
) -> None:
    page = open_page(username, path="/me", size=SIZES[size], reduced_motion="reduce")
    page.click("a[href='/me/second-factor']")
    look(page, f"factor-off-{username}-{size}")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".qr")).to_be_visible()
    look(page, f"factor-set-up-{username}-{size}")
    _, codes = set_up(page)
    look(page, f"factor-codes-{username}-{size}")
    page.goto("/me/second-factor")
    look(page, f"factor-on-{username}-{size}")
    give_password(fresh, username)
    fresh.fill("form .digits", "000000")
    fresh.keyboard.press("Enter")
    expect(fresh.locator(".notice")).to_be_visible()
    fresh.locator("summary").click()
    fresh.fill("details [name=code]", codes[0])
    fresh.keyboard.press("Enter")
    fresh.wait_for_url("**/me")


@pytest.mark.parametrize("size", SIZES)
def test_the_question_for_a_code_fits_everywhere(
    chromium: Browser, screens: Screens, open_page: Open, size: str
) -> None:
    page = open_page("liqiang", path="/me/second-factor", size=(1280, 720))
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    set_up(page)
    width, height = SIZES[size]
    for language in ("zh", "en"):
        context = chromium.new_context(
            base_url=screens.url, viewport={"width": width, "height": height}
        )
        other = context.new_page()
        other.goto(f"/login?lang={language}")
        give_password(other, "liqiang")
        expect(other.locator(".digits")).to_be_focused()
        look(other, f"code-{language}-{size}")
        other.click("summary")
        look(other, f"code-lost-{language}-{size}")
        context.close()


def test_who_must_have_it_sets_it_up_before_anything_else(site: Site, chromium: Browser) -> None:
    screens = Screens(
        site.engine.url.render_as_string(hide_password=False), second_factor_roles="guard"
    )
    screens.start()
    context = chromium.new_context(
        base_url=screens.url,
        java_script_enabled=False,
        viewport={"width": 390, "height": 844},
    )
    try:
        page = context.new_page()
        give_password(page, "liqiang")
        page.goto("/wall")
        assert "/login" in page.url
        page.goto("/login/code?next=/me")
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / "must-set-up.png", full_page=True)
        telephone, _ = set_up(page)
        page.click("text=已保存，继续")
        page.wait_for_url("**/me")
        page.goto("/me/second-factor")
        expect(page.locator("text=不能关闭")).to_be_visible()
        assert telephone.secret not in page.content()
    finally:
        context.close()
        screens.stop()


@pytest.mark.parametrize("size", SIZES)
def test_a_program_is_given_a_token_and_loses_it(
    open_page: Open, screens: Screens, size: str
) -> None:
    page = open_page("admin", path="/me", size=SIZES[size], reduced_motion="reduce")
    page.click("a[href='/me/tokens']")
    look(page, f"tokens-none-{size}")
    page.fill("[name=name]", "街道平台")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("请填写程序名称")
    expect(page.locator("[name=name]")).to_have_value("街道平台")
    page.check("[value=see_alerts]")
    page.check("[value=read_reports]")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    secret = page.locator(".notice code").inner_text()
    look(page, f"tokens-made-{size}")
    program = {"Authorization": f"Bearer {secret}"}
    alerts = f"{screens.url}/api/v1/alerts"
    assert httpx.get(alerts, headers=program).status_code == 200
    page.goto("/people")
    expect(page.locator(".way", has_text="街道平台")).to_contain_text("查看告警")
    look(page, f"people-{size}")
    page.get_by_role("button", name="吊销 街道平台 的令牌").click()
    expect(page.locator(".way", has_text="街道平台")).to_have_count(0)
    assert httpx.get(alerts, headers=program).status_code == 401
