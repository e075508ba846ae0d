"""Credentials of gateways, from the database to a running broker and the upload of pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker_site import Site, is_refused, until
from servers import start_broker
from sqlalchemy import Engine, select, update
from wire_sender import COMMUNITY, GATEWAY, community_file

from anju_devices import topics
from anju_devices.topics import Channel
from anju_platform.audit.model import AuditEntry
from anju_platform.config import Settings
from anju_platform.console import Console, community_number
from anju_platform.database import reading, transaction
from anju_platform.dynsec.accounts import gateway_username, keeper_account, platform_account
from anju_platform.dynsec.keeping import Difference
from anju_platform.errors import BrokerError, NotAuthenticatedError
from anju_platform.gateways import credentials
from anju_platform.media.service import authenticate
from anju_platform.provision import import_community
from anju_platform.registry.model import Gateway

USER = gateway_username(COMMUNITY, GATEWAY)
CONFIG = topics.build(COMMUNITY, GATEWAY, Channel.CONFIG)


@pytest.fixture
def secret(engine: Engine) -> str:
    with transaction(engine) as session:
        return import_community(session, community_file())[GATEWAY]


@pytest.fixture
def site(engine: Engine, secret: str, tmp_path: Path) -> Iterator[Site]:
    """A broker whose gateways are the database's: nobody told it a secret."""
    del secret
    with reading(engine) as session:
        found, unknown = credentials.accounts(session)
    assert unknown == []
    known = (platform_account("platform"), keeper_account("keeper"), *found)
    server = start_broker(tmp_path, known)
    site = Site(tmp_path, server.port, server.port, server)
    yield site
    for link in site.links:
        link.stop()
    server.stop()


@pytest.fixture
def settings(database: str, site: Site) -> Settings:
    return Settings(
        database_url=database,
        broker_port=site.clear,
        broker_password="platform",
        broker_admin_password="keeper",
    )


CLEAR = {"tls": False, "ca_file": None}


def who(engine: Engine) -> Console:
    with reading(engine) as session:
        return Console(community_number(session, COMMUNITY))


def test_a_new_secret_takes_effect_at_once(
    engine: Engine, site: Site, settings: Settings, secret: str
) -> None:
    old = site.join(USER, secret, CONFIG, **CLEAR)
    assert until(lambda: old.link.connected)
    with transaction(engine) as session:
        new = credentials.rotate(session, who(engine), settings, GATEWAY, "lost")
    assert is_refused(old, "Not authorized")
    box = site.join(USER, new, CONFIG, **CLEAR)
    assert until(lambda: box.link.connected)
    assert credentials.compare(engine, settings) == Difference()
    with reading(engine) as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "gateway.rotated")
        ).one()
        assert entry.data == {"reason": "lost"}
        assert authenticate(session, f"{COMMUNITY}/{GATEWAY}", new).slug == GATEWAY
        with pytest.raises(NotAuthenticatedError):
            authenticate(session, f"{COMMUNITY}/{GATEWAY}", secret)


def test_who_is_revoked_has_neither_broker_nor_upload(
    engine: Engine, site: Site, settings: Settings, secret: str
) -> None:
    rogue = site.join(USER, secret, CONFIG, **CLEAR)
    assert until(lambda: rogue.link.connected)
    with transaction(engine) as session:
        credentials.revoke(session, who(engine), GATEWAY, "stolen")
    credentials.cut_off(settings, COMMUNITY, GATEWAY)
    assert is_refused(rogue, "Not authorized")
    with reading(engine) as session, pytest.raises(NotAuthenticatedError):
        authenticate(session, f"{COMMUNITY}/{GATEWAY}", secret)


def test_a_broker_that_was_away_learns_of_it_from_the_worker(
    engine: Engine, site: Site, settings: Settings, secret: str
) -> None:
    site.server.stop()
    with transaction(engine) as session:
        credentials.revoke(session, who(engine), GATEWAY, "stolen")
    with pytest.raises(BrokerError):
        credentials.cut_off(settings, COMMUNITY, GATEWAY)
    site.server.start()
    assert credentials.compare(engine, settings).removed == (USER,)
    assert is_refused(site.join(USER, secret, CONFIG, **CLEAR), "Not authorized")


def test_without_a_broker_the_former_secret_stays(
    engine: Engine, site: Site, settings: Settings, secret: str
) -> None:
    site.server.stop()
    with pytest.raises(BrokerError), transaction(engine) as session:
        credentials.rotate(session, who(engine), settings, GATEWAY, "lost")
    site.server.start()
    box = site.join(USER, secret, CONFIG, **CLEAR)
    assert until(lambda: box.link.connected)


def test_a_secret_of_a_former_release_is_taken_over(engine: Engine, secret: str) -> None:
    of_old = hashlib.sha256(secret.encode()).hexdigest()
    with transaction(engine) as session:
        session.execute(update(Gateway).where(Gateway.slug == GATEWAY).values(secret_hash=of_old))
        assert credentials.accounts(session)[1] == [USER]
        credentials.take_over(session, {GATEWAY: "a guess"})
        assert credentials.accounts(session)[1] == [USER]
        credentials.take_over(session, {GATEWAY: secret})
        assert credentials.accounts(session)[1] == []
        assert authenticate(session, f"{COMMUNITY}/{GATEWAY}", secret).slug == GATEWAY
