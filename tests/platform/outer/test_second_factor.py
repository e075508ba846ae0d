"""The second step of a log-in: codes of a telephone, recovery codes, who must, who is let in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from outer_site import PASSWORD, Site, Web, ago
from second_step import Telephone, turn_on
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from anju_platform.accounts import guarding
from anju_platform.auth import keys, second_factor
from anju_platform.auth.entering import Door, half_way
from anju_platform.auth.model import HalfLogIn, PlatformKey, Role, SecondFactor, User
from anju_platform.auth.service import set_password
from anju_platform.auth.throttle import Throttle
from anju_platform.auth.tokens import hash_token
from anju_platform.database import now, transaction
from anju_platform.errors import ConfigError, NotAuthenticatedError

LogIn = Callable[..., httpx.Client]


def password_of(client: httpx.Client, username: str = "guard") -> httpx.Response:
    said = {"username": username, "password": PASSWORD}
    return client.post("/api/v1/session", json=said)


def code_of(client: httpx.Client, code: str) -> int:
    return client.post("/api/v1/session/code", json={"code": code}).status_code


def unlock(site: Site, web: Web) -> None:
    """Let the time of a lock pass."""
    web.app.state.throttle._failures.clear()
    with transaction(site.engine) as session:
        session.execute(update(User).values(locked_until=None))


def test_a_log_in_asks_for_a_code_once_it_is_on(web: Web, log_in: LogIn) -> None:
    telephone, recovery = turn_on(log_in())
    assert len(set(recovery)) == 10
    with web.client() as client:
        asked = password_of(client)
        assert (asked.status_code, asked.json()["owes"]) == (202, "code")
        assert "anju_session" not in client.cookies
        assert client.get("/api/v1/session").status_code == 401
        assert code_of(client, telephone.code()) == 200
        assert client.get("/api/v1/session").json()["username"] == "guard"


def test_until_it_is_confirmed_the_password_is_enough(web: Web, log_in: LogIn) -> None:
    client = log_in()
    made = client.post("/api/v1/me/second-factor", json={"password": PASSWORD})
    assert made.json()["uri"].startswith("otpauth://totp/Anju:guard?secret=")
    wrong = client.post("/api/v1/me/second-factor/confirm", json={"code": "000000"})
    assert wrong.status_code == 422
    assert client.get("/api/v1/me/second-factor").json()["on"] is False
    with web.client() as another:
        assert password_of(another).status_code == 204


def test_a_secret_waits_a_quarter_of_an_hour_for_its_first_code(site: Site, log_in: LogIn) -> None:
    client = log_in()
    made = client.post("/api/v1/me/second-factor", json={"password": PASSWORD}).json()
    with transaction(site.engine) as session:
        session.execute(update(SecondFactor).values(created_at=ago(minutes=16)))
    said = {"code": Telephone(made["secret"]).code()}
    assert client.post("/api/v1/me/second-factor/confirm", json=said).status_code == 409


def test_a_secret_is_for_the_log_in_alone_that_began_it(site: Site, log_in: LogIn) -> None:
    """Whoever else knows the password neither sees a new secret nor confirms it."""
    victim, thief = log_in(), log_in()
    made = victim.post("/api/v1/me/second-factor", json={"password": PASSWORD}).json()
    actors = [
        replace(site.actor(), token_hash=hash_token(each.cookies["anju_session"]))
        for each in (victim, thief)
    ]
    web = Door(site.engine, Throttle(), hours=1)
    shown = [guarding.pending(web, actor) for actor in actors]
    assert [each.secret if each else None for each in shown] == [made["secret"], None]
    said = {"code": Telephone(made["secret"]).code()}
    assert thief.post("/api/v1/me/second-factor/confirm", json=said).status_code == 409
    assert victim.post("/api/v1/me/second-factor/confirm", json=said).status_code == 200


def test_turning_it_on_ends_the_log_ins_elsewhere(log_in: LogIn) -> None:
    here, elsewhere = log_in(), log_in()
    turn_on(here)
    assert here.get("/api/v1/session").status_code == 200
    assert elsewhere.get("/api/v1/session").status_code == 401


def test_a_code_counts_once(web: Web, log_in: LogIn) -> None:
    telephone, recovery = turn_on(log_in())
    code = telephone.code()
    for given in (code, recovery[0]):
        for expected in (200, 401):
            with web.client() as client:
                password_of(client)
                assert code_of(client, given) == expected


def test_two_who_give_the_same_code_at_once_are_let_in_once(web: Web, log_in: LogIn) -> None:
    telephone, _ = turn_on(log_in())
    code = telephone.code()
    clients = [web.client() for _ in range(4)]
    for client in clients:
        assert password_of(client).status_code == 202
    together = threading.Barrier(len(clients))

    def give(client: httpx.Client) -> int:
        together.wait()
        return code_of(client, code)

    with ThreadPoolExecutor(len(clients)) as pool:
        assert sorted(pool.map(give, clients)) == [200, 401, 401, 401]
    for client in clients:
        client.close()


@pytest.mark.parametrize("off_by", range(-3, 4))
def test_a_telephones_clock_may_be_off_by_one_step(site: Site, log_in: LogIn, off_by: int) -> None:
    turn_on(log_in())
    user, at = site.actor().user_id, now() + timedelta(hours=1)
    with transaction(site.engine) as session:
        factor = session.get_one(SecondFactor, user)
        totp = pyotp.TOTP(keys.unseal(session, factor.secret))
        code = totp.at(at + timedelta(seconds=30 * off_by))
        proof = second_factor.prove(session, user, code, at)
    assert (proof is not None) is (abs(off_by) <= 1)


def test_a_code_before_the_one_used_last_is_worth_nothing(site: Site, log_in: LogIn) -> None:
    turn_on(log_in())
    user, at = site.actor().user_id, now() + timedelta(hours=1)
    with transaction(site.engine) as session:
        totp = pyotp.TOTP(keys.unseal(session, session.get_one(SecondFactor, user).secret))
        assert second_factor.prove(session, user, totp.at(at), at) == "code"
        earlier = totp.at(at - timedelta(seconds=30))
        assert second_factor.prove(session, user, earlier, at) is None


def test_a_server_whose_clock_was_ahead_holds_nobody_out(site: Site, log_in: LogIn) -> None:
    turn_on(log_in())
    user, at = site.actor().user_id, now() + timedelta(hours=1)
    ahead = at + timedelta(days=30)
    with transaction(site.engine) as session:
        totp = pyotp.TOTP(keys.unseal(session, session.get_one(SecondFactor, user).secret))
        assert second_factor.prove(session, user, totp.at(ahead), ahead) == "code"
        assert second_factor.prove(session, user, totp.at(at), at) == "code"
        assert second_factor.prove(session, user, totp.at(at), at) is None


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "１２３４５６", "abcdef", "0" * 64, "\u0000"]
)
def test_odd_codes_are_wrong_codes(site: Site, web: Web, log_in: LogIn, code: str) -> None:
    turn_on(log_in())
    with web.client() as client:
        password_of(client)
        assert code_of(client, code) in {401, 422}
    assert [e.data for e in site.audited("auth.login")] == [{}]


FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def test_people_may_put_gaps_into_codes(web: Web, log_in: LogIn) -> None:
    telephone, recovery = turn_on(log_in())
    code = telephone.code().translate(FULL_WIDTH)  # as a Chinese keyboard types it
    for given in (f"{code[:3]} {code[3:]}", recovery[0].upper().replace("-", " ")):
        with web.client() as client:
            password_of(client)
            assert code_of(client, given) == 200


def test_wrong_codes_lock_as_wrong_passwords_do(site: Site, web: Web, log_in: LogIn) -> None:
    telephone, _ = turn_on(log_in())
    with web.client() as client:
        for _ in range(5):  # a right password in between forgets nothing
            assert password_of(client).status_code == 202
            assert code_of(client, "000000") == 401
        code = telephone.code()
        assert code_of(client, code) == 429
        assert password_of(client).status_code == 429
    with web.client(**{"X-Forwarded-For": "10.0.0.9"}) as elsewhere:
        assert password_of(elsewhere).status_code == 429
    assert len(site.audited("auth.refused")) == 5
    unlock(site, web)
    with web.client() as client:
        password_of(client)
        assert code_of(client, code) == 200
    with Session(site.engine) as session:
        user = session.scalars(select(User).where(User.username == "guard")).one()
    assert user.failed_logins == 0


def test_half_a_log_in_opens_nothing_and_does_not_last(site: Site, web: Web, log_in: LogIn) -> None:
    telephone, _ = turn_on(log_in())
    code = telephone.code()
    with web.client() as client:
        assert code_of(client, code) == 401
        password_of(client)
        half = client.cookies["anju_login"]
        as_session = {"Cookie": f"anju_session={half}"}
        assert client.get("/api/v1/session", headers=as_session).status_code == 401
        with transaction(site.engine) as session:
            session.execute(update(HalfLogIn).values(expires_at=ago(seconds=1)))
        assert code_of(client, code) == 401
        password_of(client)
        with transaction(site.engine) as session:
            session.execute(update(User).values(disabled=True))
        assert code_of(client, code) == 401
        with transaction(site.engine) as session:
            session.execute(update(User).values(disabled=False))
        assert code_of(client, code) == 200


def test_a_code_that_waits_for_a_reset_lets_nobody_in(site: Site, web: Web, log_in: LogIn) -> None:
    """What ends log-ins has the person's row; the half log-in it deletes must not count."""
    telephone, _ = turn_on(log_in())
    with web.client() as client, ThreadPoolExecutor(1) as pool:
        assert password_of(client).status_code == 202
        with transaction(site.engine) as session:
            set_password(session, "guard", "another word of mine")
            given = pool.submit(code_of, client, telephone.code())
            wait_for_a_lock(site)
        assert given.result(30) == 401
        assert client.get("/api/v1/session").status_code == 401


def wait_for_a_lock(site: Site) -> None:
    """Wait until somebody waits for a row that is taken."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with site.engine.connect() as connection:
            if connection.scalar(query):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_of_half_a_log_in_only_a_hash_is_kept_and_it_ends_with_the_whole(
    site: Site, web: Web, log_in: LogIn
) -> None:
    telephone, recovery = turn_on(log_in())
    with web.client() as client:
        asked = password_of(client)
        cookie = asked.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        half = client.cookies["anju_login"]
        with Session(site.engine) as session:
            assert half not in str(vars(session.scalars(select(HalfLogIn)).one()))
        assert code_of(client, telephone.code()) == 200
        assert "anju_login" not in client.cookies
    with web.client(Cookie=f"anju_login={half}") as thief:
        assert code_of(thief, recovery[0]) == 401


def test_neither_secret_nor_recovery_codes_stand_in_their_row(site: Site, log_in: LogIn) -> None:
    telephone, recovery = turn_on(log_in())
    with Session(site.engine) as session:
        row = str(vars(session.scalars(select(SecondFactor)).one()))
    assert telephone.secret not in row
    assert not [code for code in recovery if code in row or code.replace("-", "") in row]


def test_with_another_key_the_recovery_codes_still_count(
    site: Site, web: Web, log_in: LogIn
) -> None:
    telephone, recovery = turn_on(log_in())
    with transaction(site.engine) as session:
        session.delete(session.get_one(PlatformKey, "secrets"))
    with web.client() as client:
        password_of(client)
        assert code_of(client, telephone.code()) == 401
        assert code_of(client, recovery[0]) == 200


def test_turning_it_off_needs_the_password_and_a_code(site: Site, web: Web, log_in: LogIn) -> None:
    client = log_in()
    telephone, recovery = turn_on(client)

    def off(password: str, code: str) -> int:
        said = {"password": password, "code": code}
        return client.post("/api/v1/me/second-factor/off", json=said).status_code

    assert off("wrong wrong", telephone.code()) == 422
    assert off(PASSWORD, "000000") == 422
    assert off(PASSWORD, recovery[3]) == 204
    assert client.get("/api/v1/me/second-factor").json()["on"] is False
    with web.client() as another:
        assert password_of(another).status_code == 204
    assert [len(site.audited(f"second_factor.{word}")) for word in ("on", "off")] == [1, 1]


def test_whoever_sits_at_an_open_screen_guesses_no_password(web: Web, log_in: LogIn) -> None:
    client = log_in()
    for expected in (422,) * 5 + (429,):
        answer = client.post("/api/v1/me/second-factor", json={"password": "wrong wrong"})
        assert answer.status_code == expected
    with web.client() as another:
        assert password_of(another).status_code == 429


def test_new_recovery_codes_replace_those_before(web: Web, log_in: LogIn) -> None:
    client = log_in()
    telephone, before = turn_on(client)
    said = {"password": PASSWORD, "code": telephone.code()}
    fresh = client.post("/api/v1/me/second-factor/codes", json=said).json()["recovery_codes"]
    assert not set(fresh) & set(before)
    with web.client() as another:
        password_of(another)
        assert code_of(another, before[0]) == 401
        assert code_of(another, fresh[0]) == 200
    assert client.get("/api/v1/me/second-factor").json()["recovery_codes_left"] == 9


def test_an_administrator_resets_what_somebody_lost(site: Site, web: Web, log_in: LogIn) -> None:
    guard, admin = log_in(), log_in("admin")
    turn_on(guard)
    path = f"/api/v1/people/{site.actor().user_id}/second-factor"
    assert log_in("office").delete(path).status_code == 403
    known = {
        one["username"]: one["second_factor"] for one in admin.get("/api/v1/people").json()["items"]
    }
    assert {name for name, on in known.items() if on} == {"guard"}
    assert admin.delete(path).status_code == 204
    assert guard.get("/api/v1/session").status_code == 401
    assert admin.delete(path).status_code == 409
    with web.client() as client:
        assert password_of(client).status_code == 204
    [entry] = site.audited("second_factor.reset")
    assert (entry.actor, entry.subject) == ("陈静", "user:guard")
    own = f"/api/v1/people/{site.actor(Role.ADMIN).user_id}/second-factor"
    turn_on(admin)
    assert admin.delete(own).status_code == 409


def test_a_role_that_must_sets_it_up_at_the_log_in(
    site: Site, log_in: LogIn, serve_site: Callable[..., Web]
) -> None:
    before = log_in("admin")
    web = serve_site(site.url, second_factor_roles="admin, auditor")
    with web.client(Cookie=f"anju_session={before.cookies['anju_session']}") as client:
        assert client.get("/api/v1/session").status_code == 401
    with web.client() as client:
        assert password_of(client, "guard").status_code == 204
    with web.client() as client:
        asked = password_of(client, "admin").json()
        assert asked["owes"] == "set_up"
        telephone = Telephone(asked["set_up"]["secret"])
        assert code_of(client, "000000") == 401
        done = client.post("/api/v1/session/code", json={"code": telephone.code()})
        assert len(done.json()["recovery_codes"]) == 10
        said = client.get("/api/v1/session").json()
        client.headers["X-CSRF-Token"] = said["csrf"]
        off: dict[str, Any] = {"password": PASSWORD, "code": telephone.code()}
        assert client.post("/api/v1/me/second-factor/off", json=off).status_code == 403
    with web.client() as client:
        assert password_of(client, "admin").json() == {"owes": "code", "set_up": None}


def test_a_new_secret_is_made_at_each_log_in_that_sets_up(
    site: Site, serve_site: Callable[..., Web]
) -> None:
    """Whoever once knew the password knows no secret that somebody confirms later."""
    web = serve_site(site.url, second_factor_roles="guard")
    with web.client() as first, web.client() as second:
        secrets = [password_of(each).json()["set_up"]["secret"] for each in (first, second)]
        assert secrets[0] != secrets[1]
        with pytest.raises(NotAuthenticatedError):  # nor is the other one's shown
            half_way(site.engine, first.cookies["anju_login"])
        told = half_way(site.engine, second.cookies["anju_login"])[1]
        assert told is not None
        assert told.secret == secrets[1]
        assert code_of(first, Telephone(secrets[1]).code()) == 401
        assert code_of(first, Telephone(secrets[0]).code()) == 401
        assert code_of(second, Telephone(secrets[1]).code()) == 200


def test_a_role_there_is_not_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match="'guards' is no role"):
        second_factor.roles_that_must(("guards",))
