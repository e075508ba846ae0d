"""Both brokers, as we configure them: a gateway uses its own topics and no others."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from broker_site import until
from servers import start_broker

from anju_devices import topics
from anju_devices.link import Link, LinkSettings, Message
from anju_devices.topics import Channel
from anju_platform.children import program
from anju_platform.demo.amqtt import write_amqtt
from anju_platform.demo.mosquitto import free_port
from anju_platform.dynsec.accounts import gateway_account, platform_account

Join = Callable[[str, str, str], tuple[Link, list[Message]]]
ACCOUNTS = (
    platform_account("platform-secret"),
    gateway_account("c", "gw-1", "secret-1"),
    gateway_account("c", "gw-2", "secret-2"),
)


@dataclass
class Broker:
    port: int
    protocol: str


def mosquitto(folder: Path) -> Iterator[Broker]:
    server = start_broker(folder, ACCOUNTS)
    yield Broker(server.port, "5")
    server.stop()


def amqtt(folder: Path) -> Iterator[Broker]:
    port = free_port()
    config = write_amqtt(folder, port=port, accounts=ACCOUNTS)
    process = subprocess.Popen([program("amqtt"), "-c", str(config)], stderr=subprocess.DEVNULL)
    yield Broker(port, "3.1.1")
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(params=[mosquitto, amqtt], ids=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    yield from request.param(tmp_path)


@pytest.fixture
def join(broker: Broker) -> Iterator[Join]:
    links: list[Link] = []

    def join(username: str, password: str, topic: str) -> tuple[Link, list[Message]]:
        heard: list[Message] = []
        link = Link(
            LinkSettings(
                host="127.0.0.1",
                port=broker.port,
                client_id=username,
                username=username,
                password=password,
                protocol=broker.protocol,
                clean_start=True,
            ),
            on_message=heard.append,
            subscriptions=[topic],
        )
        link.start()
        links.append(link)
        return link, heard

    yield join
    for link in links:
        link.stop()


def test_a_gateway_is_heard_by_the_platform_and_answered(join: Join) -> None:
    platform, heard = join("anju-platform", "platform-secret", topics.everyone(Channel.EVENTS))
    committed = topics.build("c", "gw-1", Channel.COMMITTED)
    gateway, answers = join("c.gw-1", "secret-1", committed)
    assert until(lambda: platform.connected and gateway.connected)
    gateway.publish(topics.build("c", "gw-1", Channel.EVENTS), b"a batch")
    assert until(lambda: [m.payload for m in heard] == [b"a batch"])
    platform.publish(committed, b"stored")
    assert until(lambda: [m.payload for m in answers] == [b"stored"])


def test_a_gateway_cannot_speak_for_another(join: Join) -> None:
    platform, heard = join("anju-platform", "platform-secret", topics.everyone(Channel.EVENTS))
    gateway, _ = join("c.gw-1", "secret-1", topics.build("c", "gw-1", Channel.COMMITTED))
    assert until(lambda: platform.connected and gateway.connected)
    gateway.publish(topics.build("c", "gw-2", Channel.EVENTS), b"forged")
    gateway.publish(topics.build("c", "gw-1", Channel.EVENTS), b"its own")
    assert until(lambda: [m.payload for m in heard] == [b"its own"])


def test_a_wrong_secret_does_not_get_in(join: Join) -> None:
    stranger, _ = join("c.gw-1", "a guess", topics.build("c", "gw-1", Channel.COMMITTED))
    assert not until(lambda: stranger.connected, seconds=2)
