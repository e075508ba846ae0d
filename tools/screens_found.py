"""Finds in a running demo what a screen is about: this alert, that home, a link just made."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from playwright.sync_api import BrowserContext, Page


class Demo(Protocol):
    """A running demo as somebody may look at it."""

    passwords: dict[str, str]
    community: dict[str, Any]

    def window(self, language: str, size: str) -> AbstractContextManager[BrowserContext]:
        """Open a window of nobody's."""


def find(demo: Demo, path: str) -> str:
    """Put what the demo has in place of each ``{name}`` of a path.

    Raises:
        LookupError: it has none.
    """
    return re.sub(r"\{(\w+)\}", lambda match: _found(demo, match[1]), path)


@cache
def _found(demo: Demo, name: str) -> str:
    who, look = _WHERE[name]
    with _logged_in(demo, who) as page:
        found = look(page, demo)
    if not found:
        raise LookupError(f"the demo has no {name}")
    return found


def log_in(page: Page, username: str, password: str, language: str | None = None) -> None:
    """Log somebody in, and let them read in a language from now on (none: as they do)."""
    page.goto("/login?next=/me")
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.click("form.login button")
    page.wait_for_url("**/me")
    if language is not None:
        page.request.put("/api/v1/session/locale", data={"locale": language}, headers=_csrf(page))


def log_out(page: Page) -> None:
    """End a log-in: nobody's list of log-ins is to be full of ours."""
    page.request.delete("/api/v1/session", headers=_csrf(page))


@contextmanager
def _logged_in(demo: Demo, who: str) -> Iterator[Page]:
    with demo.window("zh", "wide") as context:
        page = context.new_page()
        log_in(page, who, demo.passwords[who])
        yield page
        log_out(page)


def _csrf(page: Page) -> dict[str, str]:
    return {"X-CSRF-Token": page.locator("body").get_attribute("data-csrf") or ""}


def _alerts(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.request.get("/api/v1/alerts").json()
    return found


def _pictured(page: Page, _: Demo) -> str:
    """Give the worst open alert whose snapshot has come."""
    for one in _alerts(page):
        if page.request.get(f"/api/v1/alerts/{one['id']}").json()["media_ready"]:
            return str(one["id"])
    return ""


def _photographed(page: Page, _: Demo) -> str:
    """Give the newest alert of all with a photo; it may be over."""
    for one in page.request.get("/api/v1/alerts/history?size=50").json()["rows"]:
        if page.request.get(f"/api/v1/alerts/{one['id']}").json()["photos"]:
            return str(one["id"])
    return ""


def _life(page: Page, _: Demo) -> str:
    """Give a P1 of somebody's home; best of all one of an elder, which a button or a fall is."""
    found = [one for one in _alerts(page) if one["severity"] == 1 and one["household"]]
    found.sort(key=lambda one: one["rule_id"] not in {"fall", "sos-pressed"})
    return str(found[0]["id"]) if found else ""


def _own_home(*states: str) -> Callable[[Page, Demo], str]:
    def look(page: Page, _: Demo) -> str:
        homes = page.request.get("/api/v1/homes").json()
        return next((str(one["slug"]) for one in homes if one["state"] in states), "")

    return look


def _rota(page: Page, _: Demo) -> str:
    rotas = page.request.get("/api/v1/rotas").json()
    return str(max(rotas, key=lambda one: len(one["shifts"]))["id"])


def _backtest(page: Page, _: Demo) -> str:
    found = page.request.get("/api/v1/backtests").json()
    return next((str(one["id"]) for one in found if one["state"] == "done"), "")


def _device(_: Page, demo: Demo) -> str:
    return next(str(one["slug"]) for one in demo.community["devices"] if one["model"] == "pir")


def _flat(_: Page, demo: Demo) -> str:
    return str(demo.community["households"][4]["place"])


def _import(page: Page, demo: Demo) -> str:
    """Send a file that gives contacts other telephones, and adds people."""
    rows = ["住户,类别,姓名,出生日期,关系,电话,有钥匙"]
    for number, home in enumerate(demo.community["households"][:4]):
        first = home["contacts"][0]
        rows.append(
            f"{home['slug']},联系人,{first['name']},,{first['relation']},138000099{number:02},是"
        )
    rows.append(f"{demo.community['households'][0]['slug']},居民,何小满,2019-04-12,,,")
    answer = page.request.post(
        "/api/v1/home-imports?file_name=住户名单.csv",
        data="\n".join(rows).encode(),
        headers=_csrf(page) | {"Content-Type": "text/csv"},
    )
    return str(answer.json()["id"])


def _invitation(page: Page, demo: Demo) -> str:
    home = demo.community["households"][4]["slug"]
    body = {"role": "family", "name": "陈晨", "homes": [home], "relation": "孙女"}
    made = page.request.post("/api/v1/invitations", data=body, headers=_csrf(page)).json()
    return str(made["url"]).rpartition("/")[2]


_WHERE: Mapping[str, tuple[str, Callable[[Page, Demo], str]]] = {
    "pictured": ("guard", _pictured),
    "photographed": ("guard", _photographed),
    "life": ("guard", _life),
    "own": ("family", _own_home("ordinary", "unknown", "alarm", "attention", "handled")),
    "alarmed": ("family2", _own_home("handled", "alarm", "attention")),
    "unheard": ("family2", _own_home("unprotected")),
    "away": ("family2", _own_home("away")),
    "unshared": ("family2", _own_home("unshared")),
    "rota": ("guard", _rota),
    "backtest": ("admin", _backtest),
    "device": ("guard", _device),
    "flat": ("guard", _flat),
    "import": ("office", _import),
    "invitation": ("office", _invitation),
}


def calm(demo: Demo) -> None:
    """Let the guard take on what rings, so that no other page says so meanwhile."""
    with _logged_in(demo, "guard") as page:
        for one in _alerts(page):
            if one["severity"] == 1 and one["handling"] == "unacked":
                said = {"version": one["version"], "screen": "pictures"}
                address = f"/api/v1/alerts/{one['id']}/ack"
                page.request.post(address, data=said, headers=_csrf(page))


@contextmanager
def drill(demo: Demo) -> Iterator[None]:
    """Run a drill while pictures are taken."""
    ends_at = datetime.now(UTC) + timedelta(minutes=30)
    with _logged_in(demo, "property") as page:
        body = {"place": "b2", "reason": "2 栋疏散演练", "ends_at": ends_at.isoformat()}
        made = page.request.post("/api/v1/windows/drill", data=body, headers=_csrf(page)).json()
        yield
        page.request.post(f"/api/v1/windows/{made['id']}/end", headers=_csrf(page))
