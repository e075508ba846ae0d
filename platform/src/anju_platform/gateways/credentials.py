"""What opens the broker and the platform to a gateway; the database is the truth.

Whoever changes an account at the broker and whoever compares all of them hold one lock:
else the comparison would take away what is not committed yet.
"""

import logging
from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_devices.link import LinkSettings
from anju_platform.audit.service import Who, record
from anju_platform.config import Settings
from anju_platform.database import hold_lock, transaction
from anju_platform.dynsec import hashes, keeping
from anju_platform.dynsec.accounts import (
    KEEPER_USER,
    Account,
    gateway_account,
    gateway_username,
    known_gateway,
    platform_account,
)
from anju_platform.dynsec.control import Control
from anju_platform.errors import ConflictError, NotFoundError
from anju_platform.registry import repository
from anju_platform.registry.credentials import hash_secret, new_secret, secret_matches
from anju_platform.registry.model import Community, Gateway

log = logging.getLogger(__name__)

_LOCK = 0x616E6A75_67770001
"""Key of the lock on the broker's accounts."""


def keeper(settings: Settings) -> LinkSettings | None:
    """Give how the broker's accounts are changed; None where the platform does not keep them."""
    password = settings.broker_admin_password
    if password is None:
        return None
    return LinkSettings(
        host=settings.broker_host,
        port=settings.broker_port,
        client_id=f"{KEEPER_USER}-{new_secret()[:12]}",
        username=KEEPER_USER,
        password=password.get_secret_value(),
        tls=settings.broker_tls,
        ca_file=str(settings.broker_ca_file) if settings.broker_ca_file else None,
        session_expiry_s=0,
        clean_start=True,
    )


def _demand_keeper(settings: Settings) -> LinkSettings:
    link = keeper(settings)
    if link is None:
        raise ConflictError(
            "the broker's accounts are not kept here: set ANJU_BROKER_ADMIN_PASSWORD"
        )
    return link


def accounts(session: Session) -> tuple[list[Account], list[str]]:
    """Give the accounts of all gateways, and the names of those the broker could not check."""
    found, unknown = [], []
    for community, gateway in repository.gateway_secrets(session):
        if hashes.parse(gateway.secret_hash) is None:
            unknown.append(gateway_username(community, gateway.slug))
        else:
            found.append(known_gateway(community, gateway.slug, gateway.secret_hash))
    return found, unknown


def take_over(session: Session, secrets: Mapping[str, str]) -> None:
    """Keep secrets of releases before this one in the broker's own form, where they are right."""
    for _, gateway in repository.gateway_secrets(session):
        secret = secrets.get(gateway.slug, "")
        is_old = hashes.parse(gateway.secret_hash) is None
        if is_old and secret_matches(secret, gateway.secret_hash):
            gateway.secret_hash = hash_secret(secret)


def rotate(session: Session, who: Who, settings: Settings, slug: str, reason: str) -> str:
    """Give a gateway a new secret, at the broker too; the former is cut off at once.

    Raises:
        NotFoundError: no such gateway.
        ConflictError: the platform does not keep this broker's accounts.
        BrokerError: the broker does not answer; the former secret is still good.
    """
    link = _demand_keeper(settings)
    hold_lock(session, _LOCK)
    gateway = _gateway(session, who, slug)
    secret = new_secret()
    gateway.secret_hash = hash_secret(secret)
    record(session, who, "gateway.rotated", f"gateway:{slug}", {"reason": reason})
    session.flush()
    community = session.get_one(Community, gateway.community_id).slug
    with Control(link) as control:
        keeping.admit(control, gateway_account(community, slug, secret))
        keeping.say_gone(control, gateway_username(community, slug))
    return secret


def revoke(session: Session, who: Who, slug: str, reason: str) -> None:
    """Take a gateway's secret away; :func:`cut_off` follows once that is committed.

    Raises:
        NotFoundError: no such gateway.
    """
    gateway = _gateway(session, who, slug)
    gateway.secret_hash = ""
    record(session, who, "gateway.revoked", f"gateway:{slug}", {"reason": reason})


def cut_off(settings: Settings, community: str, slug: str) -> None:
    """Throw a gateway out of the broker; if that fails the worker does it, within seconds.

    Raises:
        BrokerError: the broker does not answer.
        ConflictError: the platform does not keep this broker's accounts.
    """
    with Control(_demand_keeper(settings)) as control:
        keeping.dismiss(control, gateway_username(community, slug))


def compare(engine: Engine, settings: Settings) -> keeping.Difference:
    """Make the broker's accounts those that the database knows.

    Raises:
        BrokerError: the broker does not answer, or refuses.
    """
    link, password = keeper(settings), settings.broker_password
    if link is None or password is None:
        return keeping.Difference()
    with transaction(engine) as session:
        hold_lock(session, _LOCK)
        found, unknown = accounts(session)
        wanted = {one.username: one for one in found}
        # what is of an older form is known to the broker, and stays
        wanted |= {name: _of_old(name) for name in unknown}
        platform = platform_account(password.get_secret_value())
        with Control(link) as control:
            difference = keeping.reconcile(control, wanted | {platform.username: platform})
    for name in difference.missing:
        log.error("the broker has lost the account %s: anju broker-config --renew-accounts", name)
    return difference


def _of_old(username: str) -> Account:
    community, _, gateway = username.partition(".")
    return known_gateway(community, gateway, "")


def _gateway(session: Session, who: Who, slug: str) -> Gateway:
    gateway = repository.lock_gateway(session, who.community_id or 0, slug)
    if gateway is None:
        raise NotFoundError("there is no gateway {name!r}", name=slug)
    return gateway
