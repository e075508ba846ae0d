"""Finds in a running demo what a screen is about: this alert, that home, a link just made."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from playwright.sync_api import Page


class Demo(Protocol):
    """A running demo as somebody may look at it."""

    passwords: dict[str, str]

    def window(self, language: str, size: str) -> Any:
        """Open a window of nobody's."""


def find(demo: Demo, path: str) -> str:
    """Put what the demo has in place of each ``{name}`` of a path."""
    return re.sub(r"\{(\w+)\}", lambda match: _found(demo, match[1]), path)


@cache
def _found(demo: Demo, name: str) -> str:
    who, look = _WHERE[name]
    with _logged_in(demo, who) as page:
        found = look(page)
    if not found:
        raise LookupError(f"the demo has no {name}")
    return found


def _alert(wanted: Callable[[Mapping[str, Any]], object]) -> Callable[[Page], str]:
    def look(page: Page) -> str:
        for one in page.request.get("/api/v1/alerts").json():
            if wanted(one):
                return str(one["id"])
        return ""

    return look


def _pictured(page: Page) -> str:
    """Give the worst alert whose snapshot has come."""
    for one in page.request.get("/api/v1/alerts").json():
        if page.request.get(f"/api/v1/alerts/{one['id']}").json()["media_ready"]:
            return str(one["id"])
    return ""


def _photographed(page: Page) -> str:
    for one in page.request.get("/api/v1/alerts").json():
        if page.request.get(f"/api/v1/alerts/{one['id']}").json()["photos"]:
            return str(one["id"])
    return ""


def _own_home(state: str) -> Callable[[Page], str]:
    def look(page: Page) -> str:
        homes = page.request.get("/api/v1/homes").json()
        return next((str(one["slug"]) for one in homes if one["state"] in state.split()), "")

    return look


def _first_rota(page: Page) -> str:
    return str(page.request.get("/api/v1/rotas").json()[0]["id"])


def _backtest(page: Page) -> str:
    found = page.request.get("/api/v1/backtests").json()
    return next((str(one["id"]) for one in found if one["state"] == "done"), "")


def _thermometer(page: Page) -> str:
    """Give a device with days of readings behind it."""
    found = page.request.get("/api/v1/devices?model=water_tank").json()["devices"]
    return str(found[0]["slug"])


def _import(page: Page) -> str:
    """Send a file that changes a contact, adds one, and has a home that is new."""
    home = page.request.get("/api/v1/households.csv").text().splitlines()
    head, first = home[0], home[1].split(",")
    columns = head.lstrip("\ufeff").split(",")
    cells = dict(zip(columns, first, strict=True))
    kind, name, phone = columns[2], columns[3], columns[7]
    new = cells | {kind: "联系人", name: "许静", phone: "13800009911"}
    changed = cells | {name: cells[name]}
    rows = [",".join(one.get(column, "") for column in columns) for one in (changed, new)]
    answer = page.request.post(
        "/api/v1/home-imports?file_name=住户名单.csv",
        data="\n".join([",".join(columns), *rows]).encode(),
        headers=_csrf(page) | {"Content-Type": "text/csv"},
    )
    return str(answer.json()["id"])


def _invitation(page: Page) -> str:
    body = {"role": "family", "name": "张敏", "homes": [_some_home(page)], "relation": "女儿"}
    made = page.request.post("/api/v1/invitations", data=body, headers=_csrf(page)).json()
    return str(made["url"]).rpartition("/")[2]


def _some_home(page: Page) -> str:
    page.goto("/homes")
    return (page.locator('main a[href^="/homes/h-"]').first.get_attribute("href") or "").rpartition(
        "/"
    )[2]


_WHERE: Mapping[str, tuple[str, Callable[[Page], str]]] = {
    "pictured": ("guard", _pictured),
    "life": ("guard", _alert(lambda one: one["severity"] == 1 and one["household"])),
    "photographed": ("guard", _photographed),
    "own": ("family", _own_home("ordinary unknown away unshared alarm attention handled")),
    "alarmed": ("family2", _own_home("handled alarm attention")),
    "worked_on": ("family2", _own_home("unprotected")),
    "away": ("family2", _own_home("away")),
    "unshared": ("family2", _own_home("unshared")),
    "rota": ("guard", _first_rota),
    "backtest": ("admin", _backtest),
    "device": ("guard", _thermometer),
    "import": ("office", _import),
    "invitation": ("office", _invitation),
}


@contextmanager
def _logged_in(demo: Demo, who: str) -> Iterator[Page]:
    with demo.window("zh", "wide") as context:
        page = context.new_page()
        page.goto("/login?next=/me")
        page.fill("[name=username]", who)
        page.fill("[name=password]", demo.passwords[who])
        page.click("form.login button")
        page.wait_for_url("**/me")
        yield page


def _csrf(page: Page) -> dict[str, str]:
    return {"X-CSRF-Token": page.locator("body").get_attribute("data-csrf") or ""}


@contextmanager
def drill(demo: Demo) -> Iterator[None]:
    """Run a drill while pictures are taken."""
    ends_at = datetime.now(UTC) + timedelta(minutes=30)
    with _logged_in(demo, "property") as page:
        body = {"place": "b2", "reason": "2 栋疏散演练", "ends_at": ends_at.isoformat()}
        made = page.request.post("/api/v1/windows/drill", data=body, headers=_csrf(page)).json()
        yield
        page.request.post(f"/api/v1/windows/{made['id']}/end", headers=_csrf(page))
