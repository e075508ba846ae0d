"""Logging in by another provider in a browser, also without JavaScript: linked, used, unlinked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from guarded_site import PASSWORD, Site
from looking import SIZES, look
from playwright.sync_api import Browser, Page, expect
from provider import OpenIdProvider, settings
from screens import Screens
from second_step import Telephone

from anju_platform.auth.oidc import provider as asking

pytestmark = pytest.mark.browser


@dataclass
class Visit:
    """A browser before the screens, and the provider beside them."""

    page: Page
    provider: OpenIdProvider
    size: str
    scripted: bool

    def look(self, name: str) -> None:
        if self.scripted:  # axe is a script
            look(self.page, f"oidc-{name}-{self.size}")

    def give_password(self) -> None:
        self.page.goto("/login?next=/me")
        self.page.fill("[name=username]", "liqiang")
        self.page.fill("[name=password]", PASSWORD)
        self.page.keyboard.press("Enter")

    def by_the_provider(self) -> None:
        self.page.goto("/login?next=/me")
        self.page.get_by_role("link", name="用物业账号登录").click()

    def log_out(self) -> None:
        csrf = self.page.locator("form[action='/logout'] [name=csrf]").first.get_attribute("value")
        answer = self.page.request.post("/logout", form={"csrf": csrf or ""})
        assert answer.url.endswith("/login")


@pytest.fixture(params=[("laptop", True), ("phone", True), ("phone", False)])
def visit(
    site: Site,
    chromium: Browser,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Visit]:
    monkeypatch.setattr(asking, "PATIENCE_S", 60.0)
    provider = OpenIdProvider()
    database = site.engine.url.render_as_string(hide_password=False)
    screens = Screens(database, **settings(provider))
    screens.start()
    size, scripted = request.param
    width, height = SIZES[size]
    context = chromium.new_context(
        base_url=screens.url,
        java_script_enabled=scripted,
        viewport={"width": width, "height": height},
    )
    yield Visit(context.new_page(), provider, size, scripted)
    context.close()
    screens.stop()
    provider.stop()


def test_a_person_links_logs_in_by_it_and_unlinks(visit: Visit) -> None:
    page = visit.page
    visit.by_the_provider()
    expect(page.locator(".notice")).to_contain_text("还没有在本系统绑定")
    visit.look("unknown")

    visit.give_password()
    page.click("a[href='/me/second-factor']")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    telephone = Telephone(page.locator(".secret").inner_text().replace(" ", ""))
    page.fill("[name=code]", telephone.code())
    page.keyboard.press("Enter")
    expect(page.locator(".codes code")).to_have_count(10)
    recovery = page.locator(".codes code").all_inner_texts()

    page.goto("/me")
    visit.look("me")
    page.click("a[href='/me/oidc']")
    visit.look("not-linked")
    for code in ("000000", recovery[0]):
        page.fill("[name=password]", PASSWORD)
        page.fill("[name=code]", code)
        page.keyboard.press("Enter")
        shown = ".notice" if code == "000000" else "a[href*='/authorize']"
        expect(page.locator(shown)).to_be_visible()
    visit.look("one-more-step")
    page.get_by_role("link", name="前往物业账号").click()
    page.wait_for_url("**/me/oidc")
    expect(page.locator(".card .status")).to_contain_text("已绑定")
    visit.look("linked")

    visit.log_out()
    visit.by_the_provider()
    page.wait_for_url("**/login/code?next=/me")
    page.goto("/wall")
    assert "/login?" in page.url
    page.goto("/login/code?next=/me")
    page.fill("form .digits", telephone.code())
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")

    page.click("a[href='/me/oidc']")
    page.get_by_role("button", name="解除绑定").click()
    expect(page.locator(".card .status")).to_contain_text("未绑定")
    visit.log_out()
    visit.by_the_provider()
    expect(page.locator(".notice")).to_contain_text("还没有在本系统绑定")


def test_without_the_provider_the_password_is_asked_for(visit: Visit) -> None:
    page = visit.page
    visit.provider.stop()
    for language in ("en", "zh"):
        page.goto(f"/login?lang={language}")
        page.click("a[href^='/login/oidc']")
        expect(page.locator(".notice")).to_contain_text("物业账号")
        visit.look(f"away-{language}")
    page.fill("[name=username]", "liqiang")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/wall")
