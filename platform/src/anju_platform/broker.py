"""The broker's configuration: TLS, who may use which topic, and safe settings.

Debian's Mosquitto with its default settings drops silently beyond 1,000 queued messages
and keeps nothing over a kill; these settings are checked into one file instead of a guide.
What Anju promises does not rest on them: a batch is only forgotten by its sender when the
platform has it in the database (see the lanes).
"""

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anju_platform.config import LOOPBACK
from anju_platform.dynsec.accounts import Account
from anju_platform.dynsec.document import FILE, find_plugin, store
from anju_platform.errors import ConfigError
from anju_platform.private import write_private


@dataclass(frozen=True, slots=True)
class Tls:
    """Where the broker listens under TLS, and what it shows; paths as the broker finds them."""

    port: int
    certificate: Path
    key: Path
    host: str = "0.0.0.0"  # noqa: S104 - gateways are elsewhere


def write_mosquitto(
    directory: Path,
    *,
    port: int,
    accounts: Sequence[Account],
    host: str = "127.0.0.1",
    seen_as: Path | None = None,
    tls: Tls | None = None,
    plugin: Path | None = None,
    renew: bool = True,
) -> Path:
    """Write ``mosquitto.conf`` and the accounts' store into ``directory``; give the first.

    ``port`` is of the clear listener, for this machine alone. ``seen_as`` is where the broker
    will find that directory, and ``plugin`` where the plugin, when it runs in a container.
    ``accounts`` empty means an open broker, for tests on loopback only. Without ``renew`` a
    store that is there stays: the broker owns it, and it must stand still when it is renewed.

    Raises:
        ConfigError: the clear listener would be open to others, or there is no plugin.
    """
    if host not in LOOPBACK:
        raise ConfigError(f"the clear listener is for this machine alone, not for {host}: use TLS")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "store").mkdir(exist_ok=True)
    there = seen_as or directory
    lines = [
        f"listener {port} {host}",
        *_tls_lines(tls),
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
        plugin = plugin or find_plugin()
        if plugin is None:
            raise ConfigError(
                "Mosquitto's dynamic-security plugin is not here; name it by --plugin"
            )
        lines += [f"plugin {plugin}", f"plugin_opt_config_file {there / 'store' / FILE}"]
        kept = directory / "store" / FILE
        if renew or not kept.exists():
            write_private(kept, store(accounts).encode())
    config = directory / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


def _tls_lines(tls: Tls | None) -> list[str]:
    if tls is None:
        return []
    return [
        f"listener {tls.port} {tls.host}",
        f"certfile {tls.certificate}",
        f"keyfile {tls.key}",
    ]
