"""A small community, its people, and the web process around them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest
from night_desk import Desk
from other_log_in import Other
from outer_site import PASSWORD, PASSWORD_HASH, Site, Web, add_people, at_work, community_file
from provider import OpenIdProvider
from provider import settings as provider_settings
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select
from work_site import WorkSite

from anju_dashboards import app as screens
from anju_platform.api import create_app
from anju_platform.auth.model import Role, User
from anju_platform.auth.oidc import provider as asking
from anju_platform.config import Settings
from anju_platform.database import connect, transaction
from anju_platform.demo.postgres import create_database
from anju_platform.migrate import migrate
from anju_platform.provision import import_community
from anju_platform.registry.model import Community, Gateway

TIMESCALE = os.environ.get("ANJU_TEST_TIMESCALE_URL")


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    """A community of six devices, one home, and one person of each role."""
    engine = connect(database, pool_size=10)
    with transaction(engine) as session:
        secrets = import_community(session, community_file())
        community_id = session.scalars(select(Community.id)).one()
        session.scalars(select(Gateway).where(Gateway.slug == "gw-west")).one().online = True
        add_people(session, community_id)
        session.add(
            User(
                username="guard2",
                name="赵云",
                role=Role.GUARD,
                community_id=community_id,
                password_hash=PASSWORD_HASH,
            )
        )
    yield Site(engine, database, community_id, secrets)
    engine.dispose()


@pytest.fixture
def desk(site: Site) -> Desk:
    """The community at night, whose clock the test moves."""
    return Desk(site)


@pytest.fixture
def work(site: Site) -> WorkSite:
    """The community, whose devices speak and whose clock the test moves."""
    return WorkSite(site)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A service outside."""
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def reached(site: Site) -> Iterator[Reached]:
    """The community, whose people are reached outside."""
    reached = Reached(site)
    yield reached
    for one in reached.deliverers:
        one.stop()


@pytest.fixture
def phone(reached: Reached, sink: Sink) -> Sink:
    """The guard has a telephone, called by a gateway that keeps what it is told."""
    reached.voice(sink)
    reached.phone()
    return sink


@pytest.fixture
def serve_site() -> Iterator[Callable[..., Web]]:
    """Starts web processes for a database; all are stopped at the end."""
    with ExitStack() as running:

        def start(url: str, **changed: Any) -> Web:
            settings = Settings(**({"database_url": url, "secure_cookies": False} | changed))
            return running.enter_context(at_work(create_app(settings)))

        yield start


@pytest.fixture
def web(site: Site, serve_site: Callable[..., Web]) -> Web:
    """The web process of the site."""
    return serve_site(site.url)


@pytest.fixture
def log_in(web: Web) -> Iterator[Callable[..., httpx.Client]]:
    """Gives clients that are logged in and carry the CSRF token."""
    opened: list[httpx.Client] = []

    def enter(username: str = "guard") -> httpx.Client:
        client = web.client()
        opened.append(client)
        said = {"username": username, "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
        return client

    yield enter
    for client in opened:
        client.close()


@pytest.fixture(params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def either_site(request: pytest.FixtureRequest, database: str) -> Iterator[Site]:
    """A small community, on both kinds of storage."""
    url = database
    if request.param == "timescale":
        if TIMESCALE is None:
            pytest.skip("ANJU_TEST_TIMESCALE_URL names no server")
        url = create_database(TIMESCALE, "anju_test_either")
        migrate(url)
    engine = connect(url)
    with transaction(engine) as session:
        secrets = import_community(session, community_file())
        community_id = session.scalars(select(Community.id)).one()
        add_people(session, community_id)
    yield Site(engine, url, community_id, secrets)
    engine.dispose()
    if request.param == "timescale" and TIMESCALE is not None:
        with psycopg.connect(TIMESCALE, autocommit=True) as connection:
            connection.execute("DROP DATABASE anju_test_either WITH (FORCE)")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenIdProvider]:
    """Another provider people may log in by; a busy machine may take its time here."""
    monkeypatch.setattr(asking, "PATIENCE_S", 60.0)
    provider = OpenIdProvider()
    yield provider
    provider.stop()


@pytest.fixture
def serve_other(site: Site, provider: OpenIdProvider) -> Iterator[Callable[..., Web]]:
    """Starts web processes, screens and all, that know the other provider."""
    known = {"database_url": site.url, "secure_cookies": False, "public_url": "http://anju.test"}
    with ExitStack() as running:

        def start(**changed: Any) -> Web:
            app = screens.create_app(Settings(**(known | provider_settings(provider) | changed)))
            return running.enter_context(at_work(app))

        yield start


@pytest.fixture
def other(web: Web, provider: OpenIdProvider) -> Other:
    """Whoever logs in by the other provider; for tests whose ``web`` knows it."""
    return Other(web, provider)
