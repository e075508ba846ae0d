"""The page of one back-test: how far it is, then what it found."""

import msgspec
from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, see_other
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.backtest.jobs import service, showing
from anju_platform.backtest.jobs.endpoints import JobId
from anju_platform.backtest.page import bars, named_days, scale
from anju_platform.backtest.report import Report
from anju_platform.backtest.words import CELLS, Words
from anju_platform.database import transaction
from anju_platform.rulebook.overview import known_rule, row_of

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_RULES)])


@router.get("/backtests/{job_id}")
def backtest(page: CurrentPage, job_id: JobId) -> Response:
    """Show a back-test; while it runs, the page asks for this part of itself again."""
    with transaction(page.engine) as session:
        job = service.read(session, page.actor, job_id)
        rule = row_of(known_rule(session, page.community.id, job.rule_id))
        report = _report(job.report)
        names = showing.names(session, page.community.id, job.report or {}) if report else {}
    words = Words(page.language.code, page.clock.zone.key)
    days = report.tested.figures.days if report else ()
    return page.html(
        "rules/backtest_part.html" if page.partial else "rules/backtest.html",
        section="/rules",
        job=job,
        rule=rule,
        report=report,
        w=words,
        named=lambda slug: page.language.pick(*names[slug]) if slug in names else slug,
        cells=CELLS,
        bars=Markup(bars(days, words)),  # noqa: S704 - every word in it was escaped
        scale=scale(days),
        named_days=[days[number].day[5:] for number in named_days(days)],
    )


@router.post("/backtests/{job_id}/cancel", dependencies=[require(Right.KEEP_RULES)])
def cancel(page: CurrentPage, job_id: JobId) -> Response:
    """Have a back-test stop."""
    with transaction(page.engine) as session:
        service.cancel(session, page.actor, job_id)
    return see_other(f"/backtests/{job_id}")


def _report(stored: object) -> Report | None:
    """Read a stored report; one that another release wrote may be of another shape."""
    if stored is None:
        return None
    try:
        return msgspec.convert(stored, Report)
    except msgspec.ValidationError:
        return None
