"""The back-test's page, opened as a file: it fits a desk and a phone, and fetches nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from wire_sender import community_file

from anju_platform.backtest.page import as_page
from anju_platform.backtest.recorded import RecordedReadings, community_of
from anju_platform.backtest.testing import backtest
from anju_platform.backtest.words import LANGUAGES, Words
from anju_rules import load_library

pytestmark = pytest.mark.browser
START = 1_767_225_600_000
HOUR = 3_600_000


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_it_fits_and_fetches_nothing(
    chromium: Browser, tmp_path: Path, language: str, size: tuple[int, int]
) -> None:
    file = tmp_path / f"{'a-long-name-' * 8}.ndjson"
    presses = [
        {"device": "sos", "at": START + n * 5 * HOUR, "event": "pressed", "id": f"e{n}"}
        for n in range(60)
    ]
    file.write_text("\n".join(json.dumps(one) for one in presses))
    source = RecordedReadings(file, community_of(community_file()))
    rules = load_library()
    report = backtest(source, rules, against=[r for r in rules if r.id == "smoke"])
    page_file = tmp_path / "report.html"
    page_file.write_text(as_page(report, Words(language, report.timezone)))
    page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.locator("svg rect.severity-1").count() == len(
        [day for day in report.tested.figures.days if day.total]
    )
    assert asked == [page_file.as_uri()]
    page.close()
