"""People who log in by the little provider, as a browser without script does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
from outer_site import PASSWORD, Web
from provider import OpenIdProvider
from screens import csrf_of


@dataclass
class Other:
    """The web process and the provider."""

    web: Web
    provider: OpenIdProvider

    def go(self, client: httpx.Client, at: str = "/login/oidc?next=/me") -> str:
        """Begin, be let in by the provider, and give the address one is sent back to."""
        begun = client.get(at)
        assert begun.status_code == 303, begun.text
        return self.returns(begun.headers["location"])

    def returns(self, way: str) -> str:
        """Follow a way to the provider; give where it sends one back to, on our side."""
        assert way.startswith(f"{self.provider.url}/authorize?"), way
        back = urlsplit(httpx.get(way).headers["location"])
        return f"{back.path}?{back.query}"

    def let_time_pass(self) -> None:
        """Let whoever was refused too often try again."""
        self.web.app.state.throttle._failures.clear()

    def log_in(self, client: httpx.Client, next_page: str = "/me") -> httpx.Response:
        """Log in by the provider; gives the answer to the return."""
        return client.get(self.go(client, f"/login/oidc?next={next_page}"))

    def ask_to_link(self, client: httpx.Client, **said: str) -> httpx.Response:
        csrf = csrf_of(client.get("/me/oidc").text)
        return client.post("/me/oidc", data={"csrf": csrf, "password": PASSWORD} | said)

    def link(self, client: httpx.Client, **said: str) -> httpx.Response:
        """Link whoever is logged in to the provider's subject; gives the answer to the return."""
        shown = self.ask_to_link(client, **said)
        assert shown.status_code == 200, shown.text
        return client.get(self.returns(way_on(shown.text)))


def way_on(page: str) -> str:
    """Find the way to the provider on a page."""
    found = re.search(r'href="(http[^"]+/authorize[^"]+)"', page)
    assert found, page
    return unescape(found[1])


def who(client: httpx.Client) -> str | None:
    """Tell who a browser is logged in as, if it is."""
    answer = client.get("/api/v1/session")
    return str(answer.json()["username"]) if answer.status_code == 200 else None


def fault_of(answer: httpx.Response) -> str:
    """Read what a page says went wrong."""
    found = re.search(r'role="alert">.*?<span>(.*?)</span>', answer.text, re.DOTALL)
    assert found, answer.text
    return unescape(found[1])


def asked_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
