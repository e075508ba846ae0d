"""A photo goes from a guard's telephone into the alert's timeline, with JavaScript and without."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from guarded_site import Site
from PIL import Image
from playwright.sync_api import Page, expect

Open = Callable[..., Page]
PHONE = (390, 844)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    drawn = Image.radial_gradient("L").resize((1200, 900)).convert("RGB")
    path = tmp_path / "门.png"
    written = io.BytesIO()
    drawn.save(written, "PNG")
    path.write_bytes(written.getvalue())
    return path


@pytest.mark.parametrize("javascript", [True, False])
def test_a_guard_adds_a_photo(
    open_page: Open, site: Site, picture: Path, *, javascript: bool
) -> None:
    alert = site.raise_alert()
    page = open_page(path=f"/alerts/{alert}", size=PHONE, java_script_enabled=javascript)
    page.set_input_files("input[name=photo]", picture)
    page.fill("#comment", "门轴断了")
    page.click(".comment button")
    shown = page.locator(".timeline .photo img")
    expect(shown).to_be_visible()
    expect(page.locator(".timeline li").last).to_contain_text("门轴断了")
    if javascript:
        assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1200
    expect(page.locator("input[name=photo]")).to_have_value("")  # nor is it sent once more
    expect(page.locator("#comment")).to_have_value("")


@pytest.mark.parametrize("javascript", [True, False])
def test_what_is_no_picture_is_said(
    open_page: Open, site: Site, tmp_path: Path, *, javascript: bool
) -> None:
    alert = site.raise_alert()
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("no picture")
    page = open_page(path=f"/alerts/{alert}", size=PHONE, java_script_enabled=javascript)
    page.set_input_files("input[name=photo]", wrong)
    page.fill("#comment", "门轴断了")
    page.click(".comment button")
    expect(page.locator(".notice")).to_contain_text("JPEG")
    expect(page.locator(".timeline .photo")).to_have_count(0)
    if javascript:
        expect(page.locator("#comment")).to_have_value("门轴断了")
