"""The wall takes its whole list anew when too much was missed: nothing open may go lost in it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from guarded_site import Site
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
RESET = "document.dispatchEvent(new CustomEvent('anju:reset'))"
LIVE = '.live[data-state="live"]'


def ready(page: Page) -> Page:
    page.wait_for_selector(LIVE)
    page.evaluate("window.marker = 1")
    return page


def test_what_the_stream_says_meanwhile_outweighs_the_list_under_way(
    open_page: Open, site: Site
) -> None:
    staying = site.raise_alert("一直开着", severity=2)
    closing = site.raise_alert("就要结案", severity=2)
    page = ready(open_page())
    late = []

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        late.append(site.raise_alert("刚刚来的", severity=2))
        site.change(closing, handling="closed")
        page.wait_for_selector(f"#alert-{late[0]}")
        page.wait_for_selector(f"#alert-{closing}", state="detached")
        route.fulfill(response=answer)

    page.route("**/wall", answer_late)
    with page.expect_response("**/wall"):
        page.evaluate(RESET)
    page.wait_for_timeout(300)
    expect(page.locator(f"#alert-{staying}")).to_be_visible()
    expect(page.locator(f"#alert-{late[0]}")).to_be_visible()
    expect(page.locator(f"#alert-{closing}")).to_have_count(0)


def test_what_was_missed_is_drawn_and_what_was_closed_goes(open_page: Open, site: Site) -> None:
    closing = site.raise_alert("就要结案", severity=2)
    page = ready(open_page())
    page.evaluate(
        "document.addEventListener('anju:alert', e => e.stopImmediatePropagation(), true);"
        "window.addEventListener('anju:alert', e => e.stopImmediatePropagation(), true)"
    )
    site.change(closing, handling="closed")
    missed = site.raise_alert("错过的", severity=2)
    page.wait_for_timeout(300)
    page.evaluate(RESET)
    expect(page.locator(f"#alert-{missed}")).to_be_visible()
    expect(page.locator(f"#alert-{closing}")).to_have_count(0)
    assert page.evaluate("window.marker") == 1


def test_a_session_that_ends_meanwhile_clears_nothing_and_is_said(
    open_page: Open, site: Site
) -> None:
    alert = site.raise_alert()
    page = ready(open_page())
    page.mouse.click(960, 40)
    sounding = page.locator('siren-button[data-state="sounding"]')
    expect(sounding).to_be_visible()
    page.context.clear_cookies()
    with page.expect_response(re.compile("/login")):
        page.evaluate(RESET)
    expect(page.locator("stale-banner")).to_contain_text("您已退出登录")
    expect(page.locator(f"#alert-{alert}")).to_be_visible()
    expect(page.locator("#no-alerts")).to_be_hidden()
    expect(sounding).to_be_visible()


def test_a_logged_out_wall_without_rows_does_not_say_that_all_is_quiet(open_page: Open) -> None:
    page = ready(open_page())
    expect(page.locator("#no-alerts")).to_be_visible()
    page.context.clear_cookies()
    page.evaluate(RESET)
    expect(page.locator("stale-banner")).to_contain_text("您已退出登录")
    expect(page.locator("#no-alerts")).to_be_hidden()


@pytest.mark.parametrize(
    "strange",
    [
        {"status": 503, "body": "no"},
        {"status": 200, "body": "<p>a captive portal</p>", "content_type": "text/html"},
    ],
)
def test_an_answer_that_is_not_the_wall_changes_nothing_and_is_asked_again(
    open_page: Open, site: Site, strange: dict[str, object]
) -> None:
    alert = site.raise_alert()
    page = ready(open_page())
    page.route("**/wall", lambda route: route.fulfill(**strange), times=1)
    with page.expect_response("**/wall"):
        page.evaluate(RESET)
    expect(page.locator("stale-banner")).to_be_visible()
    expect(page.locator(f"#alert-{alert}")).to_be_visible()
    with page.expect_response("**/wall"):  # two seconds later
        pass
    expect(page.locator("stale-banner")).to_be_hidden()
    expect(page.locator(f"#alert-{alert}")).to_be_visible()


def test_a_list_that_does_not_come_is_said(open_page: Open, site: Site) -> None:
    kept = site.raise_alert(severity=2)
    page = ready(open_page())
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/wall", hold)
    page.evaluate(RESET)
    banner = page.locator("stale-banner")
    expect(banner).to_be_visible(timeout=9000)
    expect(page.locator(f"#alert-{kept}")).to_be_visible()
    waiting[0].continue_()
    expect(banner).to_be_hidden()
