"""How a shift, a day or a month went, on one page that prints well."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.icons import whole_icon
from anju_dashboards.pages import CurrentPage, Page
from anju_dashboards.reports.charts import (
    RANG_INK,
    SEVERITY_INK,
    WIDTH,
    kept_bars,
    load_bars,
    rule_bars,
)
from anju_dashboards.reports.printing import NotPrintedError, pdf
from anju_platform.audit.service import record
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.reports import report as reports
from anju_platform.reports.endpoints import device_table, table
from anju_platform.reports.periods import Span
from anju_platform.reports.schemas import ReportView

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

_LABELS = 8
"""About so many hours or days are named below the bars."""
_KEEPERS = [require(Right.EXPORT)]


@router.get("/reports", dependencies=[require(Right.READ_REPORTS)])
def report_page(page: CurrentPage) -> Response:
    """Show how a period went."""
    fault = None
    with reading(page.engine) as session:
        try:
            found = reports.report(session, page.actor, *_asked(page))
        except InvalidRequestError:
            fault = page.text("One of the filters makes no sense; choose it again.")
            found = reports.report(session, page.actor, Span.DAY)
    return _shown(page, found, fault=fault, status=422 if fault else 200)


def _shown(
    page: Page, found: ReportView, *, fault: str | None = None, status: int = 200
) -> Response:
    return page.html(
        "reports/report.html",
        section="/reports",
        status=status,
        spans=[span.value for span in Span],
        before=page.clock.local(found.start - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        after=page.clock.local(found.end).strftime("%Y-%m-%dT%H:%M"),
        fault=fault,
        **_drawn(page, found, printed=False),
    )


def _drawn(page: Page, found: ReportView, *, printed: bool) -> dict[str, Any]:
    """Give what a report's sections are drawn from, on the page or on paper."""
    highest = max((sum(each.counts) for each in found.load), default=0)
    return {
        "report": found,
        "bars": list(load_bars(found.load, highest)),
        "labels": list(_labels(page, found)),
        "highest": highest,
        "kept": kept_bars(found.answers),
        "rang": rule_bars(found.rules),
        "at": page.clock.local(found.start).strftime("%Y-%m-%dT%H:%M"),
        "printed": printed,
        "SEVERITY_INK": SEVERITY_INK,
        "RANG_INK": RANG_INK,
    }


@router.get("/reports.pdf", dependencies=_KEEPERS)
def report_pdf(page: CurrentPage) -> Response:
    """Give the report as a file to be printed and sent on, and put that on record."""
    with transaction(page.engine) as session:
        found = reports.report(session, page.actor, *_asked(page))
        record(session, page.actor, "reports.printed", f"report:{found.span}", {})
    first, last = (page.clock.full(at)[:16] for at in (found.start, found.end))
    html = page.draw(
        "reports/print.html",
        icon=whole_icon,
        period=f"{first} – {last}",
        **_drawn(page, found, printed=True),
    )
    name = f"report-{found.span}-{page.clock.local(found.start):%Y%m%d-%H%M}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    try:
        return Response(pdf(html), media_type="application/pdf", headers=headers)
    except NotPrintedError as error:
        log.warning("%s", error)
        fault = page.text("The PDF was not made in time. Try again in a minute, or take the CSV.")
        return _shown(page, found, fault=fault, status=error.status)


@router.get("/reports.csv", dependencies=_KEEPERS)
def report_csv(page: CurrentPage) -> Response:
    """Give the alerts a report is made of as a table for a spreadsheet, and put it on record."""
    return table(page.engine, page.actor, *_asked(page))


@router.get("/reports/devices.csv", dependencies=_KEEPERS)
def devices_csv(page: CurrentPage) -> Response:
    """Give for which share of the period each device reported, and put it on record."""
    return device_table(page.engine, page.actor, *_asked(page))


def _asked(page: Page) -> tuple[Span, datetime]:
    """Read which period is asked for, by default this day.

    Raises:
        InvalidRequestError: it makes no sense.
    """
    query = page.request.query_params
    try:
        span = Span(query.get("span") or Span.DAY)
        text = query.get("at")
        at = page.clock.moment(text) if text else page.clock.now
        return span, at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequestError("this is no period of a report; choose it again") from error


def _labels(page: Page, found: ReportView) -> Iterator[tuple[float, str]]:
    step = WIDTH / max(1, len(found.load))
    every = max(1, len(found.load) // _LABELS)
    for number, each in enumerate(found.load):
        if number % every == 0:
            local = page.clock.local(each.start)
            text = str(local.day) if found.span is Span.MONTH else f"{local.hour}"
            yield round(number * step + step / 2, 1), text
