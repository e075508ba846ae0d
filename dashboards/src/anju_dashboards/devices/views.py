"""The device list (silent, flat and unknown first) and the page of one device."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from anju_dashboards.csv_lines import csv_line
from anju_dashboards.devices.device import charts_of, csv_row, read_device, values_of
from anju_dashboards.pages import CurrentPage, Page
from anju_dashboards.words import N_
from anju_devices.catalog import MODELS
from anju_platform.database import reading
from anju_platform.registry import listing
from anju_platform.registry.schemas import DeviceFilter, DeviceSort, DeviceStatus

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 50
SPANS = {1: N_("1 hour"), 24: N_("1 day"), 168: N_("7 days"), 720: N_("30 days")}
"""Hours a device's charts may show."""

_COLUMNS = ("id", "name", "kind", "place", "gateway", "state", "last_heard", "battery", "rssi")


@router.get("/devices")
def device_list(
    page: CurrentPage, number: Annotated[int, Query(alias="page", ge=1)] = 1
) -> Response:
    """List the devices that match."""
    query = dict(page.request.query_params)
    sorted_by, descending = _sort(query.get("sort"))
    with reading(page.engine) as session:
        found = listing.devices(
            session,
            page.community.id,
            _filter(query),
            sort=sorted_by,
            descending=descending,
            page=number,
            size=PAGE_SIZE,
        )
        gateways = listing.gateways(session, page.community.id)
    return page.html(
        "devices/devices.html",
        section="/devices",
        page=found,
        gateways=gateways,
        models=sorted(MODELS.values(), key=lambda model: model.name),
        query=query,
        query_string=page.request.url.query,
        sorted=sorted_by.value,
        descending=descending,
    )


def _sort(wanted: str | None) -> tuple[DeviceSort, bool]:
    key = (wanted or "").removeprefix("-")
    known = key in DeviceSort._value2member_map_
    return (DeviceSort(key) if known else DeviceSort.STATUS), (wanted or "").startswith("-")


def _filter(query: dict[str, str]) -> DeviceFilter:
    status = query.get("status", "")
    model = query.get("model", "")
    return DeviceFilter(
        status=(DeviceStatus(status),) if status in DeviceStatus._value2member_map_ else (),
        model=(model,) if model else (),
        gateway=query.get("gateway") or None,
        text=query.get("text", "")[:100] or None,
    )


@router.get("/devices.csv")
def device_csv(page: CurrentPage) -> Response:
    """Give the devices that match as a table for a spreadsheet."""
    wanted = _filter(dict(page.request.query_params))
    headers = {"Content-Disposition": 'attachment; filename="devices.csv"'}
    return StreamingResponse(_csv(page, wanted), media_type="text/csv", headers=headers)


def _csv(page: Page, wanted: DeviceFilter) -> Iterator[str]:
    yield "\ufeff" + csv_line(_COLUMNS)  # the mark makes spreadsheets read it as UTF-8
    with reading(page.engine) as session:
        for device in listing.every_device(session, page.community.id, wanted):
            yield csv_line(csv_row(page, device))


@router.get("/devices/{slug}")
def device_page(
    page: CurrentPage, slug: str, hours: Annotated[int, Query(ge=1, le=720)] = 24
) -> Response:
    """Show one device with its history."""
    detail, events = read_device(page, slug, limit=50)
    return page.html(
        "devices/device.html",
        section="/devices",
        detail=detail,
        events=events,
        values=values_of(page, detail),
        charts=charts_of(page, detail, timedelta(hours=hours)),
        spans=[(each, page.text(text)) for each, text in SPANS.items()],
        span=hours,
    )
