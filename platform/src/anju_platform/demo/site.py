"""The demo's folder: what is made once, kept, and found again at the second start."""

import json
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anju_platform.auth.model import Role
from anju_platform.children import program
from anju_platform.dynsec.accounts import gateway_username
from anju_platform.errors import ConfigError
from anju_platform.private import write_private


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo who may log in; passwords are made at the first start."""

    username: str
    name: str
    role: Role


PEOPLE = (
    Person("guard", "李强", Role.GUARD),
    Person("property", "王芳", Role.PROPERTY),
    Person("family", "张敏", Role.FAMILY),
    Person("admin", "陈静", Role.ADMIN),
)
"""Whom every demo has."""
MORE_PEOPLE = (
    Person("guard2", "赵军", Role.GUARD),
    Person("guard3", "马超", Role.GUARD),
    Person("office", "刘洋", Role.OFFICE),
    Person("grid", "孙丽", Role.GRID),
    Person("family2", "周浩", Role.FAMILY),
    Person("installer", "周伟", Role.INSTALLER),
    Person("auditor", "吴琳", Role.AUDITOR),
)
"""Whom a furnished one has besides: so many that a rota and every role's screens can be seen."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera the real vision pipeline reads: a device, a source, and its zones."""

    device: str
    source: str
    zones: tuple[Mapping[str, Any], ...]
    loop: bool = True


class Site:
    """One demo below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.logs = self.directory / "log"
        self.community_file = self.directory / "community.json"
        self.replay_file = self.directory / "replay-community.json"
        self.secrets_file = self.directory / "gateway-secrets.json"
        self.password_file = self.directory / "passwords.json"
        self.native_token_file = self.directory / "native-token"

    def prepare(self) -> bool:
        """Make the folder and its secrets; say whether this is the first start."""
        first = not self.password_file.exists()
        self.directory.mkdir(parents=True, exist_ok=True)
        if first:
            write_private(self.native_token_file, secrets.token_urlsafe(24).encode())
        known = {} if first else self.passwords
        names = (*(one.username for one in (*PEOPLE, *MORE_PEOPLE)), "mqtt", "mqtt-keeper")
        made = {name: secrets.token_urlsafe(9) for name in names if name not in known}
        if made:
            write_private(self.password_file, json.dumps(known | made).encode())
        return first

    @property
    def passwords(self) -> dict[str, str]:
        """The demo users' passwords and the platform's two of the broker."""
        found: dict[str, str] = json.loads(self.password_file.read_text(encoding="utf-8"))
        return found

    @property
    def community(self) -> dict[str, Any]:
        """The community file's content."""
        found: dict[str, Any] = json.loads(self.community_file.read_text(encoding="utf-8"))
        return found

    @property
    def slug(self) -> str:
        """The community's id on the wire."""
        slug: str = self.community["community"]["slug"]
        return slug

    @property
    def gateway_secrets(self) -> dict[str, str]:
        """Each gateway's secret."""
        found: dict[str, str] = json.loads(self.secrets_file.read_text(encoding="utf-8"))
        return found

    def edge_folder(self, gateway: str) -> Path:
        """Where one edge agent keeps its spool, snapshots and chosen port."""
        return self.directory / f"edge-{gateway}"

    def write_edge_config(
        self,
        gateway: str,
        *,
        broker: tuple[str, int, str],
        platform_url: str,
        cameras: Sequence[Camera] = (),
        replay: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write an edge agent's configuration; ``broker`` is host, port and MQTT version."""
        folder = self.edge_folder(gateway)
        folder.mkdir(exist_ok=True)
        write_private(folder / "secret", self.gateway_secrets[gateway].encode())
        host, port, protocol = broker
        document: dict[str, Any] = {
            "community": self.slug,
            "gateway": gateway,
            "data_dir": str(folder),
            "broker": {
                "host": host,
                "port": port,
                "protocol": protocol,
                "username": gateway_username(self.slug, gateway),
                "password_file": str(folder / "secret"),
            },
            "platform": {"url": platform_url, "secret_file": str(folder / "secret")},
            "native": {
                "host": "127.0.0.1",
                "port": 0,
                "token_file": str(self.native_token_file),
                "port_file": str(folder / "port"),
            },
            "cameras": [
                {
                    "device": camera.device,
                    "source": camera.source,
                    "loop": camera.loop,
                    "zones": [dict(zone) for zone in camera.zones],
                }
                for camera in cameras
            ],
        }
        if replay is not None:
            document["replay"] = [dict(replay)]
        (folder / "port").unlink(missing_ok=True)
        path = folder / "edge.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return path


class Task:
    """One of our programs that runs to its end while we do other things."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._process = subprocess.Popen(
            [program(command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self) -> None:
        """Wait for its end.

        Raises:
            ConfigError: it failed; the text carries what it said.
        """
        said, _ = self._process.communicate()
        if self._process.returncode:
            raise ConfigError(f"{' '.join(self._command)} failed:\n{said}")
