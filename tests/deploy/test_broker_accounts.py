"""Accounts of a running Mosquitto, by TLS: what a rogue gateway tries, and how it is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from broker_site import Ear, Site, is_refused, until

from anju_devices import topics
from anju_devices.topics import Channel
from anju_platform import authority
from anju_platform.broker import Tls, write_mosquitto
from anju_platform.demo.mosquitto import Mosquitto, free_port
from anju_platform.dynsec import keeping
from anju_platform.dynsec.accounts import (
    CONTROL_TOPIC,
    PLATFORM_USER,
    Account,
    gateway_account,
    keeper_account,
    known_gateway,
    platform_account,
)
from anju_platform.errors import BrokerError, ConfigError
from anju_platform.private import write_private

PLATFORM = platform_account("platform-secret")
GW_1, GW_2 = gateway_account("c", "gw-1", "secret-1"), gateway_account("c", "gw-2", "secret-2")
ACCOUNTS = (PLATFORM, keeper_account("keeper-secret"), GW_1, GW_2)
WANTED = {one.username: one for one in (PLATFORM, GW_1, GW_2)}
STATUS = topics.build("c", "gw-1", Channel.STATUS)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    signer = authority.open_authority(tmp_path / "ca", "Test CA")
    certificate, key = signer.sign(["localhost", "127.0.0.1"])
    (tmp_path / "broker.crt").write_bytes(certificate)
    write_private(tmp_path / "broker.key", key)
    clear, secure = free_port(), free_port()
    tls = Tls(secure, tmp_path / "broker.crt", tmp_path / "broker.key", host="127.0.0.1")
    config = write_mosquitto(tmp_path / "broker", port=clear, accounts=ACCOUNTS, tls=tls)
    server = Mosquitto(config, host="127.0.0.1", port=secure)
    server.start()
    site = Site(tmp_path, clear, secure, server)
    yield site
    for link in site.links:
        link.stop()
    server.stop()


def gateway(site: Site, number: int = 1, **more: Any) -> Ear:
    ear = site.join(
        f"c.gw-{number}",
        f"secret-{number}",
        topics.build("c", f"gw-{number}", Channel.CONFIG),
        **more,
    )
    assert until(lambda: ear.link.connected)
    return ear


def platform(site: Site) -> Ear:
    channels = (topics.everyone(c) for c in Channel if c.startswith("up/"))
    ear = site.join(PLATFORM_USER, "platform-secret", *channels)
    assert until(lambda: ear.link.connected)
    return ear


def test_by_tls_a_gateway_is_heard_and_answered(site: Site) -> None:
    office, box = platform(site), gateway(site)
    box.link.publish(topics.build("c", "gw-1", Channel.EVENTS), b"a batch")
    assert until(lambda: office.payloads == [b"a batch"])
    office.link.publish(topics.build("c", "gw-1", Channel.CONFIG), b"devices", retain=True)
    assert until(lambda: box.payloads == [b"devices"])


@pytest.mark.parametrize(
    "filter_",
    [
        "#",
        "+/#",
        "$SYS/#",
        "$CONTROL/#",
        f"{CONTROL_TOPIC}/response",
        "anju/v1/#",
        "anju/v1/c/+/down/commands",
        "anju/v1/c/gw-2/up/events",
        "anju/v1/c/gw-2/down/config",
        "anju/v1/c/gw-1/up/events",
        "$share/all/anju/v1/c/gw-2/down/commands",
    ],
)
def test_a_rogue_reads_nothing_but_its_own(site: Site, filter_: str) -> None:
    rogue = site.join("c.gw-1", "secret-1", filter_)
    assert is_refused(rogue, "refused the subscription")


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize(
    "topic",
    [
        "anju/v1/c/gw-2/up/events",
        "anju/v1/c/gw-2/up/status",
        "anju/v1/c/gw-2/down/commands",
        "anju/v1/c/gw-1/down/commands",
        "anju/v1/c/gw-1/up/other",
        "$SYS/broker/uptime",
        "anywhere",
    ],
)
def test_a_rogue_writes_nowhere_but_on_its_own(site: Site, topic: str, retain: bool) -> None:
    """Everybody who may hear listens, now and afterwards; only what it may say arrives."""
    everything = Account("watcher", (), ("#",), GW_1.kept, "secret-1")
    with site.control() as control:
        keeping.admit(control, everything)
    watcher = site.join("watcher", "secret-1", "#")
    assert until(lambda: watcher.link.connected)
    rogue = gateway(site)
    rogue.link.publish(topic, b"forged", retain=retain)
    rogue.link.publish(STATUS, b"its own")
    assert until(lambda: b"its own" in watcher.payloads)
    late = site.join("watcher", "secret-1", "#", client_id="late")
    assert until(lambda: late.link.connected)
    watcher.link.stop()
    assert b"forged" not in watcher.payloads + late.payloads


def test_a_rogue_changes_no_account(site: Site) -> None:
    rogue = gateway(site)
    grab = b'{"commands":[{"command":"deleteClient","username":"c.gw-2"}]}'
    rogue.link.publish(CONTROL_TOPIC, grab)
    rogue.link.publish(STATUS, b"{}")
    gateway(site, 2)
    with site.control() as control:
        assert "c.gw-2" in {one["username"] for one in control.listed("listClients", "clients")}


def test_a_rogue_leaves_no_will_for_another(site: Site) -> None:
    """The broker takes the will, and keeps it to itself when the rogue is gone."""
    office = platform(site)
    site.join("c.gw-1", "secret-1", will=("anju/v1/c/gw-2/up/status", b"forged"))
    assert until(lambda: site.links[-1].connected)
    gateway(site, will=(STATUS, b"its own"))  # takes the session over: the first will is due
    site.join("c.gw-1", "secret-1")
    assert until(lambda: b"its own" in office.payloads)
    assert b"forged" not in office.payloads


def test_a_rogue_takes_no_session_of_another(site: Site) -> None:
    victim = gateway(site, 2)
    assert is_refused(site.join("c.gw-1", "secret-1", client_id="c.gw-2"), "Not authorized")
    assert victim.link.connected
    assert victim.said == [(True, "connected")]


@pytest.mark.parametrize(
    "who",
    [
        {"user": "c.gw-1", "secret": "a guess"},
        {"user": "nobody", "secret": ""},
        {"user": "", "secret": "", "username": None, "password": None, "client_id": "x"},
    ],
)
def test_a_stranger_does_not_get_in(site: Site, who: dict[str, Any]) -> None:
    assert is_refused(site.join(**who), "Not authorized")


# paho leaves the socket of a failed handshake to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_our_authority_did_not_sign_is_not_trusted(site: Site) -> None:
    authority.open_authority(site.folder / "other", "Another CA")
    other = str(site.folder / "other" / authority.CA_CERTIFICATE)
    assert is_refused(site.join("c.gw-1", "secret-1", ca_file=other), "CERTIFICATE_VERIFY_FAILED")


def test_the_clear_listener_is_never_open_to_others(site: Site) -> None:
    with pytest.raises(ConfigError, match="for this machine alone"):
        write_mosquitto(site.folder, port=1, accounts=ACCOUNTS, host="0.0.0.0")  # noqa: S104


def test_the_platform_changes_no_account_and_speaks_for_no_gateway(site: Site) -> None:
    office, box = platform(site), gateway(site)
    office.link.publish(
        CONTROL_TOPIC, b'{"commands":[{"command":"deleteClient","username":"c.gw-1"}]}'
    )
    office.link.publish(topics.build("c", "gw-1", Channel.EVENTS), b"forged")
    box.link.publish(topics.build("c", "gw-1", Channel.EVENTS), b"its own")
    assert until(lambda: b"its own" in office.payloads)
    assert b"forged" not in office.payloads
    assert box.link.connected


def test_who_is_revoked_is_cut_off_at_once_and_told_to_be_gone(site: Site) -> None:
    office, rogue = platform(site), gateway(site)
    with site.control() as control:
        keeping.dismiss(control, "c.gw-1")
    assert until(lambda: not rogue.link.connected, seconds=5)
    assert until(lambda: [m.topic for m in office.heard if b"false" in m.payload] == [STATUS])
    assert is_refused(rogue, "Not authorized")
    assert is_refused(site.join("c.gw-1", "secret-1"), "Not authorized")


def test_a_new_secret_cuts_off_who_has_the_old_one(site: Site) -> None:
    old = gateway(site)
    with site.control() as control:
        keeping.admit(control, gateway_account("c", "gw-1", "renewed"))
    assert is_refused(old, "Not authorized")
    new = site.join("c.gw-1", "renewed", topics.build("c", "gw-1", Channel.CONFIG))
    assert until(lambda: new.link.connected)


def test_what_was_changed_outlives_the_broker(site: Site) -> None:
    with site.control() as control:
        keeping.dismiss(control, "c.gw-2")
        keeping.admit(control, gateway_account("c", "gw-3", "secret-3"))
    site.server.stop()
    site.server.start()
    gateway(site, 3)
    assert is_refused(site.join("c.gw-2", "secret-2"), "Not authorized")


def test_the_broker_is_made_as_the_database_says(site: Site) -> None:
    rogue, moved = gateway(site), gateway_account("c", "gw-2", "secret-2")
    with site.control() as control:
        assert keeping.reconcile(control, WANTED) == keeping.Difference()
        everything = [{"acltype": "subscribePattern", "topic": "#", "priority": 0, "allow": True}]
        control.demand(
            {"command": "modifyRole", "rolename": "c.gw-2", "acls": everything},
            {"command": "setDefaultACLAccess", "acls": [{"acltype": "subscribe", "allow": True}]},
        )
        wanted = {PLATFORM_USER: PLATFORM, "c.gw-2": moved}
        wanted["c.gw-9"] = known_gateway("c", "gw-9", GW_1.kept)
        found = keeping.reconcile(control, wanted)
        assert found == keeping.Difference(("c.gw-9",), ("c.gw-1",), ("c.gw-2",))
        again = keeping.reconcile(control, wanted)
        assert again == keeping.Difference(("c.gw-9",))
    assert is_refused(rogue, "Not authorized")
    assert is_refused(site.join("c.gw-2", "secret-2", "#"), "refused the subscription")


def test_a_store_that_is_lost_is_written_again_from_hashes(site: Site) -> None:
    """Nobody has the secrets but the boxes; they come in again all the same."""
    site.server.stop()
    known = [PLATFORM, keeper_account("keeper-secret"), known_gateway("c", "gw-1", GW_1.kept)]
    tls = Tls(site.tls, site.folder / "broker.crt", site.folder / "broker.key", host="127.0.0.1")
    write_mosquitto(site.folder / "broker", port=site.clear, accounts=known, tls=tls)
    site.server.start()
    gateway(site)


def test_a_broker_that_is_away_is_said(site: Site) -> None:
    site.server.stop()
    with pytest.raises(BrokerError, match="does not let us"), site.control():
        pass
