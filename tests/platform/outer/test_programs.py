"""Programs and their tokens: what they may, when they end, and that pages know nothing of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from outer_site import PASSWORD, Site, Web, ago, at_work
from second_step import turn_on
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_dashboards.app import create_app
from anju_dashboards.words import RIGHT
from anju_platform.accounts import programs
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import Door, prove_again
from anju_platform.auth.model import ApiToken, Role, User
from anju_platform.auth.rights import FOR_PROGRAMS, RIGHTS, Right
from anju_platform.auth.service import set_password
from anju_platform.auth.tokens import hash_token
from anju_platform.config import Settings
from anju_platform.database import now, transaction

LogIn = Callable[..., httpx.Client]


def make(client: httpx.Client, *rights: str, **changed: Any) -> httpx.Response:
    body = {"name": "报表程序", "rights": list(rights or ("see_alerts",)), "password": PASSWORD}
    return client.post("/api/v1/me/tokens", json=body | changed)


def secret_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


def status(web: Web, secret: str, path: str = "/api/v1/alerts", method: str = "GET") -> int:
    with web.client(Authorization=f"Bearer {secret}") as program:
        return program.request(method, path, json={}).status_code


def test_a_program_does_what_it_was_given_and_nothing_else(
    site: Site, web: Web, log_in: LogIn
) -> None:
    alert = site.alert()
    secret = secret_of(make(log_in("office"), "see_alerts", "export"))
    assert secret.startswith("anju_")
    assert status(web, secret, f"/api/v1/alerts/{alert}") == 200
    assert status(web, secret, "/api/v1/alerts/history.csv") == 200
    for path in ("/api/v1/devices", "/api/v1/rules", "/api/v1/people", "/api/v1/stream"):
        assert (path, status(web, secret, path)) == (path, 403)
    with web.client(Authorization=f"Bearer {secret}") as program:
        told = program.get("/api/v1/devices").json()["detail"]
        who = program.get("/api/v1/session").json()
    assert told == "this token was not given the right see_devices"
    assert (who["username"], who["name"], who["csrf"]) == ("office", "何敏 · 报表程序", "")


def test_a_program_changes_things_without_a_csrf_token(site: Site, web: Web, log_in: LogIn) -> None:
    secret = secret_of(make(log_in("property"), "keep_devices", "see_devices"))
    with web.client(Authorization=f"bearer {secret}") as program:
        answer = program.put("/api/v1/devices/b1-door/state", json={"state": "retired"})
    assert answer.status_code < 300
    [entry] = site.audited("device.retired")
    assert (entry.actor, entry.user_id) == (
        "李强 · 报表程序",
        site.actor(Role.PROPERTY).user_id,
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/me/addresses"),
        ("GET", "/api/v1/me/logins"),
        ("GET", "/api/v1/me/tokens"),
        ("POST", "/api/v1/me/tokens"),
        ("GET", "/api/v1/me/second-factor"),
        ("DELETE", "/api/v1/session"),
        ("PUT", "/api/v1/session/locale"),
        ("POST", "/api/v1/invitations"),
        ("POST", "/api/v1/people/1/password-link"),
        ("DELETE", "/api/v1/people/1/second-factor"),
        ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/receipts"),
    ],
)
def test_what_is_a_persons_own_is_not_for_programs(
    web: Web, log_in: LogIn, method: str, path: str
) -> None:
    secret = secret_of(make(log_in("admin"), *sorted(FOR_PROGRAMS)))
    assert status(web, secret, path, method) == 403


def test_no_program_takes_an_alert_on_or_lets_people_in(log_in: LogIn) -> None:
    admin = log_in("admin")
    for right in ("take_on", "handle", "invite", "keep_people", "keep_tokens", "keep_channels"):
        answer = make(admin, "see_alerts", right)
        assert (answer.status_code, right in answer.json()["detail"]) == (422, True)
    assert make(admin, "fly").status_code == 422


def test_nobody_gives_what_they_have_not(log_in: LogIn) -> None:
    assert make(log_in("office"), "keep_rules").status_code == 422
    assert make(log_in("admin"), "keep_rules").status_code == 201
    for role in ("guard", "family", "grid", "installer", "auditor"):
        assert make(log_in(role)).status_code == 403


def test_a_token_asks_for_the_password_and_has_an_end(log_in: LogIn) -> None:
    office = log_in("office")
    assert make(office, password="wrong wrong").status_code == 422
    for days, answer in ((0, 422), (366, 422), (365, 201)):
        assert make(office, days=days).status_code == answer
    assert make(office, name="").status_code == 422


def test_of_who_has_a_second_factor_a_code_is_asked_too(log_in: LogIn) -> None:
    office = log_in("office")
    telephone, recovery = turn_on(office)
    assert make(office).status_code == 422
    assert make(office, code="000000").status_code == 422
    assert make(office, password="wrong wrong", code=recovery[0]).status_code == 422
    assert make(office, code=telephone.code()).status_code == 201


def test_a_token_outlives_no_new_password_and_no_reset(site: Site, web: Web, log_in: LogIn) -> None:
    secret = secret_of(make(log_in("office")))
    with transaction(site.engine) as session:
        set_password(session, "office", "a password nobody knows yet")
    assert not is_good(web, secret)
    other = log_in("property")
    telephone, _ = turn_on(other)
    secret = secret_of(make(other, code=telephone.code()))
    assert is_good(web, secret)
    path = f"/api/v1/people/{site.actor(Role.PROPERTY).user_id}/second-factor"
    assert log_in("admin").delete(path).status_code == 204
    assert not is_good(web, secret)


def test_no_token_is_made_by_a_log_in_that_ends_meanwhile(
    site: Site, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is thrown out by a new password leaves no program behind."""
    client = log_in("office")

    def prove_and_be_thrown_out(door: Door, actor: Actor, password: str, code: str | None) -> None:
        prove_again(door, actor, password, code)
        with transaction(site.engine) as session:
            set_password(session, "office", "another word of mine")

    monkeypatch.setattr(programs, "prove_again", prove_and_be_thrown_out)
    assert make(client).status_code == 401
    with Session(site.engine) as session:
        assert session.scalars(select(ApiToken)).all() == []


def test_a_token_goes_not_round_a_factor_that_its_makers_role_must_have(
    site: Site, log_in: LogIn, serve_site: Callable[..., Web]
) -> None:
    office = log_in("office")
    secret = secret_of(make(office))
    web = serve_site(site.url, second_factor_roles="office")
    assert status(web, secret) == 401
    turn_on(office)
    assert is_good(web, secret)


def test_pages_know_nothing_of_tokens(site: Site, log_in: LogIn) -> None:
    secret = secret_of(make(log_in("admin"), *sorted(FOR_PROGRAMS)))
    app = create_app(Settings(database_url=site.url, secure_cookies=False))
    with at_work(app) as web, web.client(Authorization=f"Bearer {secret}") as program:
        for path in ("/wall", "/alerts", "/me", "/people", "/alerts.csv"):
            answer = program.get(path)
            assert answer.headers["location"].startswith("/login")
        assert program.post("/me/addresses", data={"kind": "phone"}).status_code == 401
        assert program.get("/api/v1/alerts").status_code == 200


def test_a_cookie_and_a_token_are_not_mixed(log_in: LogIn) -> None:
    office = log_in("office")
    secret = secret_of(make(office))
    answer = office.get("/api/v1/alerts", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 422
    assert "not both" in answer.json()["detail"]
    # what a proxy asks for itself is none of ours
    basic = office.get("/api/v1/alerts", headers={"Authorization": "Basic Zm9vOmJhcg=="})
    assert basic.status_code == 200


def is_good(web: Web, secret: str) -> bool:
    return status(web, secret) == 200


def test_a_token_ends_by_its_time_when_it_is_revoked_and_with_its_maker(
    site: Site, web: Web, log_in: LogIn
) -> None:
    office, admin = log_in("office"), log_in("admin")
    made = [make(office) for _ in range(3)]
    secrets = [secret_of(each) for each in made]
    numbers = [each.json()["token"]["id"] for each in made]
    assert [is_good(web, each) for each in secrets] == [True] * 3
    assert office.delete(f"/api/v1/me/tokens/{numbers[0]}").status_code == 204
    assert log_in("property").delete(f"/api/v1/me/tokens/{numbers[1]}").status_code == 404
    assert office.delete(f"/api/v1/tokens/{numbers[1]}").status_code == 403
    assert admin.delete(f"/api/v1/tokens/{numbers[1]}").status_code == 204
    assert [is_good(web, each) for each in secrets] == [False, False, True]
    user = site.actor(Role.OFFICE).user_id
    path = f"/api/v1/people/{user}/disabled"
    assert admin.put(path, json={"disabled": True}).status_code == 204
    assert not is_good(web, secrets[2])
    assert admin.put(path, json={"disabled": False}).status_code == 204
    assert not is_good(web, secrets[2])  # whoever is let in again makes new ones
    assert [e.actor for e in site.audited("token.revoked")] == ["何敏", "陈静"]
    assert len(site.audited("token.made")) == 3


def test_a_token_is_good_until_its_end(site: Site, web: Web, log_in: LogIn) -> None:
    secret = secret_of(make(log_in("office"), days=1))
    with transaction(site.engine) as session:
        token = session.scalars(select(ApiToken)).one()
        assert token.expires_at - token.created_at == timedelta(days=1)
        token.expires_at = ago(seconds=1)
    assert not is_good(web, secret)
    [told] = log_in("office").get("/api/v1/me/tokens").json()
    assert told["expired"] is True


def test_a_maker_who_may_less_leaves_programs_that_may_less(
    site: Site, web: Web, log_in: LogIn
) -> None:
    secret = secret_of(make(log_in("admin"), "see_alerts", "read_audit"))
    assert status(web, secret, "/api/v1/audit") == 200

    def becomes(role: Role) -> None:
        with transaction(site.engine) as session:
            session.execute(update(User).where(User.username == "admin").values(role=role))

    becomes(Role.OFFICE)
    assert status(web, secret, "/api/v1/audit") == 403
    assert is_good(web, secret)
    becomes(Role.GUARD)  # who may give programs no tokens
    assert not is_good(web, secret)


def test_a_token_opens_no_other_community(site: Site, web: Web, log_in: LogIn) -> None:
    secret = secret_of(make(log_in("office")))
    with transaction(site.engine) as session:
        session.execute(update(User).where(User.username == "office").values(community_id=None))
        session.execute(update(User).where(User.username == "office").values(role="admin"))
    with web.client(Authorization=f"Bearer {secret}", Cookie="anju_community=other") as program:
        assert program.get("/api/v1/session").json()["community_id"] == site.community_id


def test_only_a_hash_is_kept_and_the_use_is_noted_once_a_minute(
    site: Site, web: Web, log_in: LogIn
) -> None:
    office = log_in("office")
    secret = secret_of(make(office))
    assert office.get("/api/v1/me/tokens").json()[0]["last_used_at"] is None
    assert secret not in office.get("/api/v1/me/tokens").text

    def used() -> Any:
        assert is_good(web, secret)
        with Session(site.engine) as session:
            token = session.scalars(select(ApiToken)).one()
            assert secret not in str(vars(token))
            assert token.token_hash == hash_token(secret)
            return token.last_used_at

    first = used()
    assert first is not None
    assert used() == first
    with transaction(site.engine) as session:
        session.execute(update(ApiToken).values(last_used_at=now() - timedelta(seconds=61)))
    assert used() > first - timedelta(seconds=61)
    assert used() >= first


def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(web: Web, log_in: LogIn) -> None:
    secret = secret_of(make(log_in("office")))
    answers = [status(web, f"anju_wrong{n}") for n in range(7)]
    assert answers == [401] * 5 + [429] * 2
    assert is_good(web, secret)
    with web.client() as client:  # nor is anybody's log-in
        said = {"username": "guard", "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204


@pytest.mark.parametrize("given", ["x", "é", "anju_" + "x" * 5000, "a b c", "anju_"])
def test_odd_tokens_are_wrong_tokens(web: Web, given: str) -> None:
    with web.client() as program:
        headers = {"Authorization": f"Bearer {given}".encode()}
        assert program.get("/api/v1/alerts", headers=headers).status_code == 401


def test_nobody_has_more_tokens_than_anybody_can_look_through(log_in: LogIn) -> None:
    office = log_in("office")
    for _ in range(20):
        last = make(office)
    assert make(office).status_code == 409
    assert office.delete(f"/api/v1/me/tokens/{last.json()['token']['id']}").status_code == 204
    assert make(office).status_code == 201


def test_each_right_a_program_may_have_has_words_and_somebody_who_gives_it() -> None:
    assert set(RIGHT) == FOR_PROGRAMS
    makers = [rights for rights in RIGHTS.values() if Right.KEEP_TOKENS in rights]
    assert frozenset().union(*makers) >= FOR_PROGRAMS
