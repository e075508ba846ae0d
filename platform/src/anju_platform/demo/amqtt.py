"""Configuration of the pure-Python broker, for a machine without Mosquitto; demo only."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from anju_platform.dynsec.accounts import Account
from anju_platform.private import write_private


def write_amqtt(directory: Path, *, port: int, accounts: Sequence[Account]) -> Path:
    """Write amqtt's configuration: the same accounts and topic rights as Mosquitto's."""
    from pwdlib import PasswordHash

    directory.mkdir(parents=True, exist_ok=True)
    hasher = PasswordHash.recommended()
    passwords = directory / "amqtt-passwd"
    lines = "".join(f"{a.username}:{hasher.hash(a.password)}\n" for a in accounts)
    write_private(passwords, lines.encode())
    document = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(passwords)},
            "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": {
                "publish_acl": {a.username: list(a.write) for a in accounts},
                "acl": {a.username: list(a.read) for a in accounts},
            },
        },
    }
    config = directory / "amqtt.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    return config
