"""What several pages look alike by stands in one sheet, and none reaches into the bar on top."""

from __future__ import annotations

import re

from anju_dashboards.rendering import PACKAGE

SHEETS = PACKAGE / "static" / "css"
SHARED = (".bar", ".lead", ".notice.good", ".stack", ".box")


def selectors(name: str) -> set[str]:
    """Give what the rules of a sheet are for, each of several apart."""
    rules = re.findall(r"^([^@/{}\n]+)\{", (SHEETS / name).read_text("utf-8"), re.MULTILINE)
    return {one.strip() for rule in rules for one in rule.split(",")}


def test_what_pages_share_stands_in_the_desks_sheet_alone() -> None:
    for name in ("reach.css", "rules.css", "places.css", "duty.css"):
        assert selectors(name).isdisjoint(SHARED), name
    assert selectors("desk.css") >= set(SHARED)


def test_no_sheet_of_a_page_changes_the_name_in_the_bar() -> None:
    wrong = {path.name for path in SHEETS.glob("*.css") if ".name" in selectors(path.name)}
    assert wrong <= {"family.css"}  # the family's pages have another bar


def test_every_page_that_leads_in_has_the_sheet_for_it() -> None:
    pages = [path for path in PACKAGE.rglob("*.html") if "muted lead" in path.read_text("utf-8")]
    assert len(pages) > 5
    assert [p.name for p in pages if "css/desk.css" not in p.read_text("utf-8")] == []
