"""A provider that lies, hangs, answers rubbish or is away lets nobody in and stops nothing else."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from other_log_in import Other, fault_of, who
from outer_site import PASSWORD, Site, Web, ago
from provider import CLIENT, OpenIdProvider, send, settings
from sqlalchemy import select

from anju_platform.auth.model import OutsideIdentity, User
from anju_platform.auth.oidc import provider as asking
from anju_platform.auth.oidc.provider import Provider
from anju_platform.auth.oidc.settings import oidc_settings
from anju_platform.config import Settings
from anju_platform.database import transaction
from anju_platform.errors import ConfigError

REFUSED, DOUBTED, SILENT = 403, 502, 503
KEYS, TOKEN, ITSELF = "/keys", "/token", "/.well-known/openid-configuration"
Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def web(site: Site, provider: OpenIdProvider, serve_other: Callable[..., Web]) -> Web:
    """The web process, whose guard is linked."""
    with transaction(site.engine) as session:
        user = session.scalars(select(User).where(User.username == "guard")).one()
        known = {"issuer": provider.url, "subject": provider.subject, "linked_at": ago(days=1)}
        session.add(OutsideIdentity(user_id=user.id, **known))
    return serve_other()


def comes(other: Other) -> tuple[int, str | None]:
    """Log in by the provider; give the answer to the return, and who one is then."""
    other.let_time_pass()
    with other.web.client() as client:
        status = other.log_in(client).status_code
        return status, who(client)


LET_IN = (303, "guard")


@pytest.mark.parametrize("elliptic", [False, True])
def test_what_it_signs_lets_in(site: Site, elliptic: bool, serve_other: Callable[..., Web]) -> None:
    provider = OpenIdProvider(elliptic=elliptic)
    try:
        web = serve_other(**settings(provider))
        with web.client() as client:
            assert Other(web, provider).log_in(client).status_code == 403  # known, linked to nobody
        assert [e.data for e in site.audited("auth.refused")] == [{"by": "oidc"}]
    finally:
        provider.stop()


LIES: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "for another": {"aud": "another"},
    "for another, and us to hand it on": {"aud": ["another"], "azp": CLIENT},
    "for nobody": {"aud": None},
    "for several, and we are not meant": {"aud": [CLIENT, "another"], "azp": "another"},
    "for several, and nobody is meant": {"aud": [CLIENT, "another"]},
    "expired": {"exp": int(time.time()) - 3600},
    "for ever": {"exp": None},
    "not yet": {"nbf": int(time.time()) + 36_000},
    "of tomorrow": {"iat": int(time.time()) + 36_000},
    "of nobody": {"sub": None},
    "of an empty name": {"sub": ""},
    "of a number": {"sub": 7},
    "of a name without end": {"sub": "u" * 256},
    "of a name that no text holds": {"sub": "u\0"},
}


def test_a_lie_lets_nobody_in(other: Other) -> None:
    believed = []
    for name, lie in LIES.items():
        other.provider.claims = lie
        if comes(other) != (DOUBTED, None):
            believed.append(name)
    assert believed == []
    other.provider.claims = {}
    assert comes(other) == LET_IN


def test_a_clock_may_be_off_a_little(other: Other) -> None:
    other.provider.claims = {"exp": int(time.time()) - 5, "aud": [CLIENT, "x"], "azp": CLIENT}
    assert comes(other) == LET_IN


def test_who_was_known_there_before_is_not_let_in(other: Other) -> None:
    """A desk's browser is shared: the next guard would come in as the one before."""
    other.provider.asks_nobody = True
    with other.web.client() as client:
        answer = other.log_in(client)
        assert (answer.status_code, who(client)) == (403, None)
        assert "未证明刚刚验证过您的密码" in fault_of(answer)
    other.provider.known_for_s = 30  # our clocks may differ as much
    assert comes(other) == LET_IN


@pytest.mark.parametrize("at", [None, float("nan"), float("inf"), True, 0, 9e12])
def test_when_it_asked_must_be_said_and_be_now(other: Other, at: float | None) -> None:
    other.provider.claims = {"auth_time": at}
    assert comes(other) == (403, None)


def test_that_it_says_no_time_may_be_allowed_but_no_old_one(
    provider: OpenIdProvider,
    web: Web,  # noqa: ARG001 - the guard is linked
    serve_other: Callable[..., Web],
) -> None:
    lax = Other(serve_other(oidc_auth_time="if-given"), provider)
    provider.claims = {"auth_time": None}
    assert comes(lax) == LET_IN
    provider.claims = {"auth_time": int(time.time()) - 3600}
    assert comes(lax) == (403, None)


def unsigned(provider: OpenIdProvider) -> None:
    provider.algorithm = "none"


def by_the_public_key(provider: OpenIdProvider) -> None:
    provider.algorithm = "HS256"


def by_another_key(provider: OpenIdProvider) -> None:
    provider.signer = RSAKey.generate_key(2048, {"kid": provider.key.kid})


def by_an_unknown_key(provider: OpenIdProvider) -> None:
    provider.signer = RSAKey.generate_key(2048, {"kid": "unknown"})


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # as where it is used
def test_a_forged_signature_lets_nobody_in(other: Other) -> None:
    for forge in (unsigned, by_the_public_key, by_another_key, by_an_unknown_key):
        forge(other.provider)
        assert (forge.__name__, *comes(other)) == (forge.__name__, DOUBTED, None)
        other.provider.algorithm, other.provider.signer = "RS256", None
        assert comes(other) == LET_IN


def test_a_new_key_is_asked_for_when_it_signs_first(other: Other) -> None:
    assert comes(other) == LET_IN
    other.provider.renew_key()
    assert comes(other) == LET_IN
    assert other.provider.asked.count(KEYS) == 2
    assert comes(other) == LET_IN
    assert other.provider.asked.count(KEYS) == 2
    assert other.provider.asked.count(ITSELF) == 1


def test_another_providers_return_is_refused(other: Other) -> None:
    with other.web.client() as client:
        way = other.go(client).replace("iss=http", "iss=https")
        assert client.get(way).status_code == DOUBTED
        assert who(client) is None
    assert other.provider.token_bodies == []


def test_a_code_needs_the_verifier_of_the_browser_that_began(other: Other) -> None:
    """Somebody else's code, put into one's own return: it is the provider that knows (PKCE)."""
    with other.web.client() as victim, other.web.client() as attacker:
        stolen = httpx.URL(other.go(victim)).params["code"]
        own = httpx.URL(other.go(attacker)).copy_set_param("code", stolen)
        assert attacker.get(str(own)).status_code == REFUSED
        assert who(attacker) is None


def test_a_provider_that_wants_the_secret_in_the_body_gets_it_there(other: Other) -> None:
    other.provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert comes(other) == LET_IN
    assert "client_secret" in other.provider.token_bodies[0]


def says(said: Any, status: int = 200, **headers: str) -> Answer:
    return lambda to: send(to, said, status, **headers)


def _endless(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.end_headers()
    while True:
        to.wfile.write(b" " * 65_536)


PACKED = gzip.compress(b" " * 50_000_000)
RUBBISH: dict[str, Answer] = {
    "no JSON": says(b"<html>Welcome</html>"),
    "a list": says([1, 2]),
    "null": says(None),
    "nothing": says(b""),
    "deep": says(b"[" * 100_000),
    "bytes": says(b"\xff\xfe\x00" * 9),
    "another shape": says({"issuer": 7, "keys": "x", "id_token": ["x"], "access_token": {}}),
    "no keys": says({"keys": [], "id_token": "a.b.c", "access_token": "x"}),
    "odd keys": says({"keys": [{"kty": "RSA", "n": "?"}, 7], "id_token": "", "access_token": "x"}),
    "endless": _endless,
    "packed": says(PACKED, Content_Encoding="gzip"),
}


@pytest.mark.parametrize("path", [ITSELF, KEYS, TOKEN])
def test_rubbish_lets_nobody_in(other: Other, path: str) -> None:
    taken = []
    for name, answer in RUBBISH.items():
        other.provider.answers[path] = answer
        other.let_time_pass()
        with other.web.client() as client:
            told = client.get("/login/oidc")
            if path != ITSELF:
                told = client.get(other.returns(told.headers["location"]))
            is_said = told.status_code == DOUBTED and "物业账号" in fault_of(told)
            if not is_said or "Welcome" in told.text or who(client) is not None:
                taken.append(name)
    assert taken == []
    other.provider.answers.clear()
    assert comes(other) == LET_IN


LOOKS = {
    "another issuer": {"issuer": "https://evil.example"},
    "almost its issuer": {"issuer": "http://127.0.0.1"},
    "a plain address": {"token_endpoint": "http://evil.example/token"},
    "a script": {"authorization_endpoint": "javascript:alert(1)"},
    "a file": {"jwks_uri": "file:///etc/passwd"},
    "no address": {"authorization_endpoint": "https:///x"},
    "nothing that signs": {"id_token_signing_alg_values_supported": ["none", "HS256"]},
}


def test_what_it_says_of_itself_is_looked_at(other: Other) -> None:
    believed = []
    for name, said in LOOKS.items():
        other.provider.metadata = said
        with other.web.client() as client:
            if client.get("/login/oidc").status_code != DOUBTED:
                believed.append(name)
    assert believed == []


def test_a_redirect_is_not_followed(other: Other) -> None:
    other.provider.answers[KEYS] = says({}, 302, Location=f"{other.provider.url}/elsewhere")
    assert comes(other) == (SILENT, None)
    assert "/elsewhere" not in other.provider.asked


def test_while_it_is_away_people_are_told_and_use_the_password(other: Other) -> None:
    other.provider.stop()
    with other.web.client(Cookie="anju_locale=en") as client:
        answer = client.get("/login/oidc?next=/me")
        assert answer.status_code == SILENT
        assert "does not answer now. Log in with your password." in fault_of(answer)
        assert 'name="next" value="/me"' in answer.text
        said = {"username": "guard", "password": PASSWORD, "next": "/me"}
        assert client.post("/login", data=said).headers["location"] == "/me"


def test_it_goes_away_between_the_two_steps(other: Other) -> None:
    with other.web.client() as client:
        way = other.go(client)
        other.provider.stop()
        assert client.get(way).status_code == SILENT
        assert who(client) is None


@pytest.fixture
def hung(other: Other) -> Iterator[threading.Event]:
    """Keeps whoever is to answer waiting until the end; tells when somebody waits."""
    over, waits = threading.Event(), threading.Event()

    def hang(to: BaseHTTPRequestHandler) -> None:
        waits.set()
        over.wait(60)
        send(to, {})

    for path in (ITSELF, KEYS, TOKEN):
        other.provider.answers[path] = hang
    yield waits
    over.set()


def test_while_it_hangs_everybody_else_is_served(
    other: Other, hung: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 3.0)
    answers: list[int] = []

    def come() -> None:
        with other.web.client() as client:
            answers.append(client.get("/login/oidc").status_code)

    waiting = [threading.Thread(target=come) for _ in range(asking.AT_ONCE + 5)]
    for each in waiting:
        each.start()
    assert hung.wait(20)
    with other.web.client() as client:
        assert client.get("/healthz").status_code == 200
        said = {"username": "guard", "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        assert client.get("/wall").status_code == 200
    for each in waiting:
        each.join()
    assert answers == [SILENT] * len(waiting)


@pytest.mark.parametrize("path", [KEYS, TOKEN])
def test_patience_ends_also_where_it_drips(
    other: Other, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 1.0)
    gone = threading.Event()

    def drip(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        try:
            while True:
                to.wfile.write(b" ")
                time.sleep(0.05)
        except OSError:
            gone.set()

    other.provider.answers[path] = drip
    assert comes(other) == (SILENT, None)
    assert gone.wait(20)


def settings_of(**changed: Any) -> Settings:
    known = {
        "database_url": "postgresql://nowhere/",
        "public_url": "https://anju.example/",
        "oidc_issuer": "https://login.example/realm",
        "oidc_client_id": CLIENT,
        "oidc_client_secret": "x",
        "oidc_name": "街道账号",
    }
    return Settings(**(known | changed))


def test_settings_are_all_there_or_none() -> None:
    known = oidc_settings(settings_of())
    assert known is not None
    assert known.redirect_uri == "https://anju.example/login/oidc/back"
    assert Provider(known).name == "街道账号"
    assert oidc_settings(Settings(database_url="postgresql://nowhere/")) is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"oidc_name": " "}, "ANJU_OIDC_NAME"),
        ({"oidc_client_secret": ""}, "ANJU_OIDC_CLIENT_SECRET"),
        ({"oidc_issuer": "", "oidc_client_id": ""}, "ANJU_OIDC_ISSUER, ANJU_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://login.example"}, "ANJU_OIDC_ISSUER"),
        ({"oidc_issuer": "login.example"}, "ANJU_OIDC_ISSUER"),
        ({"oidc_issuer": "https://["}, "ANJU_OIDC_ISSUER"),
        ({"oidc_issuer": "https://login.example/?x=1"}, "ANJU_OIDC_ISSUER"),
        ({"oidc_client_secret": "密"}, "ANJU_OIDC_CLIENT_SECRET"),
        ({"oidc_name": "很" * 21}, "ANJU_OIDC_NAME"),
    ],
)
def test_a_wrong_setting_is_named(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as raised:
        oidc_settings(settings_of(**changed))
    assert json.dumps("x") not in str(raised.value)
