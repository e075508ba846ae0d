"""The wall with 1,000 open alerts: when it is painted, how soon a new one is there, what it keeps.

A real web process and a real Chromium. The alert is committed as ingest commits it; it is there
when its row is in the page.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright
from tests.bench.latency import percentiles
from tests.bench.screens import CHROMIUM

sys.path.insert(0, str(Path(__file__).parents[1]))

from guarded_site import PASSWORD, Site, build_site
from screens import Screens

from anju_platform.database import connect, now

OPEN = 1_000
LOADS = 7
NEW = 100
CHANGES = 1_200
"""Two hours of an alarm flood: ten a minute."""
LOOKS = 4
"""So often is looked at what the page keeps, evenly spread over the changes."""

_WATCH = """() => {
  window.rowsSeen = {};
  new MutationObserver((changes) => {
    const at = performance.timeOrigin + performance.now();
    for (const change of changes) for (const row of change.addedNodes) {
      if (row.id) window.rowsSeen[row.id] ??= at;
    }
  }).observe(document.getElementById("alerts"), { childList: true });
}"""
_LOADED = """() => {
  const scripts = performance.getEntriesByType("resource").filter((it) => it.name.includes(".js"));
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return {
    paint: paint.startTime,
    rows: document.querySelectorAll("#alerts > li").length,
    script: scripts.reduce((sum, it) => sum + it.encodedBodySize, 0),
    unpacked: scripts.reduce((sum, it) => sum + it.decodedBodySize, 0),
  };
}"""


def run(url: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure on a database of its own; times in ms, sizes in kB."""
    engine = connect(url)
    site = build_site(engine)
    site.raise_many(OPEN)
    screens = Screens(url)
    screens.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            _log_in(page, screens.url)
            loaded = [_load(page, screens.url) for _ in range(LOADS)]
            say(f"  loaded {LOADS} times")
            page.evaluate(_WATCH)
            new = percentiles([_new(page, site) for _ in range(NEW)])
            say(f"  {NEW} new alerts")
            kept = _keep_changing(page, site)
            browser.close()
    finally:
        screens.stop()
        engine.dispose()
    return {
        "open_alerts": OPEN,
        "rows_in_the_page": loaded[-1]["rows"],
        "first_paint_ms_median": round(statistics.median(one["paint"] for one in loaded)),
        "first_paint_ms_slowest": round(max(one["paint"] for one in loaded)),
        "script_kb": round(loaded[0]["script"] / 1000, 1),
        "script_unpacked_kb": round(loaded[0]["unpacked"] / 1000, 1),
        "new_alert_in_the_page_ms": new,
        "changes": CHANGES,
        "heap_mb": [round(one["heap"] / 1e6, 1) for one in kept],
        "dom_nodes": [one["nodes"] for one in kept],
    }


def _log_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login")
    page.fill("[name=username]", "liqiang")
    page.fill("[name=password]", PASSWORD)
    page.click("form.login button")
    page.wait_for_url("**/wall*")


def _load(page: Page, url: str) -> dict[str, float]:
    page.goto(f"{url}/wall")
    page.wait_for_selector('.live[data-state="live"]')
    found: dict[str, float] = page.evaluate(_LOADED)
    return found


def _new(page: Page, site: Site) -> float:
    """Give the ms from an alert's commit to its row in the page."""
    alert = site.raise_alert(severity=2, ago=now() - now())
    committed = time.time() * 1000
    while (seen := page.evaluate("(id) => window.rowsSeen[id]", f"alert-{alert}")) is None:
        page.wait_for_timeout(10)
    site.change(alert, handling="closed", closed_at=now())
    return float(seen) - committed


def _keep_changing(page: Page, site: Site) -> list[dict[str, float]]:
    """Let alerts come and go; gives what the page holds then, after each part of it."""
    client = page.context.new_cdp_session(page)
    kept = [_held(client)]
    for _ in range(LOOKS):
        for _ in range(CHANGES // LOOKS // 2):
            alert = site.raise_alert(severity=3)
            site.change(alert, handling="closed", closed_at=now())
        page.wait_for_timeout(2_000)
        kept.append(_held(client))
    return kept


def _held(client: CDPSession) -> dict[str, float]:
    client.send("HeapProfiler.collectGarbage")
    heap = client.send("Runtime.getHeapUsage")
    counted = client.send("Memory.getDOMCounters")
    return {"heap": heap["usedSize"], "nodes": counted["nodes"]}
