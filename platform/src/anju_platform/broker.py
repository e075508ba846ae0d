"""The broker's configuration: accounts, who may use which topic, and safe settings.

Debian's Mosquitto with its default settings drops silently beyond 1,000 queued messages
and keeps nothing over a kill; these settings are checked into one file instead of a guide.
What Anju promises does not rest on them: a batch is only forgotten by its sender when the
platform has it in the database (see the lanes).
"""

import base64
import hashlib
import os
import pwd
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anju_devices import topics
from anju_devices.topics import Channel

PLATFORM_USER = "anju-platform"
_ITERATIONS = 101
"""What mosquitto_passwd of Mosquitto 2.0 uses; account secrets here are random, not words."""


@dataclass(frozen=True, slots=True)
class Account:
    """One MQTT account: its secret and the topic filters it may write and read."""

    username: str
    password: str
    write: tuple[str, ...]
    read: tuple[str, ...]


def gateway_username(community: str, gateway: str) -> str:
    """Give the MQTT user name of a gateway."""
    return f"{community}.{gateway}"


def gateway_account(community: str, gateway: str, secret: str) -> Account:
    """Give a gateway the right to its own prefix and to nothing else."""
    up = (Channel.EVENTS, Channel.TELEMETRY, Channel.STATUS, Channel.RESULTS)
    down = (Channel.COMMITTED, Channel.COMMANDS, Channel.CONFIG)
    return Account(
        gateway_username(community, gateway),
        secret,
        write=tuple(topics.build(community, gateway, channel) for channel in up),
        read=tuple(topics.build(community, gateway, channel) for channel in down),
    )


def platform_account(password: str) -> Account:
    """Give the platform what goes up to read and what goes down to write."""
    return Account(
        PLATFORM_USER,
        password,
        write=tuple(topics.everyone(c) for c in Channel if c.startswith("down/")),
        read=tuple(topics.everyone(c) for c in Channel if c.startswith("up/")),
    )


def write_mosquitto(
    directory: Path,
    *,
    port: int,
    accounts: Sequence[Account],
    host: str = "127.0.0.1",
    seen_as: Path | None = None,
) -> Path:
    """Write ``mosquitto.conf``, ``passwd`` and ``acl`` into ``directory``; give the first.

    ``seen_as`` is where the broker will find that directory, when it runs in a container.
    ``accounts`` empty means an open broker, for tests on loopback only. An account's secret
    is stored as PBKDF2-SHA512, mosquitto_passwd's own format.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "store").mkdir(exist_ok=True)
    there = seen_as or directory
    lines = [
        f"listener {port} {host}",
        f"persistence_location {there / 'store'}/",
        "persistence true",
        # sessions and retained messages; what is in flight is safe with its sender (ADR 2)
        "autosave_interval 60",
        # an hour of a hundred gateways' urgent lane, bounded by their windows
        "max_queued_messages 100000",
        "max_inflight_messages 0",
        "max_packet_size 400000",
        "persistent_client_expiration 2d",
        # without it every second small message waits 40 ms for a delayed acknowledgement
        "set_tcp_nodelay true",
        f"allow_anonymous {'false' if accounts else 'true'}",
        f"user {pwd.getpwuid(os.geteuid()).pw_name}",
    ]
    if accounts:
        _private(directory / "passwd", (_passwd_line(account) for account in accounts))
        _private(directory / "acl", (line for a in accounts for line in _acl_lines(a)))
        lines += [f"password_file {there / 'passwd'}", f"acl_file {there / 'acl'}"]
    config = directory / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


def _passwd_line(account: Account) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, _ITERATIONS)
    encode = base64.b64encode
    return f"{account.username}:$7${_ITERATIONS}${encode(salt).decode()}${encode(digest).decode()}"


def _acl_lines(account: Account) -> Iterable[str]:
    yield f"user {account.username}"
    yield from (f"topic write {topic}" for topic in account.write)
    yield from (f"topic read {topic}" for topic in account.read)


def _private(path: Path, lines: Iterable[str]) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
