"""Logging in and out, lock-out, CSRF, expiry."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from outer_site import PASSWORD, Site, Web
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.auth import passwords, service
from anju_platform.auth.entering import Door, prove_again
from anju_platform.auth.entering import log_in as log_in_at
from anju_platform.auth.model import LoginSession, Role, User
from anju_platform.auth.throttle import Throttle, lock_s
from anju_platform.auth.tokens import hash_token
from anju_platform.database import now, transaction
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotAuthenticatedError,
    TooManyAttemptsError,
)

LogIn = Callable[..., httpx.Client]


def attempt(site: Site, username: str, password: str, throttle: Throttle | None = None) -> str:
    door = Door(site.engine, throttle or Throttle(), hours=12)
    return log_in_at(door, service.Browser(address="10.0.0.1"), username, password).token


def test_the_cookie_is_hidden_from_scripts_and_only_its_hash_is_stored(
    site: Site, web: Web
) -> None:
    with web.client() as client:
        answer = client.post("/api/v1/session", json={"username": "guard", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    token = answer.cookies["anju_session"]
    assert len(token) >= 43
    with Session(site.engine) as session:
        stored = session.scalars(select(LoginSession)).one()
    assert token not in stored.token_hash
    assert stored.token_hash == hash_token(token)


def test_the_cookie_is_secure_where_settings_say_so(
    site: Site, serve_site: Callable[..., Web]
) -> None:
    web = serve_site(site.url, secure_cookies=True)
    with web.client() as client:
        answer = client.post("/api/v1/session", json={"username": "guard", "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_a_session_tells_who_it_is(log_in: LogIn) -> None:
    said = log_in("property").get("/api/v1/session").json()
    assert (said["name"], said["role"], said["locale"]) == ("李强", "property", "zh")


def test_wrong_password_and_unknown_name_are_told_alike(web: Web) -> None:
    with web.client() as client:
        answers = [
            client.post("/api/v1/session", json={"username": name, "password": "wrong wrong"})
            for name in ("guard", "nobody")
        ]
    assert [a.status_code for a in answers] == [401, 401]
    first, second = ({**a.json(), "instance": ""} for a in answers)
    assert first == second


def test_an_unknown_name_takes_as_long_as_a_wrong_password(site: Site) -> None:
    def seconds(username: str) -> float:
        taken = []
        for _ in range(4):
            begun = time.perf_counter()
            with pytest.raises(NotAuthenticatedError):
                attempt(site, username, "wrong wrong")
            taken.append(time.perf_counter() - begun)
        return statistics.median(taken)

    known, unknown = seconds("guard"), seconds("nobody")
    assert 0.4 < known / unknown < 2.5


def test_five_failures_lock_the_name_for_a_growing_time(site: Site) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticatedError):
            attempt(site, "guard", "wrong wrong")
    with pytest.raises(TooManyAttemptsError, match=r"try again in \d+ s"):
        attempt(site, "guard", PASSWORD)
    assert [lock_s(n) for n in (4, 5, 6, 7, 20)] == [0, 30, 60, 120, 900]


def test_a_lock_ends_and_a_right_password_clears_it(site: Site) -> None:
    for _ in range(5):
        with pytest.raises(NotAuthenticatedError):
            attempt(site, "guard", "wrong wrong")
    with transaction(site.engine) as session:
        session.execute(update(User).values(locked_until=now() - timedelta(seconds=1)))
    assert attempt(site, "guard", PASSWORD)
    with Session(site.engine) as session:
        user = session.scalars(select(User).where(User.username == "guard")).one()
    assert (user.failed_logins, user.locked_until) == (0, None)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Does something right after the next password was checked, before that counts."""
    check = passwords.verify

    def arrange(act: Callable[[], object]) -> None:
        def verify(stored: str | None, password: str) -> bool:
            right = check(stored, password)
            monkeypatch.setattr(passwords, "verify", check)
            act()
            return right

        monkeypatch.setattr(passwords, "verify", verify)

    return arrange


def new_hash(site: Site, password: str) -> None:
    with transaction(site.engine) as session:
        service.set_password(session, "guard", password)


def test_a_password_replaced_while_it_is_checked_opens_nothing(
    site: Site, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    meanwhile(lambda: new_hash(site, "another word of mine"))
    with pytest.raises(NotAuthenticatedError):
        attempt(site, "guard", PASSWORD)
    meanwhile(lambda: new_hash(site, "a third word of mine"))
    with pytest.raises(InvalidRequestError):
        prove_again(Door(site.engine, Throttle(), hours=12), site.actor(), "another word of mine")
    with Session(site.engine) as session:
        assert session.scalars(select(LoginSession)).all() == []


def test_a_password_hashed_anew_while_it_is_checked_is_right(
    site: Site, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    meanwhile(lambda: new_hash(site, PASSWORD))
    assert attempt(site, "guard", PASSWORD)
    meanwhile(lambda: new_hash(site, PASSWORD))
    prove_again(Door(site.engine, Throttle(), hours=12), site.actor(), PASSWORD)


def test_unknown_names_are_locked_like_known_ones(site: Site) -> None:
    throttle = Throttle()
    for _ in range(5):
        with pytest.raises(NotAuthenticatedError):
            attempt(site, "nobody", "wrong wrong", throttle)
    with pytest.raises(TooManyAttemptsError, match=r"try again in \d+ s"):
        attempt(site, "nobody", "wrong wrong", throttle)


def test_logging_in_ends_the_session_known_before(log_in: LogIn) -> None:
    client = log_in()
    before = client.cookies["anju_session"]
    client.post("/api/v1/session", json={"username": "guard", "password": PASSWORD})
    assert client.cookies["anju_session"] != before
    client.cookies.set("anju_session", before)
    client.cookies.jar.clear()
    stale = client.get("/api/v1/session", headers={"Cookie": f"anju_session={before}"})
    assert stale.status_code == 401


def test_logging_out_ends_the_session(log_in: LogIn) -> None:
    client = log_in()
    token = client.cookies["anju_session"]
    assert client.delete("/api/v1/session").status_code == 204
    answer = client.get("/api/v1/session", headers={"Cookie": f"anju_session={token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": now() - timedelta(seconds=1)},
        {"last_used_at": now() - service.IDLE - timedelta(seconds=1)},
    ],
    ids=["too old", "unused"],
)
def test_a_session_ends_by_age_and_by_idleness(
    site: Site, log_in: LogIn, change: dict[str, object]
) -> None:
    client = log_in()
    with transaction(site.engine) as session:
        session.execute(update(LoginSession).values(change))
    assert client.get("/api/v1/session").status_code == 401


def test_use_keeps_a_session_alive(site: Site, log_in: LogIn) -> None:
    client = log_in()
    old = now() - timedelta(minutes=30)
    with transaction(site.engine) as session:
        session.execute(update(LoginSession).values(last_used_at=old))
    assert client.get("/api/v1/session").status_code == 200
    with Session(site.engine) as session:
        assert session.scalars(select(LoginSession)).one().last_used_at > old


def test_a_disabled_person_is_out_at_once_and_stays_out(site: Site, log_in: LogIn) -> None:
    client = log_in()
    with transaction(site.engine) as session:
        service.set_disabled(session, "guard", disabled=True)
    assert client.get("/api/v1/session").status_code == 401
    with pytest.raises(NotAuthenticatedError):
        attempt(site, "guard", PASSWORD)


@pytest.mark.parametrize("token", [None, "", "wrong", "é"], ids=["none", "empty", "wrong", "odd"])
def test_changing_needs_the_csrf_token(log_in: LogIn, token: str | None) -> None:
    client = log_in()
    del client.headers["X-CSRF-Token"]
    headers = {} if token is None else {"X-CSRF-Token": token.encode()}
    answer = client.put("/api/v1/session/locale", json={"locale": "en"}, headers=headers)
    assert answer.status_code == 403
    assert client.get("/api/v1/session").json()["locale"] == "zh"


def test_the_language_can_be_changed(log_in: LogIn) -> None:
    client = log_in()
    assert client.put("/api/v1/session/locale", json={"locale": "en"}).status_code == 204
    assert client.get("/api/v1/session").json()["locale"] == "en"


def test_a_log_in_from_another_sites_page_is_refused(web: Web) -> None:
    said = {"username": "guard", "password": PASSWORD}
    with web.client(Origin="https://evil.example") as client:
        assert client.post("/api/v1/session", json=said).status_code == 403
    with web.client(Origin=web.url) as client:
        assert client.post("/api/v1/session", json=said).status_code == 204


def test_every_try_is_audited(site: Site, web: Web) -> None:
    with web.client() as client:
        for password in ("wrong wrong", PASSWORD):
            client.post("/api/v1/session", json={"username": "guard", "password": password})
    assert [e.subject for e in site.audited("auth.refused")] == ["user:guard"]
    [entry] = site.audited("auth.login")
    assert (entry.actor, entry.address) == ("王磊", "127.0.0.1")


def test_refusals_do_not_repeat_what_was_sent(web: Web) -> None:
    with web.client() as client:
        answer = client.post("/api/v1/session", json={"password": "secret secret"})
    assert answer.status_code == 422
    assert "secret" not in answer.text


def test_passwords_are_argon2_and_must_not_be_weak(site: Site) -> None:
    assert passwords.hash_password("some long password").startswith("$argon2id$")
    for weak in ("short", "a" * 20):
        with transaction(site.engine) as session, pytest.raises(InvalidRequestError):
            service.set_password(session, "guard", weak)


def test_a_user_name_is_taken_once_and_a_guard_has_a_community(site: Site) -> None:
    def add(username: str, role: Role, community_id: int | None) -> None:
        with transaction(site.engine) as session:
            service.add_user(
                session,
                username=username,
                name="x",
                role=role,
                community_id=community_id,
                password=PASSWORD,
            )

    with pytest.raises(ConflictError):
        add("guard", Role.GUARD, site.community_id)
    with pytest.raises(InvalidRequestError, match="community"):
        add("somebody", Role.GUARD, None)
    with pytest.raises(InvalidRequestError, match="user name"):
        add("Some Body", Role.GUARD, site.community_id)


def test_an_administrator_of_all_communities_chooses_one(site: Site, web: Web) -> None:
    from outer_site import community_file

    from anju_platform.provision import import_community

    with transaction(site.engine) as session:
        import_community(session, community_file("other"))
        service.add_user(
            session,
            username="root",
            name="Root",
            role=Role.ADMIN,
            community_id=None,
            password=PASSWORD,
        )
    with web.client() as client:
        client.post("/api/v1/session", json={"username": "root", "password": PASSWORD})
        assert client.get("/api/v1/community").json()["slug"] == "garden"
        client.cookies.set("anju_community", "other")
        assert client.get("/api/v1/community").json()["slug"] == "other"


def test_the_hash_nobody_has_is_made_with_the_settings_of_today() -> None:
    assert not passwords.is_outdated(passwords._NOBODY)


@pytest.mark.parametrize("check", ["verify", "hash_password"])
def test_a_flood_of_log_ins_is_refused_and_holds_no_threads(check: str) -> None:
    act = {
        "verify": lambda: passwords.verify(None, PASSWORD),
        "hash_password": lambda: passwords.hash_password(PASSWORD),
    }[check]
    everybody = threading.Barrier(40)

    def enter(_: int) -> str:
        everybody.wait()
        try:
            act()
        except TooManyAttemptsError as error:
            return str(error)
        return "checked"

    with ThreadPoolExecutor(40) as pool:
        outcomes = Counter(pool.map(enter, range(40)))
    assert set(outcomes) == {
        "checked",
        "too many log-ins at once; try again in a moment",
    }
    assert outcomes["checked"] < 20
    act()
