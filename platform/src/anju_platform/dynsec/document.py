"""The plugin's store, written whole: for a broker that is new, or that has lost it."""

import json
from collections.abc import Sequence
from pathlib import Path

from anju_platform.database import Json
from anju_platform.dynsec import hashes
from anju_platform.dynsec.accounts import Account, acl_rows
from anju_platform.errors import ConfigError

FILE = "dynamic-security.json"
PLUGIN = "mosquitto_dynamic_security.so"
_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")

NOTHING: Json = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    "unsubscribe": True,
}
"""What is allowed that no role names: to hear no more of something."""


def find_plugin() -> Path | None:
    """Give where this machine has the plugin, if it has it."""
    for folder in map(Path, _FOLDERS):
        found = [folder / PLUGIN, *sorted(folder.glob(f"*-linux-gnu*/{PLUGIN}"))]
        for path in found:
            if path.is_file():
                return path
    return None


def store(accounts: Sequence[Account]) -> str:
    """Give the store's text: every account with a role of its own.

    Raises:
        ConfigError: of an account no hash of the plugin's form is known.
    """
    return json.dumps(
        {
            "defaultACLAccess": NOTHING,
            "clients": [_client(account) for account in accounts],
            "roles": [
                {"rolename": account.username, "acls": acl_rows(account.acl)}
                for account in accounts
            ],
        },
        indent=1,
    )


def _client(account: Account) -> Json:
    kept = hashes.parse(account.kept)
    if kept is None:
        raise ConfigError(f"of {account.username} no secret is known that the broker could check")
    client: Json = {
        "username": account.username,
        "password": kept.digest,
        "salt": kept.salt,
        "iterations": kept.iterations,
        "roles": [{"rolename": account.username}],
    }
    return client if account.client_id is None else client | {"clientid": account.client_id}
