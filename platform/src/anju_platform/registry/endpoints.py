"""HTTP of the registry: devices, places, the plan."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Caller, Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.export import CsvResponse, csv_response, whole_table
from anju_platform.paging import Position
from anju_platform.registry import admission, listing
from anju_platform.registry.schemas import (
    CommunityView,
    DeviceCounts,
    DeviceDetail,
    DeviceFilter,
    DevicePage,
    DeviceRow,
    DeviceSort,
    DeviceStateBody,
    GatewayView,
    NewDevice,
    PlaceView,
    Replacement,
)

router = APIRouter(tags=["registry"])


class DeviceQuery(DeviceFilter):
    """A filter, an order, and which page: by its number, or after one (its ``next``)."""

    after: Position | None = None
    sort: DeviceSort = DeviceSort.STATUS
    descending: bool = False
    page: int = Field(default=1, ge=1, le=100_000)
    size: int = Field(default=50, ge=1, le=200)


@router.get("/community")
def community(database: Database, actor: Caller) -> CommunityView:
    """Give the community this session looks at."""
    with reading(database) as session:
        return listing.community(session, actor.community_id)


@router.get("/devices")
def devices(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    query: Annotated[DeviceQuery, Query()],
) -> DevicePage:
    """Give one page of devices; by default silent, flat and unknown first."""
    with reading(database) as session:
        return listing.devices(
            session,
            actor.community_id,
            query,
            sort=query.sort,
            descending=query.descending,
            page=query.page,
            size=query.size,
            after=query.after,
        )


@router.get("/devices.csv", response_class=CsvResponse)
def export(
    database: Database,
    actor: Annotated[Actor, require(Right.EXPORT)],
    query: Annotated[DeviceFilter, Query()],
) -> CsvResponse:
    """Give every device that matches, as CSV."""
    with transaction(database) as session:
        total = listing.devices(session, actor.community_id, query, size=1).total
        record(session, actor, "devices.exported", "devices", {"rows": total})
    rows = whole_table(
        database,
        lambda session, after: listing.device_rows(session, actor.community_id, query, after),
    )
    return csv_response(
        "devices.csv", list(DeviceRow.model_fields), (row.model_dump() for row in rows)
    )


@router.get("/devices/counts")
def counts(database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)]) -> DeviceCounts:
    """Count devices by what can be said of them."""
    with reading(database) as session:
        return listing.device_counts(session, actor.community_id)


@router.get("/devices/{slug}")
def device(
    database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)], slug: str
) -> DeviceDetail:
    """Give all about one device; a home's device is care data, so reading it is audited."""
    with transaction(database) as session:
        return listing.device_detail(session, actor, slug)


@router.post("/devices", status_code=201)
def add_device(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_DEVICES)], device: NewDevice
) -> DeviceDetail:
    """Approve a device; what it said before, kept in quarantine, is then taken in."""
    with transaction(database) as session:
        admission.add_device(session, actor, actor.community_id, device)
        return listing.device_detail(session, actor, device.slug)


@router.post("/devices/{slug}/replacement", status_code=201)
def replace_device(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_DEVICES)],
    slug: str,
    wanted: Replacement,
) -> DeviceDetail:
    """Put a new device in place of a broken one, which is retired; its history stays."""
    with transaction(database) as session:
        admission.replace_device(session, actor, actor.community_id, slug, wanted)
        return listing.device_detail(session, actor, wanted.slug)


@router.put("/devices/{slug}/state", status_code=204)
def set_state(
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_DEVICES)],
    slug: str,
    body: DeviceStateBody,
) -> None:
    """Retire a device, or bring it back."""
    with transaction(database) as session:
        admission.set_state(session, actor, actor.community_id, slug, body.state)


@router.get("/places")
def places(
    database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)]
) -> tuple[PlaceView, ...]:
    """Give the place tree, parents before children."""
    with reading(database) as session:
        return listing.places(session, actor.community_id)


@router.get("/gateways")
def gateways(
    database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)]
) -> tuple[GatewayView, ...]:
    """Give the gateways, those that are away first."""
    with reading(database) as session:
        return listing.gateways(session, actor.community_id)
