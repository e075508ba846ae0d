"""The device list (silent, flat and unknown first) and the page of one device."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from anju_dashboards.devices.device import (
    CSV_COLUMNS,
    charts_of,
    csv_row,
    read_device,
    values_of,
)
from anju_dashboards.pages import CurrentPage, Page, plain_text
from anju_dashboards.tables import Table, table
from anju_dashboards.words import N_
from anju_devices.catalog import MODELS
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.export import csv_response, whole_table
from anju_platform.lanes import repository as lanes
from anju_platform.registry import listing
from anju_platform.registry.schemas import DeviceFilter, DevicePage, DeviceSort, DeviceStatus

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_DEVICES)])

PAGE_SIZE = 50
MOST_COUNTED = 100
SPANS = {1: N_("1 hour"), 24: N_("1 day"), 168: N_("7 days"), 720: N_("30 days")}
"""Hours a device's charts may show."""


_COLUMNS: Mapping[DeviceSort, str] = {
    DeviceSort.STATUS: N_("State"),
    DeviceSort.NAME: N_("Device"),
    DeviceSort.MODEL: N_("Kind"),
    DeviceSort.PLACE: N_("Where"),
    DeviceSort.LAST_SEEN: N_("Last heard"),
    DeviceSort.BATTERY: N_("Battery"),
    DeviceSort.RSSI: N_("Signal"),
}


@router.get("/devices")
def device_list(page: CurrentPage) -> Response:
    """List the devices that match."""
    try:
        asked, wanted = table(page, "/devices", _COLUMNS), _filter(page)
        with reading(page.engine) as session:
            found = listing.devices(
                session,
                page.community.id,
                wanted,
                sort=asked.sort,
                descending=asked.descending,
                size=PAGE_SIZE,
                after=asked.after,
            )
    except (ValueError, InvalidRequestError):
        return _senseless(page)
    return _draw(page, asked, found)


@router.get("/devices.csv")
def device_csv(page: CurrentPage, actor: Annotated[Actor, require(Right.EXPORT)]) -> Response:
    """Give the devices that match as a table for a spreadsheet, and put it on record."""
    try:
        wanted = _filter(page)
    except ValueError:
        return _senseless(page)
    with transaction(page.engine) as session:
        total = listing.devices(session, page.community.id, wanted, size=1).total
        record(session, actor, "devices.exported", "devices", {"rows": total})
    rows = whole_table(
        page.engine,
        lambda session, after: listing.device_rows(session, page.community.id, wanted, after),
    )
    return csv_response("devices.csv", CSV_COLUMNS, (csv_row(page, device) for device in rows))


def _draw(
    page: Page, asked: Table[DeviceSort], found: DevicePage, fault: str | None = None
) -> Response:
    with reading(page.engine) as session:
        gateways = listing.gateways(session, page.community.id)
        strangers = (
            lanes.strangers(session, page.community.id, limit=MOST_COUNTED)[0]
            if page.actor.may(Right.KEEP_DEVICES)
            else ()
        )
    return page.html(
        "devices/devices.html",
        section="/devices",
        page=found,
        table=asked,
        gateways=gateways,
        waiting=sum(not one.is_retired for one in strangers),
        models=sorted(MODELS.values(), key=lambda model: model.name),
        query=asked.given,
        fault=fault,
        status=422 if fault else 200,
    )


def _senseless(page: Page) -> Response:
    fault = page.text("One of the filters makes no sense; choose it again.")
    start = Table("/devices", {}, _COLUMNS, DeviceSort.STATUS, descending=False, after=None)
    nothing = DevicePage(rows=(), total=0, page=1, size=PAGE_SIZE, counts={})
    return _draw(page, start, nothing, fault)


def _filter(page: Page) -> DeviceFilter:
    """Read the filters of the list.

    Raises:
        ValueError: one of them makes no sense.
    """
    given = {name: value for name, value in page.request.query_params.items() if value}
    return DeviceFilter(
        status=(DeviceStatus(given["status"]),) if "status" in given else (),
        model=(_model(given["model"]),) if "model" in given else (),
        gateway=plain_text(given.get("gateway")),
        text=plain_text(given.get("text")),
    )


def _model(name: str) -> str:
    if name not in MODELS:
        raise ValueError(name)
    return name


@router.get("/devices/{slug}")
def device_page(
    page: CurrentPage, slug: str, hours: Annotated[int, Query(ge=1, le=720)] = 24
) -> Response:
    """Show one device with its history."""
    return draw_device(page, slug, hours=hours)


def draw_device(
    page: Page, slug: str, *, hours: int = 24, fault: str | None = None, status: int = 200
) -> Response:
    """Answer with the page of one device."""
    detail, events = read_device(page, slug, limit=50)
    return page.html(
        "devices/device.html",
        status=status,
        fault=fault,
        section="/devices",
        detail=detail,
        events=events,
        values=values_of(page, detail),
        charts=charts_of(page, detail, timedelta(hours=hours)),
        spans=[(each, page.text(text)) for each, text in SPANS.items()],
        span=hours,
    )
