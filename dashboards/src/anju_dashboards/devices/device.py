"""Drawing one device: what it last said, in words, and its charts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from anju_dashboards.alerts.incident import Chart, value_text
from anju_dashboards.pages import Page
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.registry import listing
from anju_platform.registry.schemas import DeviceDetail, DeviceRow
from anju_platform.telemetry.schemas import EventView
from anju_platform.telemetry.series import device_events

_EVENTS_SPAN = timedelta(days=30)
_UPKEEP = ("battery", "rssi")
CSV_COLUMNS = ("id", "name", "kind", "place", "gateway", "state", "last_heard", "battery", "rssi")


@dataclass(frozen=True, slots=True)
class Value:
    """What a field last said; ``text`` is empty when it never did."""

    name: str
    text: str
    at: datetime | None


def draw_panel(page: Page, slug: str) -> Response:
    """Answer with a device for the wall's panel."""
    detail, events = read_device(page, slug, limit=12)
    return page.html(
        "devices/panel.html", detail=detail, events=events, values=values_of(page, detail)
    )


def read_device(page: Page, slug: str, *, limit: int) -> tuple[DeviceDetail, tuple[EventView, ...]]:
    """Read a device and what it said has happened, newest first."""
    end = page.clock.now
    # a transaction, for the reading of a home's device is itself put on record
    with transaction(page.engine) as session:
        detail = listing.device_detail(session, page.actor, slug)
        if detail.device.household and not page.actor.may(Right.SEE_CARE):
            return detail, ()
        events = device_events(
            session,
            page.actor,
            slug,
            start=end - _EVENTS_SPAN,
            end=end,
            limit=limit,
            noted=True,
        )
    return detail, events


def values_of(page: Page, detail: DeviceDetail) -> list[Value]:
    """Put what a device last said into words."""
    return [
        Value(
            page.language.pick(field.title, field.title_en),
            "" if field.value is None else value_text(page, field.value, field.unit),
            field.at,
        )
        for field in detail.fields
    ]


def charts_of(page: Page, detail: DeviceDetail, span: timedelta) -> list[Chart]:
    """Give a chart for every field, what it measures before how it is itself."""
    fields = sorted(detail.fields, key=lambda field: field.name in _UPKEEP)
    return [
        Chart(
            device=detail.device.slug,
            field=field.name,
            title=field.title,
            title_en=field.title_en,
            unit=field.unit,
            start=page.clock.now - span,
            end=page.clock.now,
            options=field.options,
        )
        for field in fields
    ]


def csv_row(page: Page, device: DeviceRow) -> dict[str, object]:
    """Give one line of the device table's export."""
    pick = page.language.pick
    return {
        "id": device.slug,
        "name": pick(device.name, device.name_en),
        "kind": pick(device.model_title, device.model_title_en),
        "place": pick(device.place, device.place_en),
        "gateway": device.gateway,
        "state": device.status,
        "last_heard": page.clock.full(device.last_seen_at) if device.last_seen_at else None,
        "battery": None if device.battery is None else round(device.battery),
        "rssi": None if device.rssi is None else round(device.rssi),
    }
