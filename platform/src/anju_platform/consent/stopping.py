"""A sensor that is to pass nothing on: neither the platform listens to it, nor its gateway."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from sqlalchemy.orm import Session

from anju_platform.commands.model import GatewayCommand
from anju_platform.commands.requests import ask
from anju_platform.consent import repository
from anju_platform.registry.model import Device

WITHHOLD = "withhold"
"""The command: ``args.devices`` are all that this gateway is to pass nothing on of."""
_TTL = timedelta(days=366)
"""It is sent on the gateway's return, however long it was away."""

Stop = Literal["asked", "confirmed", "unreached", "failed"]


def heed(session: Session, community_id: int) -> None:
    """Listen to what is to be listened to and to nothing else, and tell the gateways so."""
    wrong = repository.misheard(session, community_id)
    for device, stop in wrong:
        device.state = "stopped" if stop else "approved"
    session.flush()
    for gateway_id in sorted({device.gateway_id for device, _ in wrong}):
        ask(
            session,
            community_id=community_id,
            gateway_id=gateway_id,
            name=WITHHOLD,
            args={"devices": repository.stopped_behind(session, gateway_id)},
            ttl=_TTL,
        )


def stops(session: Session, devices: Sequence[Device]) -> dict[int, Stop]:
    """Give how far the stopping of those that are stopped has come."""
    stopped = [device for device in devices if device.state == "stopped"]
    asked = repository.last_asked(session, {one.gateway_id for one in stopped}, WITHHOLD)
    return {one.id: _stop(*asked.get(one.gateway_id, (None, False))) for one in stopped}


def _stop(command: GatewayCommand | None, online: bool) -> Stop:
    if command is None or (command.answered_at is None and not online):
        return "unreached"
    if command.answered_at is None:
        return "asked"
    return "confirmed" if command.ok else "failed"
