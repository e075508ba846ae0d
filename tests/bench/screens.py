"""Two screens that note when an alert reached them: an HTTP client, and a real browser."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_NAME = re.compile(r"bench-\d{4}")

_WATCH = """() => {
  window.benchSeen = {};
  new MutationObserver((changes) => {
    const at = performance.timeOrigin + performance.now();
    for (const change of changes) for (const row of change.addedNodes) {
      const name = row.textContent.match(/bench-\\d{4}/)?.[0];
      if (name) window.benchSeen[name] ??= at / 1000;
    }
  }).observe(document.getElementById("alerts"), { childList: true });
}"""


class Guard:
    """A logged-in HTTP client: closes alerts, and reads the stream the pages read."""

    def __init__(self, url: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30)
        answer = self._client.post(
            "/api/v1/session", json={"username": "guard", "password": password}
        )
        answer.raise_for_status()
        self._csrf = self._client.get("/api/v1/session").json()["csrf"]
        self.seen: dict[str, float] = {}
        """When the fragment of each button's alert arrived, epoch seconds."""
        self.numbers: dict[int, str] = {}
        """Whose fragment had which number in the feed."""
        self._listening = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._listening.wait(20)

    def _listen(self) -> None:
        number = 0
        with self._client.stream("GET", "/stream", timeout=None) as answer:
            for line in answer.iter_lines():
                at = time.time()
                if line.startswith("id:"):
                    number = int(line[3:])
                elif line.startswith("data:") and (name := _NAME.search(line)):
                    if self.seen.setdefault(name.group(), at) == at:
                        self.numbers[number] = name.group()
                elif line == "event: heartbeat":
                    self._listening.set()

    def close_all(self) -> None:
        """Close every open alert, as a test, but for what changes at this moment."""
        headers = {"X-CSRF-Token": self._csrf}
        for alert in self._client.get("/api/v1/alerts").json():
            choice = {"version": alert["version"], "cause": "test"}
            url = f"/api/v1/alerts/{alert['id']}/close"
            answer = self._client.post(url, json=choice, headers=headers)
            if answer.status_code != httpx.codes.CONFLICT:  # it went on meanwhile: next time
                answer.raise_for_status()


class Wall:
    """The wall in Chromium."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def seen(self) -> dict[str, float]:
        """When the row of each button's alert was in the document, epoch seconds."""
        found: dict[str, float] = self._page.evaluate("window.benchSeen")
        return found


@contextmanager
def wall(url: str, password: str) -> Iterator[Wall]:
    """Open the wall in a browser, logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"{url}/login?next=/wall")
        page.fill("[name=username]", "guard")
        page.fill("[name=password]", password)
        page.click("form.login button")
        page.wait_for_url("**/wall")
        page.evaluate(_WATCH)
        yield Wall(page)
        browser.close()
