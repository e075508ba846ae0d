"""Looking at a page as a test does: does it fit its window, and does axe find a fault?"""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SIZES = {"wall": (1920, 1080), "laptop": (1280, 720), "phone": (390, 844)}
PICTURES = os.environ.get("ANJU_TEST_PICTURES")
"""A folder for pictures of what is shown once and no gallery can come back to."""


def look(page: Page, name: str) -> None:
    """Check that a page fits its window and axe finds no fault."""
    page.wait_for_load_state()  # styles and all: before, nothing fits
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert (name, over) == (name, 0)
    found = [
        (fault["id"], fault["nodes"][0]["html"][:200])
        for fault in Axe().run(page).response["violations"]
        if fault["impact"] in {"serious", "critical"}
    ]
    assert found == []
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
