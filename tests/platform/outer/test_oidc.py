"""Log-in by another provider: linked by oneself, bound to a browser, and no way around the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from other_log_in import Other, asked_of, fault_of, way_on, who
from outer_site import PASSWORD, Site, Web, ago
from provider import CLIENT, SECRET, OpenIdProvider
from second_step import turn_on
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from anju_platform.auth.model import OutsideIdentity, Role, UsedState, User
from anju_platform.auth.service import set_password
from anju_platform.database import transaction

LogIn = Callable[..., httpx.Client]
Serve = Callable[..., Web]


@pytest.fixture
def web(serve_other: Serve) -> Web:
    """The web process, which knows the provider."""
    return serve_other()


def linked(site: Site) -> list[str]:
    with Session(site.engine) as session:
        query = select(User.username).join(OutsideIdentity, OutsideIdentity.user_id == User.id)
        return sorted(session.scalars(query))


def test_who_linked_it_logs_in_by_the_provider(
    site: Site, web: Web, other: Other, log_in: LogIn
) -> None:
    answer = other.link(log_in())
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/oidc")
    with web.client() as client:
        answer = other.log_in(client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/me")
        assert who(client) == "guard"
        assert "anju_oidc" not in client.cookies
    by_password, by_provider = site.audited("auth.login")
    assert (by_password.data, by_provider.data) == ({}, {"by": "oidc"})
    assert (by_provider.actor, by_provider.address) == ("王磊", "127.0.0.1")
    [entry] = site.audited("auth.linked")
    assert (entry.user_id, entry.data) == (site.actor().user_id, {"issuer": other.provider.url})


def test_what_is_asked_of_the_provider(web: Web, other: Other) -> None:
    with web.client() as client:
        begun = client.get("/login/oidc")
        asked = asked_of(begun.headers["location"])
        cookie = begun.headers["set-cookie"]
        for mark in ("anju_oidc=", "HttpOnly", "SameSite=lax", "Max-Age=600"):
            assert mark in cookie
        assert asked["state"] not in cookie
        other.log_in(client)
    assert (asked["scope"], asked["prompt"], asked["max_age"]) == ("openid", "login", "0")
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == "http://anju.test/login/oidc/back"
    assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
    first, second = other.provider.authorized[0], asked
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 20
        assert first[name] != second[name]


def test_nobody_is_added_or_linked_by_logging_in(site: Site, web: Web, other: Other) -> None:
    """Not by an e-mail address either, though the provider vouches for it."""
    with Session(site.engine) as session:
        before = session.scalars(select(User.username)).all()
    other.provider.claims = {"email": "guard", "preferred_username": "guard"}
    with web.client(**{"Accept-Language": "zh"}) as client:
        answer = other.log_in(client)
        assert answer.status_code == 403
        assert "物业账号" in fault_of(answer)
        assert who(client) is None
    with Session(site.engine) as session:
        assert session.scalars(select(User.username)).all() == before
    assert linked(site) == []
    [entry] = site.audited("auth.refused")
    assert (entry.user_id, entry.data) == (None, {"by": "oidc"})
    assert (entry.actor, entry.subject) == (other.provider.url, f"issuer:{other.provider.url}")


def test_a_second_factor_is_asked_all_the_same(
    site: Site, web: Web, other: Other, log_in: LogIn
) -> None:
    client = log_in()
    telephone, _ = turn_on(client)
    assert other.ask_to_link(client).status_code == 422
    assert other.ask_to_link(client, code="000000").status_code == 422
    assert other.link(client, code=telephone.code()).status_code == 303
    _, recovery = telephone, _
    with web.client() as another:
        answer = other.log_in(another)
        assert answer.headers["location"] == "/login/code?next=/me"
        assert who(another) is None
        given = another.post("/login/code", data={"code": recovery[0], "next": "/me"})
        assert given.status_code == 303
        assert who(another) == "guard"
    [vouched] = site.audited("auth.vouched")
    assert vouched.data == {"by": "oidc"}
    assert site.audited("auth.login")[-1].data == {"second_factor": "recovery", "by": "oidc"}


def test_a_role_that_must_have_one_sets_it_up(site: Site, other: Other, serve_other: Serve) -> None:
    link(site, "guard", other.provider.url)
    strict = serve_other(second_factor_roles="guard")
    with strict.client() as client:
        answer = Other(strict, other.provider).log_in(client)
        assert answer.headers["location"] == "/login/code?next=/me"
        assert 'class="secret"' in client.get("/login/code").text
        assert who(client) is None


def link(site: Site, username: str, issuer: str, subject: str = "u-1001") -> None:
    with transaction(site.engine) as session:
        user = session.scalars(select(User).where(User.username == username)).one()
        session.add(
            OutsideIdentity(user_id=user.id, issuer=issuer, subject=subject, linked_at=ago(days=1))
        )


def test_who_is_shut_out_or_locked_stays_out(site: Site, web: Web, other: Other) -> None:
    link(site, "guard", other.provider.url)
    with transaction(site.engine) as session:
        session.execute(update(User).values(disabled=True))
    with web.client() as client:
        assert other.log_in(client).status_code == 403
        assert who(client) is None
    with transaction(site.engine) as session:
        session.execute(update(User).values(disabled=False))
    with web.client() as client:
        for _ in range(5):
            said = {"username": "guard", "password": "wrong wrong wrong"}
            assert client.post("/api/v1/session", json=said).status_code == 401
        assert other.log_in(client).status_code == 429
        assert who(client) is None


def test_wrong_codes_after_the_provider_lock_as_after_a_password(
    site: Site, web: Web, other: Other, log_in: LogIn
) -> None:
    client = log_in()
    turn_on(client)
    link(site, "guard", other.provider.url)
    with web.client() as another:
        for _ in range(5):
            other.log_in(another)
            assert another.post("/login/code", data={"code": "000000"}).status_code == 401
        assert other.log_in(another).status_code == 429


def shut_out(site: Site, admin: httpx.Client) -> None:
    user = site.actor().user_id
    for disabled in (True, False):
        said = admin.put(f"/api/v1/people/{user}/disabled", json={"disabled": disabled})
        assert said.status_code == 204


def reset(site: Site, admin: httpx.Client) -> None:
    user = site.actor().user_id
    assert admin.delete(f"/api/v1/people/{user}/second-factor").status_code == 204


def new_password(site: Site, _admin: httpx.Client) -> None:
    with transaction(site.engine) as session:
        set_password(session, "guard", "another word of mine")


@pytest.mark.parametrize("done", [shut_out, reset, new_password])
def test_a_link_ends_with_what_it_was_made_by(
    site: Site,
    web: Web,
    other: Other,
    log_in: LogIn,
    done: Callable[[Site, httpx.Client], None],
) -> None:
    """Whoever had the account meanwhile may have linked themselves."""
    turn_on(log_in())
    link(site, "guard", other.provider.url)
    link(site, "property", other.provider.url, "u-2")
    done(site, log_in("admin"))
    assert linked(site) == ["property"]
    with web.client() as client:
        assert other.log_in(client).status_code == 403


def test_what_is_unlinked_opens_nothing(site: Site, web: Web, other: Other, log_in: LogIn) -> None:
    client = log_in()
    other.link(client)
    assert client.post("/me/oidc/unlink").status_code == 303
    assert client.post("/me/oidc/unlink").status_code == 303  # pressed twice, done once
    assert len(site.audited("auth.unlinked")) == 1
    with web.client() as another:
        assert other.log_in(another).status_code == 403
    assert other.link(client).headers["location"] == "/me/oidc"


def test_a_link_to_a_provider_before_is_shown_and_unlinked(
    site: Site, other: Other, log_in: LogIn
) -> None:
    """It would open the account again, should that provider be set back."""
    link(site, "guard", "https://before.example")
    client = log_in()
    assert "以前使用的外部账号" in client.get("/me/oidc").text
    assert "已绑定" not in client.get("/me").text
    link(site, "guard", other.provider.url)
    assert client.post("/me/oidc/unlink").status_code == 303
    assert linked(site) == []
    assert len(site.audited("auth.unlinked")) == 2


def test_one_subject_is_one_person(site: Site, other: Other, log_in: LogIn) -> None:
    other.link(log_in())
    taken = other.link(log_in("property"))
    assert taken.headers["location"] == "/me/oidc?fault=taken"
    [entry] = site.audited("auth.refused")
    assert (entry.subject, entry.data) == ("user:property", {"by": "oidc", "owed": "link"})
    other.provider.subject = "u-2"
    twice = other.link(log_in())
    assert twice.headers["location"] == "/me/oidc?fault=taken"
    assert linked(site) == ["guard"]


def test_a_refused_link_counts_once_too(site: Site, other: Other, log_in: LogIn) -> None:
    other.provider.honours_codes_twice = True
    link(site, "guard", other.provider.url)
    client = log_in("property")
    way = other.returns(way_on(other.ask_to_link(client).text))
    sealed = client.cookies["anju_oidc"]
    assert client.get(way).headers["location"] == "/me/oidc?fault=taken"
    with transaction(site.engine) as session:
        session.execute(delete(OutsideIdentity))
    client.cookies.set("anju_oidc", sealed)
    assert client.get(way).headers["location"] == "/me/oidc?fault=over"
    assert linked(site) == []


def test_two_who_link_the_same_subject_at_once(site: Site, other: Other, log_in: LogIn) -> None:
    people = [log_in(role) for role in ("guard", "guard2", "property", "office")]
    ways = [other.returns(way_on(other.ask_to_link(each).text)) for each in people]
    together = threading.Barrier(len(people))

    def come(client: httpx.Client, way: str) -> str:
        together.wait()
        return client.get(way).headers["location"]

    with ThreadPoolExecutor(len(people)) as pool:
        answers = sorted(pool.map(come, people, ways))
    assert answers == ["/me/oidc", *["/me/oidc?fault=taken"] * 3]
    assert len(linked(site)) == 1


def test_linking_asks_for_the_password(site: Site, other: Other, log_in: LogIn) -> None:
    client = log_in()
    wrong = other.ask_to_link(client, password="wrong wrong wrong")
    assert wrong.status_code == 422
    assert "authorize" not in wrong.text
    assert "anju_oidc" not in client.cookies
    assert [entry.data for entry in site.audited("auth.refused")] == [{"owed": "again"}]
    del client.headers["X-CSRF-Token"]
    assert client.post("/me/oidc", data={"password": PASSWORD}).status_code == 403


def test_a_silent_provider_uses_up_no_code(other: Other, log_in: LogIn) -> None:
    client = log_in()
    _, recovery = turn_on(client)
    other.provider.stop()
    assert other.ask_to_link(client, code=recovery[0]).status_code == 422
    assert client.get("/api/v1/me/second-factor").json()["recovery_codes_left"] == 10


def test_a_link_is_for_the_log_in_alone_that_began_it(
    site: Site, web: Web, other: Other, log_in: LogIn
) -> None:
    client, elsewhere = log_in(), log_in("property")
    way = other.returns(way_on(other.ask_to_link(client).text))
    sealed = client.cookies["anju_oidc"]
    for session in (elsewhere.cookies["anju_session"], "nothing"):
        with web.client(Cookie=f"anju_session={session}; anju_oidc={sealed}") as thief:
            assert thief.get(way).headers["location"] == "/me/oidc?fault=over"
    assert linked(site) == []
    assert client.get(way).headers["location"] == "/me/oidc"


def test_a_link_of_an_ended_log_in_comes_to_nothing(
    site: Site, other: Other, log_in: LogIn
) -> None:
    client = log_in()
    way = other.returns(way_on(other.ask_to_link(client).text))
    new_password(site, client)
    assert client.get(way).headers["location"] == "/me/oidc?fault=over"
    assert linked(site) == []


def test_who_is_logged_in_and_took_too_long_begins_again_there(
    web: Web, other: Other, log_in: LogIn
) -> None:
    client = log_in()
    way = other.returns(way_on(other.ask_to_link(client).text))
    client.cookies.delete("anju_oidc")  # as the browser does after ten minutes
    assert client.get(way).headers["location"] == "/me/oidc?fault=over"
    with web.client(Cookie="anju_session=nothing") as nobody:
        assert nobody.get(way).status_code == 401


def test_a_return_counts_in_the_browser_that_began(site: Site, web: Web, other: Other) -> None:
    link(site, "guard", other.provider.url)
    with web.client() as attacker, web.client() as victim:
        way = other.go(attacker)
        assert victim.get(way).status_code == 401  # never began
        other.go(victim)
        assert victim.get(way).status_code == 401  # began another
        assert who(victim) is None
        assert victim.get(other.go(victim)).status_code == 303


def test_a_return_counts_once(site: Site, web: Web, other: Other) -> None:
    """Even if the provider honours a code twice, and whoever repeats it has the cookie."""
    link(site, "guard", other.provider.url)
    other.provider.honours_codes_twice = True
    with web.client() as client:
        way = other.go(client)
        sealed = client.cookies["anju_oidc"]
        assert client.get(way).status_code == 303
        assert client.get(way).headers["location"] == "/me/oidc?fault=over"
    with web.client(Cookie=f"anju_oidc={sealed}") as thief:
        assert thief.get(way).status_code == 401
        assert len(other.provider.token_bodies) == 2  # it was asked, and not believed
        assert who(thief) is None


def test_two_returns_at_once_open_one_session(site: Site, web: Web, other: Other) -> None:
    link(site, "guard", other.provider.url)
    other.provider.honours_codes_twice = True
    with web.client() as client:
        way = other.go(client)
        sealed = client.cookies["anju_oidc"]
    together = threading.Barrier(4)

    def come(_: int) -> int:
        with web.client(Cookie=f"anju_oidc={sealed}") as each:
            together.wait()
            return each.get(way).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(come, range(4))) == [303, 401, 401, 401]


def test_what_was_used_is_forgotten_once_it_is_too_old(
    site: Site, web: Web, other: Other, log_in: LogIn
) -> None:
    with web.client() as client:
        other.log_in(client)
    with transaction(site.engine) as session:
        session.execute(update(UsedState).values(expires_at=ago(seconds=1)))
    log_in()
    with Session(site.engine) as session:
        assert session.scalars(select(UsedState)).all() == []


@pytest.mark.parametrize(
    "page",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/x" * 400, "javascript:x"],
)
def test_nobody_is_sent_on_to_another_site(site: Site, web: Web, other: Other, page: str) -> None:
    link(site, "guard", other.provider.url)
    with web.client() as client:
        begun = client.get("/login/oidc", params={"next": page})
        answer = client.get(other.returns(begun.headers["location"]))
        assert answer.headers["location"] in {"/wall", "/"}
        assert who(client) == "guard"


def test_another_sites_page_begins_nothing(web: Web, provider: OpenIdProvider) -> None:
    """It could otherwise make a duty desk's browser somebody else's."""
    with web.client(**{"Sec-Fetch-Site": "cross-site"}) as client:
        answer = client.get("/login/oidc?next=/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/me")
    assert provider.asked == []


def test_who_turns_back_at_the_provider_may_try_again(web: Web, other: Other) -> None:
    other.provider.denies = "access_denied"
    with web.client() as client:
        assert other.log_in(client).status_code == 403
        assert "/login/oidc" in client.get("/login").text


@pytest.mark.parametrize("word", ["server_error", "temporarily_unavailable"])
def test_a_provider_that_cannot_now_is_no_provider_that_refuses(
    web: Web, other: Other, word: str
) -> None:
    other.provider.denies = word
    with web.client() as client:
        assert other.log_in(client).status_code == 503


def test_codes_that_are_none_are_slowed_down(web: Web, other: Other, site: Site) -> None:
    """Whoever keeps the cookie of a journey may come back with anything."""
    link(site, "guard", other.provider.url)
    with web.client() as client:
        way = other.go(client)
        sealed = client.cookies["anju_oidc"]
    junk = str(httpx.URL(way).copy_set_param("code", "junk"))
    other.provider.asked.clear()
    with web.client(Cookie=f"anju_oidc={sealed}") as thief:
        answers = [thief.get(junk).status_code for _ in range(7)]
    assert answers == [403] * 5 + [429] * 2
    assert other.provider.asked == ["/token"] * 5  # and what it says of itself is kept
    with web.client() as client:
        assert other.log_in(client).status_code == 429
        other.let_time_pass()
        assert other.log_in(client).status_code == 303


def test_links_that_are_none_are_slowed_down(other: Other, log_in: LogIn) -> None:
    client = log_in()
    way = other.returns(way_on(other.ask_to_link(client).text))
    sealed = client.cookies["anju_oidc"]
    junk = str(httpx.URL(way).copy_set_param("code", "junk"))
    ends = []
    for _ in range(6):
        client.cookies.set("anju_oidc", sealed)
        ends.append(client.get(junk).headers["location"])
    assert ends == ["/me/oidc?fault=refused"] * 5 + ["/me/oidc?fault=locked"]
    assert "尝试的次数过多" in client.get(ends[-1]).text


def test_where_none_is_set_there_is_none(serve_other: Serve) -> None:
    web = serve_other(oidc_issuer="", oidc_client_id="", oidc_client_secret=None, oidc_name="")
    with web.client() as client:
        for path in ("/login/oidc", "/login/oidc/back?state=x&code=y"):
            assert client.get(path).status_code == 404
        assert "oidc" not in client.get("/login").text
        said = {"username": Role.GUARD, "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        assert client.get("/me/oidc").status_code == 404
        assert "oidc" not in client.get("/me").text


def test_secrets_are_in_no_log(
    site: Site, web: Web, other: Other, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    link(site, "guard", other.provider.url)
    with web.client() as client:
        other.log_in(client)
        other.provider.algorithm = "none"
        other.log_in(client)
    said = "\n".join([caplog.text, *(repr(vars(each)) for each in caplog.records)])
    assert "not to be relied on" in said
    secrets = [SECRET, *(each["code_verifier"] for each in other.provider.token_bodies)]
    secrets += [each["code"] for each in other.provider.token_bodies]
    secrets += [each["state"] for each in other.provider.authorized]
    ours = [each for each in caplog.records if each.name.startswith(("anju", "authlib", "httpx2"))]
    written = "\n".join(each.getMessage() for each in ours)
    assert [each for each in secrets if each in written] == []
    assert SECRET not in repr(web.app.state.provider)
    assert SECRET not in repr(web.app.state.settings)
