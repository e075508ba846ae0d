"""The page of one alert, what people do about it, and the history."""

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query
from sqlalchemy.orm import Session
from starlette.responses import Response, StreamingResponse

from anju_dashboards.alerts.incident import PAGE_SCREEN, draw_incident, faster, incident_context
from anju_dashboards.csv_lines import csv_line
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_platform.alerts import service
from anju_platform.alerts.model import Cause, Handling
from anju_platform.alerts.schemas import AlertPage, AlertView, HistoryFilter
from anju_platform.alerts.service import AlertChangedError
from anju_platform.auth.service import assignable
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 50
_CSV_PAGES = 200
Screen = Annotated[str, Form(max_length=64)]
Version = Annotated[int, Form(ge=1)]


@router.get("/alerts/{alert_id}")
def alert_page(page: CurrentPage, alert_id: UUID) -> Response:
    """Show one alert with all that happened, on one address; prints well."""
    context = incident_context(page, alert_id, screen=PAGE_SCREEN)
    return page.html("alerts/alert.html", section="/alerts", **context)


@router.post("/alerts/{alert_id}/ack")
def acknowledge(page: CurrentPage, alert_id: UUID, version: Version, screen: Screen) -> Response:
    """Take an alert on."""
    return _act(
        page,
        alert_id,
        screen,
        lambda session: service.acknowledge(
            session, page.actor, alert_id, version=version, screen=screen
        ),
    )


@router.get("/alerts/{alert_id}/dispatch")
def ask_whom(
    page: CurrentPage, alert_id: UUID, screen: Annotated[str, Query(max_length=64)] = PAGE_SCREEN
) -> Response:
    """Ask whom to send."""
    return _ask(page, alert_id, "alerts/ask_dispatch.html", screen)


@router.post("/alerts/{alert_id}/dispatch")
def dispatch(
    page: CurrentPage,
    alert_id: UUID,
    version: Version,
    screen: Screen,
    user_id: Annotated[int, Form()],
) -> Response:
    """Send a person."""
    return _act(
        page,
        alert_id,
        screen,
        lambda session: service.dispatch(
            session, page.actor, alert_id, user_id=user_id, version=version, screen=screen
        ),
    )


@router.get("/alerts/{alert_id}/close")
def ask_cause(
    page: CurrentPage, alert_id: UUID, screen: Annotated[str, Query(max_length=64)] = PAGE_SCREEN
) -> Response:
    """Ask for the cause."""
    return _ask(page, alert_id, "alerts/ask_close.html", screen)


@router.post("/alerts/{alert_id}/close")
def close(
    page: CurrentPage,
    alert_id: UUID,
    *,
    version: Version,
    screen: Screen,
    cause: Annotated[Cause | None, Form()] = None,
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Close an alert; without a cause, ask again and say so."""
    try:
        return _act(
            page,
            alert_id,
            screen,
            lambda session: service.close(
                session,
                page.actor,
                alert_id,
                version=version,
                cause=cause,
                note=note.strip(),
                screen=screen,
            ),
        )
    except InvalidRequestError:
        missing = page.text("Choose a cause; it is how the rules learn.")
        given = {"cause": "", "note": note}
        form = "alerts/ask_close.html"
        return _ask(page, alert_id, form, screen, notice=missing, given=given, status=422)


@router.post("/alerts/{alert_id}/comment")
def comment(
    page: CurrentPage, alert_id: UUID, text: Annotated[str, Form(max_length=2000)], screen: Screen
) -> Response:
    """Add a note to the timeline."""
    return _act(
        page,
        alert_id,
        screen,
        lambda session: service.comment(session, page.actor, alert_id, text=text, screen=screen),
    )


def _act(
    page: Page, alert_id: UUID, screen: str, action: Callable[[Session], AlertView]
) -> Response:
    """Do it, and show the alert as it then stands; on a conflict, as it stands anyway."""
    notice, status = None, 200
    try:
        with transaction(page.engine) as session:
            action(session)
    except AlertChangedError as changed:
        notice, status = faster(page, changed.alert), 409
    if page.partial:
        return draw_incident(page, alert_id, screen=screen, notice=notice, status=status)
    if notice is None:
        return see_other(f"/alerts/{alert_id}")
    context = incident_context(page, alert_id, screen=PAGE_SCREEN)
    return page.html(
        "alerts/alert.html", status=status, notice=notice, section="/alerts", **context
    )


def _ask(
    page: Page, alert_id: UUID, form: str, screen: str, *, status: int = 200, **context: Any
) -> Response:
    with reading(page.engine) as session:
        alert = service.one_alert(session, page.community.id, alert_id)
        people = assignable(session, page.community.id)
    if alert is None:
        raise NotFoundError("there is no such alert")
    known = {"alert": alert, "people": people, "screen": screen, "given": {"cause": "", "note": ""}}
    if page.partial:
        answer = page.html(form, status=status, **(known | context))
        answer.headers["HX-Retarget"] = "#ask-form"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer
    return page.html(
        "alerts/ask_page.html", status=status, form=form, section="/alerts", **(known | context)
    )


@router.get("/alerts")
def history(page: CurrentPage, number: Annotated[int, Query(alias="page", ge=1)] = 1) -> Response:
    """Show all alerts that match, newest first."""
    query = dict(page.request.query_params)
    found, fault = AlertPage(rows=(), total=0, page=1, size=PAGE_SIZE), None
    try:
        wanted = _filter(page, query)
    except ValueError:
        fault = page.text("One of the filters makes no sense; choose it again.")
    else:
        with reading(page.engine) as session:
            found = service.history(session, page.community.id, wanted, page=number, size=PAGE_SIZE)
    return page.html(
        "alerts/history.html",
        section="/alerts",
        page=found,
        query=query,
        query_string=page.request.url.query,
        fault=fault,
        status=422 if fault else 200,
    )


def _filter(page: Page, query: dict[str, str]) -> HistoryFilter:
    """Read the filters of the history.

    Raises:
        ValueError: one of them makes no sense.
    """
    given = {name: value for name, value in query.items() if value}
    return HistoryFilter(
        severity=(int(given["severity"]),) if "severity" in given else (),
        handling=(Handling(given["handling"]),) if "handling" in given else (),
        cause=(Cause(given["cause"]),) if "cause" in given else (),
        text=given.get("text"),
        start=_midnight(page, given["start"]) if "start" in given else None,
        end=_midnight(page, given["end"]) + timedelta(days=1) if "end" in given else None,
    )


def _midnight(page: Page, day: str) -> datetime:
    date = datetime.strptime(day, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone; the site's is given next
    return datetime.combine(date, time(), page.clock.zone)


@router.get("/alerts.csv")
def history_csv(page: CurrentPage) -> Response:
    """Give the alerts that match as a table for a spreadsheet."""
    wanted = _filter(page, dict(page.request.query_params))
    headers = {"Content-Disposition": 'attachment; filename="alerts.csv"'}
    return StreamingResponse(_csv_lines(page, wanted), media_type="text/csv", headers=headers)


def _csv_lines(page: Page, wanted: HistoryFilter) -> Iterator[str]:
    names = (
        "id",
        "detected",
        "severity",
        "title",
        "place",
        "device",
        "handling",
        "owner",
        "cause",
        "closed",
        "note",
    )
    yield "\ufeff" + csv_line(names)  # the mark makes spreadsheets read it as UTF-8
    pick = page.language.pick
    for number in range(1, _CSV_PAGES + 1):
        with reading(page.engine) as session:
            found = service.history(session, page.community.id, wanted, page=number, size=500)
        for alert in found.rows:
            yield csv_line(
                (
                    alert.id,
                    page.clock.full(alert.detected_at),
                    f"P{alert.severity}",
                    pick(alert.title, alert.title_en),
                    pick(alert.place, alert.place_en),
                    alert.device,
                    alert.handling,
                    alert.owner,
                    alert.cause,
                    page.clock.full(alert.closed_at) if alert.closed_at else "",
                    alert.note,
                )
            )
        if number * found.size >= found.total:
            return
