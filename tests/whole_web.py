"""The whole web process, screens and API, asked from outside as a scanner would."""

from __future__ import annotations

import http.client
from contextlib import ExitStack
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from outer_site import PASSWORD, Site, Web

OPEN = {
    "/login",
    "/login/code",
    "/api/v1/session",
    "/api/v1/session/code",
    "/invited/{token}",
    "/api/v1/invitations/{token}/accept",
    "/api/v1/receipts/{receipt}",
    "/api/v1/gateway/snapshots/{media_id}",
}
"""Changing requests that carry no session: the first five say where they came from instead, the
others hold a secret that no foreign page knows."""


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Give each method and path there is."""
    return {
        (method, str(context.path))
        for context in iter_route_contexts(app.routes)
        for method in context.methods or ()
        if context.path != "/static"
    }


def filled(path: str, site: Site, alert: str) -> str:
    """Give an address of what is there."""
    homes = "households" in path or "homes" in path or "/family/" in path
    things = {
        "alert_id": alert,
        "slug": "h-501" if homes else "b1-501-pir",
        "rule_id": "smoke",
        "version": "1",
        "severity": "1",
        "span": "day",
        "user_id": str(site.actor().user_id),
        "screen": str(uuid4()),
    }
    for name, value in things.items():
        path = path.replace("{" + name + "}", value)
    while "{" in path:
        head, _, rest = path.partition("{")
        path = f"{head}1{rest.partition('}')[2]}"
    return path + ("?field=battery" if path.endswith("/series") else "")


class Whole:
    """The whole web process, screens and API, and those who look at it."""

    def __init__(self, site: Site, web: Web, opened: ExitStack) -> None:
        self.site, self.web, self._opened = site, web, opened
        self.alert = str(site.alert())
        self.routes = sorted(routes(web.app))
        self.paths = sorted({path for _, path in self.routes})

    def address(self, path: str) -> str:
        return filled(path, self.site, self.alert)

    def anybody(self, **headers: str) -> httpx.Client:
        return self._opened.enter_context(self.web.client(**headers))

    def person(self, username: str = "admin") -> httpx.Client:
        client = self.anybody()
        said = {"username": username, "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
        return client

    def changing(self) -> list[tuple[str, str]]:
        return [(m, p) for m, p in self.routes if m not in {"GET", "HEAD"} and p not in OPEN]


def raw(web: Web, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Ask for a path exactly as it is written; other clients tidy it up first."""
    parts = urlsplit(web.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
