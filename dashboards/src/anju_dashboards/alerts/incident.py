"""Drawing one alert: the same part for the wall's panel, the alert's page and every action."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response

from anju_dashboards import words
from anju_dashboards.alerts.timeline import in_words
from anju_dashboards.pages import Page
from anju_dashboards.recipients import Recipients
from anju_dashboards.words import N_
from anju_devices.catalog import MODELS
from anju_devices.model import Field
from anju_platform.alerts import service
from anju_platform.alerts.schemas import AlertDetail, AlertView, DeliveryView
from anju_platform.database import transaction
from anju_platform.errors import NotFoundError
from anju_platform.registry import listing
from anju_platform.registry.schemas import DeviceDetail

PAGE_SCREEN = "alert"
"""The screen's name on an alert's own page."""

_FOR_MACHINES = {"snapshot", "credential", "track"}
"""Items of an event that say nothing to people."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One series to draw; ``mark`` is when the alert was raised."""

    device: str
    field: str
    title: str
    title_en: str
    unit: str
    start: datetime
    end: datetime
    options: tuple[str, ...] = ()
    mark: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """How far one message about the alert has come, in words; ``why`` it came no further.

    ``others`` are how many alerts it told of besides.
    """

    who: str
    channel: str
    state: str
    at: datetime
    why: str
    others: int


@dataclass(frozen=True, slots=True)
class ToCall:
    """Somebody to be called by hand; ``phone`` is empty for whoever may not see it."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A particular of the alert, in words."""

    name: str
    value: str


def draw_incident(
    page: Page, alert_id: UUID, *, screen: str, notice: str | None = None, status: int = 200
) -> Response:
    """Answer with one alert as it stands now."""
    return page.html(
        "alerts/detail.html",
        status=status,
        notice=notice,
        **incident_context(page, alert_id, screen=screen),
    )


def draw_asked(page: Page, form: str, *, status: int = 200, **context: Any) -> Response:
    """Answer with something to read or fill in: in the page's dialog, or on a page of its own."""
    context["in_dialog"] = page.partial
    if page.partial:
        answer = page.html(form, status=status, **context)
        answer.headers["HX-Retarget"] = "#ask-form"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer
    return page.html("alerts/ask_page.html", status=status, form=form, section="/alerts", **context)


def incident_context(page: Page, alert_id: UUID, *, screen: str) -> dict[str, Any]:
    """Read one alert and put it into words. Reading care data is audited, so it commits."""
    with transaction(page.engine) as session:
        detail = service.alert_detail(session, page.actor, alert_id)
        names = Recipients.read(page, session).of_home(detail.contacts)
        device = None
        if detail.alert.device is not None:
            try:
                device = listing.device_detail(session, page.actor, detail.alert.device)
            except NotFoundError:  # retired since: the alert stays readable
                device = None
    return {
        "detail": detail,
        "timeline": [in_words(page, step, names) for step in detail.timeline],
        "photos": detail.photos,
        "told": [_told(page, delivery, names) for delivery in _latest(detail.deliveries)],
        "next_people": names.say_all(detail.next_step.to) if detail.next_step else "",
        "to_call": _to_call(detail, names),
        "unowned": long_text(page, detail.unowned_s),
        "charts": _charts(detail, device),
        "facts": _facts(page, detail, device),
        "screen": screen,
        "whole": screen == PAGE_SCREEN,
    }


def _to_call(detail: AlertDetail, names: Recipients) -> list[ToCall]:
    """Give whom nothing of ours reaches, so that somebody calls them, while nobody has it."""
    if detail.alert.handling != "unacked":
        return []
    numbers: list[int] = []
    for step in detail.timeline:
        if step.kind in _BEGINS_ANEW:
            numbers = []
        numbers += [one for one in step.data.get("by_hand", ()) if one not in numbers]
    phones = {number: one.phone for number, one in enumerate(detail.contacts, start=1)}
    return [ToCall(names.contact(one), phones.get(one, "")) for one in numbers]


_BEGINS_ANEW = ("acked", "closed")


def _latest(deliveries: Sequence[DeliveryView]) -> Iterable[DeliveryView]:
    """Give the last message to each: whoever is called ten times is one line."""
    latest: dict[tuple[str, str, str], DeliveryView] = {}
    for one in deliveries:
        key = one.recipient, one.channel, one.name
        had = latest.get(key)
        # of two browsers told at once, the one that has it says so for both
        if had is None or had.created_at < one.created_at or one.state not in _GOES_NOWHERE:
            latest[key] = one
    return latest.values()


def _told(page: Page, delivery: DeliveryView, names: Recipients) -> Told:
    steps = (delivery.seen_at, delivery.delivered_at, delivery.accepted_at, delivery.created_at)
    return Told(
        who=names.say(delivery.recipient),
        channel=delivery.name
        if delivery.channel == "robot"
        else page.text(words.CHANNEL.get(delivery.channel, delivery.channel)),
        state=page.text(words.DELIVERY.get(delivery.state, delivery.state)),
        at=next(at for at in steps if at is not None),
        why=(delivery.error or "") if delivery.state in _GOES_NOWHERE else "",
        others=delivery.others,
    )


_GOES_NOWHERE = ("retry", "dead", "expired", "cancelled")


def _charts(detail: AlertDetail, device: DeviceDetail | None) -> list[Chart]:
    chart = detail.chart
    # where there is a picture, the camera's own health would only push it out of sight
    if chart is None or device is None or detail.alert.media_id is not None:
        return []
    known = {field.name: field for field in device.fields}
    return [
        Chart(
            device=chart.device,
            field=name,
            title=known[name].title,
            title_en=known[name].title_en,
            unit=known[name].unit,
            start=chart.start,
            end=chart.end,
            options=known[name].options,
            mark=detail.alert.activated_at,
        )
        for name in chart.fields
        if name in known
    ]


def _facts(page: Page, detail: AlertDetail, device: DeviceDetail | None) -> list[Fact]:
    """Name what raised it; what the device's model does not know is for machines."""
    model = MODELS.get(device.device.model) if device is not None else None
    if model is None:
        return []
    fields: Mapping[str, Field] = {
        field.name: field
        for field in (*(f for event in model.events for f in event.data), *model.fields)
    }
    said = {**detail.data, **detail.values}
    return [
        Fact(
            page.language.pick(fields[name].title.zh, fields[name].title.en),
            value_text(page, value, fields[name].unit),
        )
        for name, value in said.items()
        if name in fields and name not in _FOR_MACHINES and value is not None
    ]


def value_text(page: Page, value: Any, unit: str = "") -> str:
    """Write a value as people read it."""
    if isinstance(value, bool):
        return page.text("yes") if value else page.text("no")
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, str) and value in words.VALUE:
        value = page.text(words.VALUE[value])
    return f"{value} {unit}".strip()


def faster(page: Page, alert: AlertView) -> str:
    """Say what happened to an alert while somebody was looking at it."""
    if alert.handling == "closed":
        return page.text(_CLOSED, name=alert.closed_by or "")
    if alert.handling == "acked" and alert.owner_id != page.actor.user_id:
        return page.text(_TAKEN, name=alert.owner or "")
    return page.text(_CHANGED)


_CLOSED = N_("%(name)s has closed it meanwhile. This is how it stands now.")
_TAKEN = N_("%(name)s was faster and has it. This is how it stands now.")
_CHANGED = N_("It changed while you were looking. This is how it stands now; decide again.")


def long_text(page: Page, seconds: float) -> str:
    """Write for how long something lasted, to the second: 3 min 12 s."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return page.text("%(h)s h %(m)s min", h=hours, m=minute)
    return (
        page.text("%(m)s min %(s)s s", m=minute, s=rest) if minute else page.text("%(n)s s", n=rest)
    )
