"""Keeps the broker's accounts as the database says: one at once, all again and again."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from anju_devices import topics
from anju_devices.errors import InvalidTopicError
from anju_devices.messages import Status, encode
from anju_devices.topics import Channel
from anju_platform.database import Json, now, to_millis
from anju_platform.dynsec.accounts import KEEPER_USER, Account, acl_rows
from anju_platform.dynsec.control import Control, accepted
from anju_platform.dynsec.document import NOTHING

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """In what the broker was not as the database says: user names.

    ``missing`` could not be given back, for nobody has their secrets.
    """

    missing: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()


def admit(control: Control, account: Account) -> None:
    """Make an account, or make it anew: whoever uses the former secret is cut off at once.

    Raises:
        BrokerError: the broker does not answer, or refuses.
    """
    gone, made = _removal(account.username), _creation(account)
    accepted(control.ask(*gone, *made)[len(gone) :])


def dismiss(control: Control, username: str) -> None:
    """Take an account away: whoever uses it is cut off at once, and cannot come back.

    Raises:
        BrokerError: the broker does not answer.
    """
    control.ask(*_removal(username))
    say_gone(control, username)


def say_gone(control: Control, username: str) -> None:
    """Say that a gateway is offline: of whom the broker throws out it sends no last will."""
    community, _, gateway = username.partition(".")
    try:
        topic = topics.build(community, gateway, Channel.STATUS)
    except InvalidTopicError:
        return  # no gateway's account
    control.say(topic, encode(Status(online=False, at=to_millis(now()))))


def reconcile(control: Control, wanted: Mapping[str, Account]) -> Difference:
    """Make the broker's accounts those that are wanted; the keeper's own stays as it is.

    An account that is missing is made where its secret is known. What is not wanted goes:
    the broker is the platform's alone.

    Raises:
        BrokerError: the broker does not answer, or refuses.
    """
    _deny_the_rest(control)
    clients = {one["username"]: one for one in control.listed("listClients", "clients")}
    roles = {one["rolename"]: one for one in control.listed("listRoles", "roles")}
    strangers = sorted(clients.keys() - wanted.keys() - {KEEPER_USER})
    for username in strangers:
        log.warning("the broker knew %s, and the database does not: it is removed", username)
        dismiss(control, username)
    mended = []
    missing = []
    for username, account in sorted(wanted.items()):
        if username in clients:
            if _mend(control, account, clients[username], roles.get(username)):
                mended.append(username)
        elif account.password:
            admit(control, account)
            mended.append(username)
        else:
            missing.append(username)
    for rolename in sorted(roles.keys() - wanted.keys() - {KEEPER_USER} - set(strangers)):
        control.ask({"command": "deleteRole", "rolename": rolename})
    return Difference(tuple(missing), tuple(strangers), tuple(mended))


def _deny_the_rest(control: Control) -> None:
    said = control.demand({"command": "getDefaultACLAccess"})[0]["data"]["acls"]
    if {one["acltype"]: one["allow"] for one in said} != NOTHING:
        log.warning("the broker allowed by default what no role names: %s", said)
        acls = [{"acltype": kind, "allow": allow} for kind, allow in NOTHING.items()]
        control.demand({"command": "setDefaultACLAccess", "acls": acls})


def _mend(control: Control, account: Account, client: Json, role: Json | None) -> bool:
    """Give an account its own role and rights again, and no others; tell whether it had not."""
    allowed = {
        (one["acltype"], one["topic"]) for one in (role or {}).get("acls", []) if one["allow"]
    }
    commands: list[Json] = []
    if role is None:
        commands.append(_role("createRole", account))
    elif allowed != account.acl:
        commands.append(_role("modifyRole", account))
    held = [one["rolename"] for one in client.get("roles", [])]
    tidy = held == [account.username] and not client.get("groups")
    if role is None or not tidy or client.get("clientid") != account.client_id:
        commands.append(
            {
                "command": "modifyClient",
                "username": account.username,
                "clientid": account.client_id or "",
                "roles": [{"rolename": account.username}],
                "groups": [],
            }
        )
    if client.get("disabled"):
        commands.append({"command": "enableClient", "username": account.username})
    if commands:
        log.warning("the broker's account %s is not as it must be: mended", account.username)
        control.demand(*commands)
    return bool(commands)


def _removal(username: str) -> list[Json]:
    return [
        {"command": "deleteClient", "username": username},
        {"command": "deleteRole", "rolename": username},
    ]


def _creation(account: Account) -> list[Json]:
    client: Json = {
        "command": "createClient",
        "username": account.username,
        "password": account.password,
        "roles": [{"rolename": account.username}],
    }
    if account.client_id is not None:
        client["clientid"] = account.client_id
    return [_role("createRole", account), client]


def _role(name: str, account: Account) -> Json:
    return {"command": name, "rolename": account.username, "acls": acl_rows(account.acl)}
