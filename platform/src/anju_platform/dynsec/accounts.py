"""The broker's accounts: who may write and read which topics, under which client id."""

from dataclasses import dataclass, field

from anju_devices import topics
from anju_devices.topics import Channel
from anju_platform.database import Json
from anju_platform.dynsec import hashes

PLATFORM_USER = "anju-platform"
KEEPER_USER = "anju-keeper"
"""Who changes accounts; it cannot read what devices say."""

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
RESPONSE_TOPIC = f"{CONTROL_TOPIC}/response"

Acl = frozenset[tuple[str, str]]
"""What a role allows: (kind of access, topic filter); what it does not name is refused."""


@dataclass(frozen=True, slots=True)
class Account:
    """One MQTT account, with the topic filters it may write and read, and no others.

    ``kept`` is the hash of its secret; ``password`` is there only where somebody knows it.
    ``client_id`` is the only one it may connect under: else a gateway could take over the
    session of another, and what waits in it.
    """

    username: str
    write: tuple[str, ...]
    read: tuple[str, ...]
    kept: str = field(repr=False)
    password: str = field(default="", repr=False)
    client_id: str | None = None

    @property
    def acl(self) -> Acl:
        """Give its rights in the plugin's words."""
        writes = {("publishClientSend", topic) for topic in self.write}
        reads = {("publishClientReceive", topic) for topic in self.read}
        return frozenset(writes | reads | {(_subscribe(topic), topic) for topic in self.read})


def _subscribe(topic: str) -> str:
    """Give how a filter is subscribed to: as such, or also by what lies within it."""
    return "subscribePattern" if "+" in topic else "subscribeLiteral"


def acl_rows(acl: Acl) -> list[Json]:
    """Give a role's rights as the plugin's commands and its store have them."""
    return [
        {"acltype": kind, "topic": topic, "priority": 0, "allow": True}
        for kind, topic in sorted(acl)
    ]


def gateway_username(community: str, gateway: str) -> str:
    """Give the MQTT user name of a gateway, which is its client id and its role's name, too."""
    return f"{community}.{gateway}"


def gateway_account(community: str, gateway: str, secret: str) -> Account:
    """Give a gateway the right to its own prefix and to nothing else."""
    return _gateway(community, gateway, hashes.keep(secret), secret)


def known_gateway(community: str, gateway: str, kept: str) -> Account:
    """Give the account of a gateway of whose secret only the hash is known."""
    return _gateway(community, gateway, kept, "")


def _gateway(community: str, gateway: str, kept: str, secret: str) -> Account:
    up = (Channel.EVENTS, Channel.TELEMETRY, Channel.STATUS, Channel.RESULTS)
    down = (Channel.COMMITTED, Channel.COMMANDS, Channel.CONFIG)
    name = gateway_username(community, gateway)
    return Account(
        name,
        write=tuple(topics.build(community, gateway, channel) for channel in up),
        read=tuple(topics.build(community, gateway, channel) for channel in down),
        kept=kept,
        password=secret,
        client_id=name,
    )


def platform_account(password: str) -> Account:
    """Give the platform what goes up to read and what goes down to write."""
    return Account(
        PLATFORM_USER,
        write=tuple(topics.everyone(c) for c in Channel if c.startswith("down/")),
        read=tuple(topics.everyone(c) for c in Channel if c.startswith("up/")),
        kept=hashes.keep(password),
        password=password,
    )


def keeper_account(password: str) -> Account:
    """Give the keeper the plugin, and the right to say that a gateway is gone.

    The broker sends no last will for whom it throws out.
    """
    return Account(
        KEEPER_USER,
        write=(CONTROL_TOPIC, topics.everyone(Channel.STATUS)),
        read=(RESPONSE_TOPIC,),
        kept=hashes.keep(password),
        password=password,
    )
