"""How a shift, a day or a month went, on one page that prints well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading
from anju_platform.errors import InvalidRequestError
from anju_platform.reports import report as reports
from anju_platform.reports.endpoints import table
from anju_platform.reports.periods import Span
from anju_platform.reports.schemas import LoadView, ReportView

router = APIRouter(include_in_schema=False)

HEIGHT = 120
WIDTH = 720
_LABELS = 8
"""About so many hours or days are named below the bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What of an hour's or day's alerts had one severity."""

    x: float
    y: float
    width: float
    height: float
    severity: int


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
    highest = max((sum(each.counts) for each in found.load), default=0)
    return page.html(
        "reports/report.html",
        section="/reports",
        status=422 if fault else 200,
        report=found,
        bars=list(_bars(found.load, highest)),
        labels=list(_labels(page, found)),
        highest=highest,
        spans=[span.value for span in Span],
        at=page.clock.local(found.start).strftime("%Y-%m-%dT%H:%M"),
        before=page.clock.local(found.start - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        after=page.clock.local(found.end).strftime("%Y-%m-%dT%H:%M"),
        fault=fault,
    )


@router.get("/reports.csv", dependencies=[require(Right.EXPORT)])
def report_csv(page: CurrentPage) -> Response:
    """Give the alerts a report is made of as a table for a spreadsheet, and put it on record."""
    return table(page.engine, page.actor, *_asked(page))


def _asked(page: Page) -> tuple[Span, datetime]:
    """Read which period is asked for, by default this day.

    Raises:
        InvalidRequestError: it makes no sense.
    """
    query = page.request.query_params
    try:
        span = Span(query.get("span") or Span.DAY)
        text = query.get("at")
        local = datetime.fromisoformat(text) if text else None
        at = page.clock.now if local is None else local.replace(tzinfo=page.clock.zone)
        return span, at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequestError(f"no period of a report: {error}") from error


def _bars(load: Sequence[LoadView], highest: int) -> Iterator[Bar]:
    """Stack each hour's or day's alerts, what is worst at the bottom."""
    step = WIDTH / max(1, len(load))
    for number, each in enumerate(load):
        top = float(HEIGHT)
        for severity, count in enumerate(each.counts, start=1):
            if count:
                height = count / highest * HEIGHT
                top -= height
                yield Bar(
                    round(number * step + step * 0.1, 1),
                    round(top, 1),
                    round(step * 0.8, 1),
                    round(height, 1),
                    severity,
                )


def _labels(page: Page, found: ReportView) -> Iterator[tuple[float, str]]:
    step = WIDTH / max(1, len(found.load))
    every = max(1, len(found.load) // _LABELS)
    for number, each in enumerate(found.load):
        if number % every == 0:
            local = page.clock.local(each.start)
            text = str(local.day) if found.span is Span.MONTH else f"{local.hour}"
            yield round(number * step + step / 2, 1), text
