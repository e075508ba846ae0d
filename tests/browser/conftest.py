"""A real Chromium before the real web process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from guarded_site import PASSWORD
from playwright.sync_api import Browser, Page, expect
from screens import Screens

Open = Callable[..., Page]
expect.set_options(timeout=10_000)  # on a machine that does much else, too


@pytest.fixture
def open_page(chromium: Browser, screens: Screens) -> Iterator[Open]:
    """Open a page as a logged-in person; a script's error fails the test."""
    contexts, faults = [], []

    def open_page(
        username: str = "liqiang",
        path: str = "/wall",
        size: tuple[int, int] = (1920, 1080),
        **how: Any,
    ) -> Page:
        viewport = {"width": size[0], "height": size[1]}
        context = chromium.new_context(base_url=screens.url, viewport=viewport, **how)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"/login?next={path}")
        page.fill("[name=username]", username)
        page.fill("[name=password]", PASSWORD)
        page.click("form.login button")
        page.wait_for_url(f"**{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
