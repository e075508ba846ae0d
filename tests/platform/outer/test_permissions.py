"""What is closed to everybody who is not logged in, and how refusals look.

What each role may do is in ``tests/dashboards/test_rights.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import httpx
from fastapi.routing import iter_route_contexts
from outer_site import Web

from anju_platform.api import create_app
from anju_platform.config import Settings

LogIn = Callable[..., httpx.Client]

PUBLIC = {
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/session/code"),  # of whoever gave a password
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),  # of this machine only, see below
    ("POST", "/api/v1/receipts/{receipt}"),  # whose secret word is in its path
    ("POST", "/api/v1/invitations/{token}/accept"),  # likewise
}
GATEWAYS = {("PUT", "/api/v1/gateway/snapshots/{media_id}")}


def endpoints() -> Iterator[tuple[str, str]]:
    app = create_app(Settings(database_url="postgresql://nowhere/"))
    for context in iter_route_contexts(app.routes):
        for method in context.methods or ():
            if method not in {"HEAD", "OPTIONS"}:
                yield method, str(context.path)


def address(path: str) -> str:
    filled = {"alert_id": str(uuid4()), "slug": "b1-door", "media_id": "some"}
    filled |= {"rule_id": "smoke", "version": "1", "severity": "1", "post": "wall-1"}
    filled |= {"screen": str(uuid4()), "address_id": "1", "user_id": "1"}
    filled |= {"invitation_id": "1", "login_id": "0", "span": "day", "token_id": "1"}
    for name, value in filled.items():
        path = path.replace("{" + name + "}", value)
    return path


CLOSED = sorted(set(endpoints()) - PUBLIC - GATEWAYS)


def test_the_lists_name_existing_endpoints() -> None:
    known = set(endpoints())
    assert known >= PUBLIC | GATEWAYS
    assert len(CLOSED) > 25


def test_every_endpoint_but_the_public_ones_demands_a_session(web: Web) -> None:
    with web.client() as client:
        answers = {
            (method, path): client.request(method, address(path)).status_code
            for method, path in CLOSED
        }
    assert {one: status for one, status in answers.items() if status != 401} == {}


def test_a_made_up_cookie_opens_nothing(web: Web) -> None:
    with web.client(Cookie="anju_session=made-up") as client:
        answers = {client.request(m, address(p)).status_code for m, p in CLOSED}
    assert answers == {401}


def test_every_change_demands_the_csrf_token(log_in: LogIn) -> None:
    client = log_in("admin")
    del client.headers["X-CSRF-Token"]
    changing = [(m, p) for m, p in CLOSED if m != "GET"]
    assert len(changing) >= 8
    for method, path in changing:
        assert client.request(method, address(path)).status_code == 403, (method, path)


def test_gateways_paths_are_closed_to_people(log_in: LogIn) -> None:
    answer = log_in("admin").put(
        "/api/v1/gateway/snapshots/some",
        content=b"x",
        headers={"X-Anju-Gateway": "garden/gw-west"},
    )
    assert answer.status_code == 401


def test_there_is_no_open_description_of_the_api(web: Web) -> None:
    with web.client() as client:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert client.get(path).status_code == 404


def test_every_answer_carries_security_headers(web: Web) -> None:
    with web.client() as client:
        for path in ("/healthz", "/api/v1/alerts", "/nothing"):
            headers = client.get(path).headers
            assert "script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


def test_a_large_body_is_refused_however_it_comes(web: Web) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 4096

    with web.client() as client:
        declared = client.post("/api/v1/session", content=b"x" * 100_000)
        hidden = client.post("/api/v1/session", content=chunks())
    assert (declared.status_code, hidden.status_code) == (413, 413)


def test_refusals_are_problems_in_one_shape(web: Web) -> None:
    with web.client() as client:
        answers = [client.get("/api/v1/alerts"), client.get("/nothing"), client.put("/healthz")]
    assert [a.status_code for a in answers] == [401, 404, 405]
    assert all(a.json()["status"] == a.status_code for a in answers)
    assert answers[0].json()["type"] == "/problems/not-authenticated"


def test_what_the_database_cannot_hold_is_refused_and_no_failure_of_ours(
    web: Web, log_in: LogIn
) -> None:
    guard = log_in()
    with web.client() as anybody:
        name = {"username": "gu\0ard", "password": "x"}
        answers = [
            anybody.post("/api/v1/session", json=name),
            guard.get("/api/v1/alerts/history?text=%00"),
            guard.get("/api/v1/devices/%00"),
            guard.get("/api/v1/media/%00"),
        ]
    assert [a.status_code for a in answers] == [422] * 4
    assert {a.json()["type"] for a in answers} == {"/problems/invalid-request"}
