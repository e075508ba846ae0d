"""The office brings people in from a spreadsheet: sees what changes, mends it, brings it in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from guarded_site import Site
from playwright.sync_api import Page, expect
from sqlalchemy import update

from anju_platform.auth.model import User
from anju_platform.database import transaction

Open = Callable[..., Page]
HEAD = "房号,类别,姓名,电话\n"
GOOD = "3 栋 2 单元 501,联系人,王刚,137 0000 1234\n"


def send(page: Page, path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    page.goto("/homes/import")
    page.set_input_files("input[type=file]", path)
    page.click("button.primary")


def test_a_file_is_seen_mended_and_brought_in_without_javascript(
    open_page: Open, site: Site, tmp_path: Path
) -> None:
    with transaction(site.engine) as session:
        session.execute(update(User).where(User.username == "wanglei").values(role="office"))
    page = open_page("wanglei", "/homes", java_script_enabled=False)
    file = tmp_path / "居民.csv"
    send(page, file, "房号,手机\n")
    expect(page.get_by_role("alert")).to_contain_text("手机")
    send(page, file, HEAD + GOOD + "9 栋 9,联系人,谁,137\n")
    expect(page.get_by_role("alert")).to_contain_text("1 行")
    expect(page.get_by_role("table").first).to_contain_text("第 3 行")
    expect(page.locator("form[action$=apply]")).to_have_count(0)
    send(page, file, HEAD + GOOD)
    expect(page.get_by_role("table")).to_contain_text("13700001234")
    page.click("form[action$=apply] button")
    expect(page.get_by_role("status").last).to_contain_text("导入")
    page.goto("/homes?text=3 栋 2 单元 501")
    page.click("table tbody a")
    expect(page.locator(".contacts")).to_contain_text("王刚")
