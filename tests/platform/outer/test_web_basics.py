"""What a scanner of web applications looks for first, asked of every page and endpoint there is.

Who may open what is in ``tests/dashboards/test_rights.py``; here is how everything answers:
headers, cookies, forged forms, redirects, odd paths, methods and bodies, and what errors tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from outer_site import JPEG, PASSWORD, Site, at_work
from second_step import turn_on
from sqlalchemy import update
from sqlalchemy.orm import Session
from whole_web import Whole, raw

from anju_dashboards.app import create_app
from anju_platform.auth.model import User
from anju_platform.config import Settings
from anju_platform.database import transaction
from anju_platform.middleware import MAX_BODY

EVIL = "evil.example"

ENDLESS = {"/api/v1/stream", "/stream"}
SAY_WHERE_FROM = [
    "/login",
    "/login/code",
    "/api/v1/session",
    "/api/v1/session/code",
    "/invited/{token}",
]
MAY_BE_KEPT = {"/sw.js", "/family.webmanifest", "/api/v1/media/{media_id}"}


@pytest.fixture
def start_whole(site: Site) -> Iterator[Callable[..., Whole]]:
    with ExitStack() as opened:

        def start(**changed: Any) -> Whole:
            settings = {"database_url": site.url, "secure_cookies": False} | changed
            app = create_app(Settings(**settings))
            return Whole(site, opened.enter_context(at_work(app)), opened)

        yield start


@pytest.fixture
def whole(start_whole: Callable[..., Whole]) -> Whole:
    return start_whole()


# -- headers and cookies -------------------------------------------------------------------


def faults_of(answer: httpx.Response, path: str, *, https: bool) -> list[str]:
    """Say what an answer's headers lack."""
    headers = answer.headers
    policy = headers.get("content-security-policy", "")
    wanted = {
        "frame-ancestors 'none'": "frame-ancestors 'none'" in policy,
        "default-src 'none'": "default-src 'none'" in policy,
        "no unsafe-": "unsafe-" not in policy,
        "base-uri, form-action": "base-uri 'none'" in policy and "form-action 'self'" in policy,
        "nosniff": headers.get("x-content-type-options") == "nosniff",
        "frames": headers.get("x-frame-options") == "DENY",
        "referrer": headers.get("referrer-policy") == "same-origin",
        "no-store": headers.get("cache-control") == "no-store" or path in MAY_BE_KEPT,
        "no CORS": not [name for name in headers if name.startswith("access-control")],
        "HSTS": ("strict-transport-security" in headers) is https,
        "no server": not {"server", "x-powered-by"} & set(headers),
        "a type": "content-type" in headers or not answer.content,
    }
    wanted |= {f"cookie {each}": False for each in bad_cookies(answer, https=https)}
    return [name for name, held in wanted.items() if not held]


def bad_cookies(answer: httpx.Response, *, https: bool) -> list[str]:
    """Name the cookies an answer sets that scripts, other sites or plain lines could get."""
    bad = []
    for line in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(line).items():
            same_site = str(morsel["samesite"]).lower() in {"lax", "strict"}
            if not (morsel["httponly"] and same_site and bool(morsel["secure"]) is https):
                bad.append(f"{name}: {line.partition('=')[0]}")
    return bad


@pytest.mark.parametrize("https", [False, True])
def test_every_answer_carries_what_keeps_browsers_safe(
    start_whole: Callable[..., Whole], *, https: bool
) -> None:
    whole = start_whole(secure_cookies=https)
    wrong: dict[str, list[str]] = {}
    nobody = whole.anybody(Origin=f"https://{EVIL}")
    for method, path in whole.routes:
        answer = nobody.request(method, whole.address(path))
        if faults := faults_of(answer, path, https=https):
            wrong[f"{method} {path}"] = faults
    assert wrong == {}


@pytest.mark.parametrize("username", ["admin", "family"])
def test_so_does_every_page_somebody_opens(whole: Whole, username: str) -> None:
    client = whole.person(username)
    seen, wrong = 0, {}
    for method, path in whole.routes:
        if method != "GET" or path in ENDLESS:
            continue
        answer = client.get(whole.address(path))
        seen += answer.status_code == 200
        if faults := faults_of(answer, path, https=False):
            wrong[path] = faults
    assert wrong == {}
    assert seen > 15


@pytest.mark.parametrize("https", [False, True])
def test_every_cookie_is_closed_to_scripts_and_other_sites(
    start_whole: Callable[..., Whole], *, https: bool
) -> None:
    whole = start_whole(secure_cookies=https)
    client = whole.anybody()
    form = {"username": "guard", "password": PASSWORD}
    entered = client.post("/login", data=form)
    kept = "; ".join(f"{name}={value}" for name, value in entered.cookies.items())
    said = client.get("/api/v1/session", headers={"Cookie": kept}).json()
    mine = {"Cookie": kept, "X-CSRF-Token": said["csrf"]}
    answers = [
        entered,
        client.get("/login?lang=en"),
        client.post("/language", data={"locale": "en"}, headers=mine),
        client.post("/logout", headers=mine),
    ]
    assert all(answer.headers.get_list("set-cookie") for answer in answers)
    assert [bad for answer in answers for bad in bad_cookies(answer, https=https)] == []


# -- forged requests -----------------------------------------------------------------------


def test_nothing_is_changed_with_the_cookie_alone(whole: Whole) -> None:
    """As a page of another site would: it sends the cookie and knows no token."""
    client, other = whole.person(), whole.person("property")
    forged = [None, "", "wrong", other.headers["X-CSRF-Token"]]
    del client.headers["X-CSRF-Token"]
    wrong = {}
    for method, path in whole.changing():
        for token in forged:
            form = {} if token is None else {"csrf": token}
            answer = client.request(method, whole.address(path), data=form)
            if answer.status_code != 403:
                wrong[f"{method} {path}"] = (token, answer.status_code)
    assert wrong == {}
    assert len(whole.changing()) > 60
    assert client.get("/api/v1/session").status_code == 200


@pytest.mark.parametrize("origin", [f"https://{EVIL}", "null", "http://127.0.0.1.evil.example"])
def test_nobody_is_logged_in_by_another_sites_page(whole: Whole, origin: str) -> None:
    said = {"username": "guard", "password": PASSWORD, "code": "000000"}
    client = whole.anybody(Origin=origin)
    for path in SAY_WHERE_FROM:
        body: dict[str, Any] = {"json": said} if "/api/" in path else {"data": said}
        answer = client.post(whole.address(path), **body)
        assert (path, answer.status_code) == (path, 403)
        assert "anju_session" not in answer.cookies


# -- where answers lead --------------------------------------------------------------------

LEADS_AWAY = [
    f"https://{EVIL}/",
    f"//{EVIL}/",
    f"///{EVIL}",
    f"/\\{EVIL}",
    f"\\\\{EVIL}",
    f"/\t/{EVIL}",
    f"/\r\nLocation: https://{EVIL}",
    f"https:{EVIL}",
    "javascript:alert(1)",
    f"@{EVIL}",
    f".{EVIL}",
]


@pytest.mark.parametrize("given", LEADS_AWAY)
def test_a_log_in_leads_nowhere_else(whole: Whole, given: str) -> None:
    form = {"username": "guard", "password": PASSWORD, "next": given}
    client = whole.person("guard")
    csrf = {"csrf": client.headers["X-CSRF-Token"]}
    answers = [
        whole.anybody().post("/login", data=form),
        whole.anybody().get("/login/code", params={"next": given}),
        client.post("/language", data=csrf | {"locale": "en", "back": given}),
    ]
    for answer in answers:
        assert answer.status_code == 303
        leads = urlsplit(answer.headers["location"])
        assert (leads.scheme, leads.netloc) == ("", "")
        assert EVIL not in leads.path
    page = whole.anybody().get("/login", params={"next": given})
    assert EVIL not in page.text


def test_the_host_a_request_names_is_repeated_nowhere(whole: Whole) -> None:
    client = whole.person()
    client.headers["Host"] = EVIL
    wrong = []
    for method, path in whole.routes:
        if method == "GET" and path not in ENDLESS:
            for address in (whole.address(path), f"{whole.address(path)}/"):
                answer = client.get(address)
                if EVIL in answer.text + str(answer.headers):
                    wrong.append(address)
    assert wrong == []
    made = client.post("/api/v1/invitations", json={"role": "guard", "name": "赵云"})
    assert EVIL not in made.json()["url"]


# -- odd paths, methods, bodies ------------------------------------------------------------

UP = ["..", "%2e%2e", "%2E%2E", "..%2f..", "%252e%252e", "..%5c..", "....//", "..;", "%c0%ae%c0%ae"]
TARGETS = ["etc/passwd", "rendering.py", "locale/zh/messages.po"]


@pytest.mark.parametrize("root", ["/static", "/static/js", "/static/vendor", "/api/v1/media"])
def test_no_path_leads_out_of_its_folder(whole: Whole, root: str) -> None:
    got = {}
    for up in UP:
        for times in (1, 2, 8):
            for target in TARGETS:
                for between in ("/", "%2f"):
                    climb = between.join([up] * times)
                    path = f"{root}/{climb}{between}{target}"
                    status, body = raw(whole.web, path)
                    if status not in {401, 404} or b"root:" in body or b"import" in body:
                        got[path] = status
    assert got == {}


@pytest.mark.parametrize(
    "path",
    [
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/%00",
        "/static/js/wall.js%00.png",
        "/static/" + "a" * 5000,
        "/static/" + "a/" * 2000,
        "/static/%ff%fe",
        "/static/C:%5cwindows",
        "/static/js",
        "/static/",
        "/static",
        "//static/js/wall.js",
        "/%2e%2e/static",
        "/wall/../metrics",
        "/nothing/%00",
        "/alerts/%ff",
        "/devices/%00",
    ],
)
def test_odd_paths_are_no_failure_of_ours(whole: Whole, path: str) -> None:
    status, body = raw(whole.web, path)
    assert status in {303, 401, 404, 422}, body
    assert b"root:" not in body


def test_only_methods_that_are_meant_do_something(whole: Whole) -> None:
    client, wrong = whole.person(), {}
    meant: dict[str, set[str]] = {}
    for method, path in whole.routes:
        meant.setdefault(path, set()).add(method)
    for path, known in meant.items():
        for method in {"PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "POST", "FROB"} - known:
            answer = client.request(method, whole.address(path), headers={"X-Echo": "echoed"})
            refused = answer.status_code in {400, 403, 404, 405, 422}
            if not refused or "echoed" in answer.text:
                wrong[f"{method} {path}"] = answer.status_code
    assert wrong == {}


def test_a_body_that_is_too_large_is_refused_wherever_one_is_read(whole: Whole) -> None:
    client, failed, too_large = whole.person(), {}, 0
    large = b'{"text": "' + b"x" * 3 * 1024 * 1024 + b'"}'
    assert len(large) > MAX_BODY
    for method, path in whole.routes:
        if method not in {"POST", "PUT"} or path == "/logout":
            continue
        kind = "application/json" if "/api/" in path else "application/x-www-form-urlencoded"
        answer = client.request(
            method, whole.address(path), content=large, headers={"Content-Type": kind}
        )
        too_large += answer.status_code == 413
        if answer.status_code >= 500:
            failed[f"{method} {path}"] = answer.status_code
    assert failed == {}
    assert too_large > 40


NO_PICTURES = [
    b"<html><script>alert(1)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"GIF89a<script>alert(1)</script>",
    b"%PDF-1.7",
    b"",
    b"\xff\xd8<script>alert(1)</script>",
]


def test_only_pictures_are_taken_in_and_given_out_as_pictures(whole: Whole) -> None:
    site = whole.site
    gateway = whole.anybody(
        **{
            "X-Anju-Gateway": "garden/gw-west",
            "Authorization": f"Bearer {site.secrets['gw-west']}",
        }
    )
    site.alert(media_id="picture")
    for content in NO_PICTURES:
        answer = gateway.put(
            "/api/v1/gateway/snapshots/picture",
            content=content,
            headers={"Content-Type": "text/html"},
        )
        assert (content, answer.status_code) == (content, 422)
    stored = gateway.put("/api/v1/gateway/snapshots/picture", content=JPEG)
    assert stored.status_code == 201
    seen = whole.person().get("/api/v1/media/picture")
    assert seen.headers["content-type"] == "image/jpeg"
    assert seen.headers["x-content-type-options"] == "nosniff"
    assert seen.content == JPEG


# -- sessions and what refusals tell -------------------------------------------------------


def test_a_session_somebody_put_there_is_not_the_one_that_is_logged_in(whole: Whole) -> None:
    planted = "planted-by-somebody-else"
    client = whole.anybody()
    said = {"username": "guard", "password": PASSWORD}
    cookie = {"Cookie": f"anju_session={planted}; anju_login={planted}"}
    first = client.post("/api/v1/session", json=said, headers=cookie)
    session = first.cookies["anju_session"]
    assert session != planted
    assert client.get("/api/v1/session", headers=cookie).status_code == 401
    client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
    telephone, _ = turn_on(client)
    half = client.post("/api/v1/session", json=said)
    assert half.status_code == 202
    # with the password alone the session of before has ended, and there is none yet
    assert client.get("/api/v1/session").status_code == 401
    assert client.post("/api/v1/session/code", json={"code": telephone.code()}).status_code == 200
    assert client.cookies["anju_session"] not in {session, planted, half.cookies["anju_login"]}


def test_nobody_learns_who_has_an_account(whole: Whole) -> None:
    turn_on(whole.person("property"))
    with Session(whole.site.engine) as session, session.begin():
        session.execute(update(User).where(User.username == "office").values(disabled=True))

    def told(username: str) -> tuple[Any, ...]:
        said = {"username": username, "password": "wrong wrong"}
        api = whole.anybody().post("/api/v1/session", json=said)
        page = whole.anybody().post("/login", data=said)
        shown = page.text.replace(username, "")
        problem = api.json() | {"instance": ""}  # one for each answer
        return api.status_code, str(problem), page.status_code, shown, api.headers.keys()

    names = ["guard", "property", "office", "nobody"]
    answers = [told(name) for name in names]
    assert len({len(answer[3]) for answer in answers}) == 1  # it holds the time of day
    assert {answer[:3] for answer in answers} == {answers[0][:3]}
    assert {tuple(answer[4]) for answer in answers} == {tuple(answers[0][4])}


def test_a_failure_says_nothing_of_our_inside(whole: Whole) -> None:
    inside = "a secret word in /usr/lib/python3"

    def fail() -> None:
        raise RuntimeError(inside)

    app = whole.web.app
    for path in ("/api/v1/fails", "/fails"):
        app.router.add_api_route(path, fail)
        app.router.routes.insert(0, app.router.routes.pop())  # before the mounted files
        answer = whole.anybody().get(path)
        assert answer.status_code == 500
        assert faults_of(answer, path, https=False) == []
        for word in (inside, "Traceback", "RuntimeError", ".py"):
            assert word not in answer.text


def test_refusals_say_nothing_of_our_inside(whole: Whole) -> None:
    client, wrong = whole.person(), {}
    for method, path in whole.routes:
        if path in ENDLESS:
            continue
        answer = client.request(
            method,
            whole.address(path),
            content=b"\xff{",
            headers={"Content-Type": "application/json"},
        )
        inside = [word for word in ("Traceback", "sqlalchemy", "psycopg") if word in answer.text]
        if answer.status_code >= 500 or inside:
            wrong[f"{method} {path}"] = (answer.status_code, inside)
        if (method, path) in {("POST", "/logout"), ("DELETE", "/api/v1/session")}:
            client = whole.person()
    assert wrong == {}


def test_a_password_nobody_can_keep_is_refused_in_words(whole: Whole) -> None:
    """A character that PostgreSQL cannot hold is the visitor's fault, not ours."""
    form = {"username": "gu\0ard", "password": "x\0"}
    answer = whole.anybody().post("/login", data=form)
    assert answer.status_code in {401, 422}
    with transaction(whole.site.engine) as session:
        assert session.query(User).filter(User.failed_logins > 0).count() == 0
