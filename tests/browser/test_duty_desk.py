"""A wall that says that it is alive, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from guarded_site import Site
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select
from sqlalchemy.orm import Session
from wire_sender import until

from anju_platform.database import now
from anju_platform.screens.model import Screen
from anju_platform.screens.repository import last_alive

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
LIVE = '.live[data-state="live"]'


def walls(site: Site) -> list[tuple[str, bool]]:
    """Give the desks whose walls are live, and whether each can sound."""
    with Session(site.engine) as session:
        query = select(Screen).where(
            Screen.alive_at > now() - timedelta(seconds=15), Screen.left_at.is_(None)
        )
        return [(one.post, one.sounds) for one in session.scalars(query)]


def test_a_guards_wall_says_that_it_is_alive_until_it_is_left(open_page: Open, site: Site) -> None:
    page = open_page("wanglei", "/wall?post=2")
    expect(page.locator(LIVE)).to_be_visible()
    until(lambda: [post for post, _ in walls(site)] == ["wall-2"], 10)
    page.mouse.click(960, 40)  # now the browser lets it sound
    until(lambda: walls(site) == [("wall-2", True)], 10)
    page.goto("/devices")
    until(lambda: walls(site) == [], 10)


def test_who_logs_out_at_the_wall_is_not_missed(open_page: Open, site: Site) -> None:
    page = open_page("wanglei", "/wall")
    until(lambda: len(walls(site)) == 1, 10)
    page.click("details.menu summary")
    page.click('form[action="/logout"] button')
    page.wait_for_url("**/login**")
    with Session(site.engine) as session:
        assert last_alive(session) == {}


def test_it_says_so_also_when_its_script_comes_late(open_page: Open, site: Site) -> None:
    page = open_page("wanglei", "/devices")

    def late(route: Route) -> None:
        time.sleep(4)  # meanwhile the page has told everybody that it is live
        route.continue_()

    page.route("**/leaflet.js", late)
    page.goto("/wall")
    until(lambda: [post for post, _ in walls(site)] == ["wall-1"], 20)


@pytest.mark.parametrize(
    ("username", "size"), [("admin", (1920, 1080)), ("wanglei", (390, 844))], ids=["staff", "phone"]
)
def test_who_only_looks_on_is_no_desk(
    open_page: Open, site: Site, username: str, size: tuple[int, int]
) -> None:
    page = open_page(username, "/wall", size)
    expect(page.locator(LIVE)).to_be_visible()
    page.wait_for_timeout(1_000)
    assert walls(site) == []
