"""What an installer does: approve devices, replace and retire them, bring them back."""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_platform.audit.service import Who, record
from anju_platform.database import now
from anju_platform.errors import ConflictError, InvalidRequestError
from anju_platform.registry import listing, repository
from anju_platform.registry.model import Device, Place
from anju_platform.registry.places.repository import homes_at
from anju_platform.registry.schemas import DeviceState, NewDevice, Replacement

STOPPED = "stopped"
"""The state of what whoever lives there wants to pass nothing on."""


def add_device(session: Session, who: Who, community_id: int, wanted: NewDevice) -> Device:
    """Add a device to a community; ingest notices and takes in what waits in quarantine.

    What stands in somebody's home is that home's, for what it says is shared as they agreed.

    Raises:
        InvalidRequestError: no such model, or a gateway, place or household that is not there;
            or the place lies in homes, and none or another is named.
        ConflictError: there is a device of that id.
    """
    if wanted.model not in MODELS:
        raise InvalidRequestError(
            "there is no model {model!r} in the catalogue", model=wanted.model
        )
    place = _place(session, community_id, wanted.place)
    device = Device(
        community_id=community_id,
        gateway_id=listing.id_of(session, "gateways", community_id, wanted.gateway),
        place_id=place.id,
        household_id=_household_id(session, place, wanted.household),
        slug=wanted.slug,
        model=wanted.model,
        name=wanted.name,
        name_en=wanted.name_en,
        attributes=wanted.attributes,
        interval_s=wanted.interval_s,
        created_at=now(),
    )
    _add(session, device)
    record(session, who, "device.added", f"device:{wanted.slug}", {"model": wanted.model})
    return device


def replace_device(
    session: Session, who: Who, community_id: int, slug: str, wanted: Replacement
) -> Device:
    """Put a new device in place of a broken one: it stands there, and the old one is retired.

    What the old one said stays its own; the two name each other.

    Raises:
        NotFoundError: no such device.
        InvalidRequestError: no such model or gateway; or the old one was nobody's, and its place
            lies in several homes.
        ConflictError: it was replaced already, or there is a device of the new id.
    """
    old = listing.find_device(session, community_id, slug, lock=True)
    model, gateway = wanted.model or old.model, wanted.gateway
    if model not in MODELS:
        raise InvalidRequestError("there is no model {model!r} in the catalogue", model=model)
    if (successor := listing.successor(session, old)) is not None:
        raise ConflictError(
            "{slug!r} was replaced by {successor!r} already", slug=slug, successor=successor
        )
    of_gateway = listing.id_of(session, "gateways", community_id, gateway) if gateway else None
    device = Device(
        community_id=community_id,
        gateway_id=of_gateway or old.gateway_id,
        place_id=old.place_id,
        household_id=old.household_id
        or _household_id(session, session.get_one(Place, old.place_id), None),
        slug=wanted.slug,
        model=model,
        name=old.name,
        name_en=old.name_en,
        attributes=old.attributes,
        interval_s=old.interval_s if model == old.model else None,
        created_at=now(),
        x=old.x,
        y=old.y,
        replaces_id=old.id,
    )
    _add(session, device)
    old.state = DeviceState.RETIRED
    session.flush()
    data = {"by": wanted.slug, "model": model, "reason": wanted.reason}
    record(session, who, "device.replaced", f"device:{slug}", data)
    return device


def _add(session: Session, device: Device) -> None:
    try:
        with session.begin_nested():
            session.add(device)
    except IntegrityError as error:
        raise ConflictError("there is a device {slug!r} already", slug=device.slug) from error
    if repository.is_stopped(session, device):
        device.state = STOPPED


def _place(session: Session, community_id: int, slug: str) -> Place:
    place = session.get_one(Place, listing.id_of(session, "places", community_id, slug))
    if place.retired_at is not None:
        raise InvalidRequestError(
            "the place {slug!r} is retired: bring it back, or choose another", slug=slug
        )
    return place


def _household_id(session: Session, place: Place, named: str | None) -> int | None:
    """Give whose home a device watches: one that is named, or the only one its place lies in."""
    homes = homes_at(session, place)
    if named is None and len(homes) > 1:
        raise InvalidRequestError(
            "{slug!r} is in several homes: name the home, one of {homes}",
            slug=place.slug,
            homes=", ".join(homes),
        )
    if named is not None and homes and named not in homes:
        raise InvalidRequestError(
            "{slug!r} is not in the home {named!r}, but in {homes}",
            slug=place.slug,
            named=named,
            homes=", ".join(homes),
        )
    home = named or next(iter(homes), None)
    return None if home is None else listing.id_of(session, "households", place.community_id, home)


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
