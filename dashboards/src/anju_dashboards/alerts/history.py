"""The history of alerts: a page that filters, and its export."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, plain_text
from anju_dashboards.tables import Table, table
from anju_dashboards.words import N_
from anju_platform.alerts import service
from anju_platform.alerts.model import Cause, Handling
from anju_platform.alerts.schemas import AlertPage, AlertView, HistoryFilter, HistorySort
from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.export import csv_response

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_ALERTS)])

PAGE_SIZE = 50
MOST_EXPORTED = 10_000

_COLUMNS = (
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


_LISTED: Mapping[HistorySort, str] = {
    HistorySort.DETECTED: N_("Detected"),
    HistorySort.SEVERITY: N_("Severity"),
}


@router.get("/alerts")
def history(page: CurrentPage) -> Response:
    """Show all alerts that match, newest first."""
    try:
        asked, wanted = table(page, "/alerts", _LISTED, descending=True), _filter(page)
        after = UUID(asked.after) if asked.after else None
    except ValueError:
        return _senseless(page)
    with reading(page.engine) as session:
        found = service.history(
            session,
            page.actor,
            wanted,
            size=PAGE_SIZE,
            after=after,
            sort=asked.sort,
            descending=asked.descending,
        )
    return _draw(page, asked, found)


@router.get("/alerts.csv")
def history_csv(page: CurrentPage, actor: Annotated[Actor, require(Right.EXPORT)]) -> Response:
    """Give the newest alerts that match as a table for a spreadsheet, and put it on record."""
    try:
        wanted = _filter(page)
    except ValueError:
        return _senseless(page)
    with transaction(page.engine) as session:
        found = service.history(session, page.actor, wanted, size=MOST_EXPORTED)
        record(session, actor, "alerts.exported", "alerts", {"rows": len(found.rows)})
    return csv_response("alerts.csv", _COLUMNS, (_csv_row(page, alert) for alert in found.rows))


def _draw(
    page: Page, asked: Table[HistorySort], found: AlertPage, fault: str | None = None
) -> Response:
    return page.html(
        "alerts/history.html",
        section="/alerts",
        page=found,
        table=asked,
        query=asked.given,
        fault=fault,
        most_exported=MOST_EXPORTED,
        status=422 if fault else 200,
    )


def _senseless(page: Page) -> Response:
    fault = page.text("One of the filters makes no sense; choose it again.")
    start = Table("/alerts", {}, _LISTED, HistorySort.DETECTED, descending=True, after=None)
    return _draw(page, start, AlertPage(rows=(), total=0, page=1, size=PAGE_SIZE), fault)


def _filter(page: Page) -> HistoryFilter:
    """Read the filters of the history.

    Raises:
        ValueError: one of them makes no sense.
    """
    given = {name: value for name, value in page.request.query_params.items() if value}
    days = {name: date.fromisoformat(given[name]) for name in ("start", "end") if name in given}
    return HistoryFilter(
        severity=(int(given["severity"]),) if "severity" in given else (),
        handling=(Handling(given["handling"]),) if "handling" in given else (),
        cause=(Cause(given["cause"]),) if "cause" in given else (),
        text=plain_text(given.get("text")),
        start=page.clock.midnight(days["start"]) if "start" in days else None,
        end=page.clock.midnight(days["end"], after=1) if "end" in days else None,
    )


def _csv_row(page: Page, alert: AlertView) -> dict[str, object]:
    pick = page.language.pick
    return {
        "id": alert.id,
        "detected": page.clock.full(alert.detected_at),
        "severity": f"P{alert.severity}",
        "title": pick(alert.title, alert.title_en),
        "place": pick(alert.place, alert.place_en),
        "device": alert.device,
        "handling": alert.handling,
        "owner": alert.owner,
        "cause": alert.cause,
        "closed": page.clock.full(alert.closed_at) if alert.closed_at else None,
        "note": alert.note,
    }
