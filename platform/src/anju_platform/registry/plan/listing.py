"""SQL of the site plan as people see it: its picture, and every device where it stands."""

import math

from sqlalchemy.orm import Session

from anju_platform.registry.listing import Position, positions, standing
from anju_platform.registry.model import Community, PlanPicture
from anju_platform.registry.schemas import DeviceRow, Plan, PlanDevice, PlanPictureView

_SPREAD_M = 1.6
_GOLDEN = math.pi * (3 - math.sqrt(5))


def outline(session: Session, community_id: int) -> Plan:
    """Give the site plan without its devices."""
    found = session.get_one(Community, community_id)
    picture = session.get(PlanPicture, community_id)
    width, height = size(found, picture)
    return Plan(
        width=width,
        height=height,
        shapes=tuple(found.plan.get("shapes", ())),
        devices=(),
        picture=PlanPictureView.model_validate(picture, from_attributes=True) if picture else None,
    )


def plan(session: Session, community_id: int) -> Plan:
    """Give the site plan with every device that stands somewhere on it.

    One without metres of its own stands where its place is, beside the others that do.
    """
    rows = standing(session, community_id)
    where = positions(session, {device.place_id for device, _ in rows if device.x is None})
    taken: dict[Position, int] = {}
    markers = []
    for device, row in rows:
        if device.x is not None and device.y is not None:
            markers.append(_marker(row, device.x, device.y))
            continue
        spot = where.get(device.place_id)
        if spot is None or spot[0] is None or spot[1] is None:
            continue
        number = taken[spot] = taken.get(spot, -1) + 1
        markers.append(_marker(row, *_spread(spot[0], spot[1], number)))
    return outline(session, community_id).model_copy(update={"devices": tuple(markers)})


def size(community: Community, picture: PlanPicture | None) -> tuple[float, float]:
    """Give how many metres of a plan there are: what was drawn, and the picture, if it is more."""
    drawn = float(community.plan.get("width", 0)), float(community.plan.get("height", 0))
    if picture is None:
        return drawn
    return max(drawn[0], picture.x + picture.width), max(drawn[1], picture.y + picture.height)


def _marker(row: DeviceRow, x: float, y: float) -> PlanDevice:
    names = set(PlanDevice.model_fields) - {"x", "y"}
    return PlanDevice(x=x, y=y, **row.model_dump(include=names))


def _spread(x: float, y: float, number: int) -> tuple[float, float]:
    """Place the n-th device of one spot on a sunflower's spiral, the same one every time."""
    radius = _SPREAD_M * math.sqrt(number)
    return (
        round(x + radius * math.cos(number * _GOLDEN), 2),
        round(y + radius * math.sin(number * _GOLDEN), 2),
    )
