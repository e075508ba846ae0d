"""What an installer does: approve devices, retire them, bring them back."""

from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_platform.audit.service import Who, record
from anju_platform.database import now
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.registry import listing, repository
from anju_platform.registry.model import Device
from anju_platform.registry.schemas import DeviceState, NewDevice

STOPPED = "stopped"
"""The state of what whoever lives there wants to pass nothing on."""


def add_device(session: Session, who: Who, community_id: int, wanted: NewDevice) -> Device:
    """Add a device to a community; ingest notices and takes in what waits in quarantine.

    Raises:
        InvalidRequestError: no such model, or a gateway, place or household that is not there.
        ConflictError: there is a device of that id.
    """
    if wanted.model not in MODELS:
        raise InvalidRequestError(f"there is no model {wanted.model!r} in the catalogue")
    try:
        listing.find_device(session, community_id, wanted.slug)
    except NotFoundError:
        pass
    else:
        raise ConflictError(f"there is a device {wanted.slug!r} already")
    device = Device(
        community_id=community_id,
        gateway_id=listing.id_of(session, "gateways", community_id, wanted.gateway),
        place_id=listing.id_of(session, "places", community_id, wanted.place),
        household_id=listing.id_of(session, "households", community_id, wanted.household)
        if wanted.household is not None
        else None,
        slug=wanted.slug,
        model=wanted.model,
        name=wanted.name,
        name_en=wanted.name_en,
        attributes=wanted.attributes,
        interval_s=wanted.interval_s,
        created_at=now(),
    )
    session.add(device)
    session.flush()
    if repository.is_stopped(session, device):
        device.state = STOPPED
    record(session, who, "device.added", f"device:{wanted.slug}", {"model": wanted.model})
    return device


def set_state(session: Session, who: Who, community_id: int, slug: str, state: DeviceState) -> None:
    """Retire a device (its readings go to quarantine from then on), or bring it back.

    Raises:
        NotFoundError: no such device.
        ConflictError: whoever lives there wants it to pass nothing on.
    """
    device = listing.find_device(session, community_id, slug)
    if state is DeviceState.APPROVED and repository.is_stopped(session, device):
        raise ConflictError("whoever lives there wants it to pass nothing on; see their consent")
    device.state = state
    session.flush()
    record(session, who, f"device.{state}", f"device:{slug}")
