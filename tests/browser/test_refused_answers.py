"""Whatever answers instead of us, nothing that was typed is lost, and what is said is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from guarded_site import Site
from keyboard import focused
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
PROXYS = "<html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>"


def answer(page: Page, path: str, status: int) -> None:
    """Let a proxy before us answer from now on."""
    page.unroute_all()
    page.route(
        path, lambda route: route.fulfill(status=status, body=PROXYS, content_type="text/html")
    )


def closing(page: Page) -> Any:
    """Open the dialog that asks for a cause, and fill it in."""
    page.wait_for_selector("#detail [data-do=close]")
    page.keyboard.press("c")
    dialog = page.locator("dialog#ask")
    dialog.locator("[value=false]").check()
    dialog.locator("textarea").fill("A cat")
    return dialog


def test_an_error_takes_neither_the_dialog_nor_the_panel(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("grace")
    dialog = closing(page)
    said = page.locator("#toast")
    for status, words in (
        (500, "may not have arrived"),
        (403, "refused, and nothing was done"),
        (502, "may not have arrived"),
        (404, "refused, and nothing was done"),
        (503, "may not have arrived"),
        (413, "refused, and nothing was done"),
        (429, "refused, and nothing was done"),
    ):
        answer(page, "**/close", status)
        dialog.locator(".confirm").click()
        expect(said).to_contain_text(f"({status})")
        expect(said).to_contain_text(words)
        expect(dialog.locator("textarea")).to_have_value("A cat")
        expect(page.locator("#detail .incident")).to_be_visible()
    page.unroute_all()
    dialog.locator(".confirm").click()
    expect(dialog).to_be_hidden()
    expect(said).to_be_hidden()
    assert site.alert(alert).note == "A cat"


def test_our_own_refusal_says_why(open_page: Open, site: Site) -> None:
    site.raise_alert()
    page = open_page("grace")
    dialog = closing(page)
    dialog.locator("[name=csrf]").evaluate("field => { field.value = 'old'; }")
    dialog.locator(".confirm").click()
    said = page.locator("#toast")
    expect(said).to_contain_text("nothing was done. You may not see this · Your role")
    expect(dialog.locator("textarea")).to_have_value("A cat")
    dialog.locator("[name=csrf]").evaluate("field => { field.value = document.body.dataset.csrf; }")
    dialog.locator("textarea").evaluate("field => { field.value = 'x'.repeat(2001); }")
    dialog.locator(".confirm").click()
    expect(said).to_contain_text("2000")
    expect(dialog.locator("textarea")).to_have_value("x" * 2001)
    expect(page.locator("#detail .incident")).to_be_visible()


def test_a_note_that_was_not_taken_stays(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("grace", path=f"/alerts/{alert}")
    answer(page, "**/comment", 500)
    page.fill("#comment", "On my way")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#toast")).to_contain_text("may not have arrived")
    expect(page.locator("#comment")).to_have_value("On my way")


def test_whoever_is_logged_out_keeps_the_note_and_the_way_back(open_page: Open, site: Site) -> None:
    site.raise_alert()
    page = open_page("grace")
    dialog = closing(page)
    page.context.clear_cookies()
    dialog.locator(".confirm").click()
    said = page.locator("#toast")
    expect(said).to_contain_text("You are logged out, so nothing was done")
    expect(dialog.locator("textarea")).to_have_value("A cat")
    said.get_by_role("link", name="Log in").click()
    page.wait_for_url("**/login?next=%2Fwall")


def test_what_may_not_have_arrived_is_said_until_something_was_done(
    open_page: Open, site: Site
) -> None:
    alert = site.raise_alert()
    page = open_page("grace")
    page.wait_for_selector("#detail [data-do=acknowledge]")
    answer(page, "**/ack", 503)
    page.click("#detail [data-do=acknowledge]")
    said = page.locator("#toast")
    expect(said).to_contain_text("may not have arrived")
    with page.expect_response("**/wall/alerts/*"):
        site.change(alert, occurrences=2)
    with page.expect_response("**/close?*"):
        page.click("#detail [data-do=close]")
    page.wait_for_selector("dialog#ask[open]")
    page.keyboard.press("Escape")
    expect(said).to_contain_text("may not have arrived")
    answer(page, "**/wall/alerts/*", 503)
    with page.expect_response("**/wall/alerts/*"):
        site.change(alert, occurrences=3)
    expect(said).to_contain_text("may not have arrived")
    page.unroute_all()
    with page.expect_response("**/wall/alerts/*"):
        site.change(alert, occurrences=4)
    page.wait_for_selector(
        f"#detail [name=version][value='{site.alert(alert).version}']", state="attached"
    )
    page.click("#detail [data-do=acknowledge]")
    expect(page.locator("#detail .done")).to_be_visible()
    expect(said).to_be_hidden()


def test_a_look_that_failed_is_forgotten_once_one_succeeds(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("grace")
    page.wait_for_selector("#detail [data-do=close]")
    answer(page, "**/wall/alerts/*", 503)
    page.fill("#comment", "On my")
    site.change(alert, occurrences=2)
    said = page.locator("#toast")
    expect(said).to_contain_text("could not be loaded. (503)")
    expect(page.locator("#comment")).to_have_value("On my")
    page.unroute_all()
    site.change(alert, occurrences=3)
    expect(said).to_be_hidden()


def test_nobody_takes_the_alert_still_shown_for_the_one_chosen(open_page: Open, site: Site) -> None:
    site.raise_alert()
    second = site.raise_alert("门被强行打开", severity=2, device="b6-door")
    page = open_page("grace")
    page.wait_for_selector("#detail [data-do=acknowledge]")
    answer(page, "**/wall/alerts/*", 502)
    page.click(f"#alert-{second} a")
    expect(page.locator("#detail")).to_contain_text("could not be loaded. (502)")
    expect(page.locator("#detail .incident")).to_have_count(0)
    page.unroute_all()
    site.change(second, occurrences=2)
    expect(page.locator("#detail .incident")).to_be_visible()
    outlined = page.locator("#alerts li:has(a[aria-current=true])").get_attribute("data-id")
    expect(page.locator("#detail .incident")).to_have_attribute("data-shown", outlined or "")


def test_a_redraw_meanwhile_does_not_take_the_focus_along(open_page: Open, site: Site) -> None:
    alert = site.raise_alert()
    page = open_page("grace")
    page.wait_for_selector("#detail [data-do=acknowledge]")
    held: list[Route] = []
    page.route("**/ack", lambda route: held.append(route))  # noqa: PLW0108 - it reads the arity
    page.focus("#detail [data-do=acknowledge]")
    with page.expect_request("**/ack"):
        page.keyboard.press("Enter")
    with page.expect_response("**/wall/alerts/*"):
        site.change(alert, occurrences=2)
    page.wait_for_timeout(300)
    version = site.alert(alert).version
    data = (held[0].request.post_data or "").replace("version=1", f"version={version}")
    held.pop().continue_(post_data=data)
    expect(page.locator("#detail .done")).to_be_visible()
    expect(page.locator("#detail .done")).to_be_focused()
    assert focused(page)


def test_a_browser_that_wrongly_believes_there_is_no_line_sends_all_the_same(
    open_page: Open,
) -> None:
    """On the machine that runs all this itself no cable need be plugged in."""
    page = open_page("grace", path="/alerts")
    page.evaluate("Object.defineProperty(navigator, 'onLine', { get: () => false })")
    page.locator("form.filters [name=text]").fill("Grace")
    page.locator("form.filters button").first.click()
    page.wait_for_url("**/alerts?*text=Grace*")
