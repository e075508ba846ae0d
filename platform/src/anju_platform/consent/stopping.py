"""A sensor that is to pass nothing on: neither the platform listens to it, nor its gateway."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from anju_platform.commands.model import GatewayCommand
from anju_platform.commands.requests import ask
from anju_platform.consent import repository
from anju_platform.database import now, reading, transaction
from anju_platform.registry.model import Device
from anju_platform.registry.repository import community_ids

WITHHOLD = "withhold"
"""The command: ``args.devices`` are all that this gateway is to pass nothing on of."""
_TTL = timedelta(days=366)
"""It is sent on the gateway's return, however long it was away."""

_AGAIN = timedelta(days=1)

Stop = Literal["asked", "confirmed", "unreached", "failed"]


def heed(session: Session, community_id: int) -> None:
    """Listen to what is to be listened to and to nothing else, and tell the gateways so.

    Harmless when repeated: a gateway is asked again only when there is something new to say, or
    it could not do it yesterday.
    """
    for device, stop in repository.misheard(session, community_id):
        device.state = "stopped" if stop else "approved"
    session.flush()
    stopped = repository.stopped_behind(session, community_id)
    asked = repository.last_asked(session, community_id, WITHHOLD)
    for gateway_id in sorted({*stopped, *asked}):
        devices = stopped.get(gateway_id, [])
        last = asked[gateway_id][0] if gateway_id in asked else None
        if last is None or last.args != {"devices": devices} or _is_to_be_repeated(last):
            ask(
                session,
                community_id=community_id,
                gateway_id=gateway_id,
                name=WITHHOLD,
                args={"devices": devices},
                ttl=_TTL,
            )


def _is_to_be_repeated(command: GatewayCommand) -> bool:
    at = now()
    if command.answered_at is None:
        return command.expires_at <= at
    return not command.ok and command.answered_at <= at - _AGAIN


def heed_all(engine: Engine) -> None:
    """Do so in every community: it changes when people move in or out, or a sensor does."""
    with reading(engine) as session:
        communities = community_ids(session)
    for community_id in communities:
        with transaction(engine) as session:
            heed(session, community_id)


def stops(session: Session, community_id: int, devices: Sequence[Device]) -> dict[int, Stop]:
    """Give how far the stopping of those that are stopped has come."""
    asked = repository.last_asked(session, community_id, WITHHOLD)
    return {
        one.id: _stop(one.slug, *asked.get(one.gateway_id, (None, False)))
        for one in devices
        if one.state == "stopped"
    }


def _stop(slug: str, command: GatewayCommand | None, online: bool) -> Stop:
    if command is None or slug not in command.args["devices"]:
        return "unreached"
    if command.answered_at is None:
        return "asked" if online else "unreached"
    return "confirmed" if command.ok else "failed"
