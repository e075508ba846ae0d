"""How homes stand with their consents: looked through page by page, exported."""

from collections.abc import Mapping
from enum import StrEnum

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page
from anju_dashboards.tables import Table, table
from anju_dashboards.words import N_, PURPOSE
from anju_platform.audit.service import record
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.consent.overview import overview
from anju_platform.consent.schemas import ConsentPage, HomeOverview
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.export import csv_response, whole_table
from anju_platform.paging import AT_ONCE

router = APIRouter(include_in_schema=False, dependencies=[require(Right.KEEP_CONSENT)])

PAGE_SIZE = 50
_CSV = ("home", "place", "people", "not_asked_yet", "ends_within_14_days", "stopped_sensors")


class _Sort(StrEnum):
    CARE = "care"


_COLUMNS: Mapping[_Sort, str] = {_Sort.CARE: N_("What needs care first")}
_START = Table("/consents", {}, _COLUMNS, _Sort.CARE, descending=False, after=None)


@router.get("/consents")
def homes(page: CurrentPage) -> Response:
    """List the homes, those first that lack a word or of which one ends soon."""
    try:
        asked = table(page, "/consents", _COLUMNS)
        with reading(page.engine) as session:
            found = overview(
                session, page.actor, text=_text(asked), after=asked.after, limit=PAGE_SIZE
            )
    except (ValueError, InvalidRequestError):
        fault = page.text("One of the filters makes no sense; choose it again.")
        return _draw(page, _START, ConsentPage(items=(), next=None, total=0), fault)
    return _draw(page, asked, found)


def _text(asked: Table[_Sort]) -> str:
    return asked.given.get("text", "")[:100]


def _draw(
    page: Page, asked: Table[_Sort], found: ConsentPage, fault: str | None = None
) -> Response:
    return page.html(
        "consent/homes.html",
        status=422 if fault else 200,
        section="/consents",
        found=found,
        table=asked,
        text=_text(asked),
        fault=fault,
    )


@router.get("/consents.csv", dependencies=[require(Right.EXPORT)])
def homes_csv(page: CurrentPage) -> Response:
    """Give how all homes stand that match as a table for a spreadsheet, and put it on record."""
    try:
        text = _text(table(page, "/consents", _COLUMNS))
    except ValueError as error:
        raise InvalidRequestError("one of the filters makes no sense; choose it again") from error

    def part(session: Session, after: str | None) -> tuple[tuple[HomeOverview, ...], str | None]:
        found = overview(session, page.actor, text=text, after=after, limit=AT_ONCE)
        return found.items, found.next

    with transaction(page.engine) as session:
        total = overview(session, page.actor, text=text, limit=1).total
        record(session, page.actor, "consents.exported", "consents", {"rows": total})
    rows = whole_table(page.engine, part)
    return csv_response("consents.csv", _CSV, (_line(page, one) for one in rows))


def _line(page: Page, home: HomeOverview) -> dict[str, object]:
    ending = (
        f"{page.text(PURPOSE[one.purpose])} {page.clock.local(one.ends_at):%Y-%m-%d}"
        for one in home.ending
        if one.ends_at is not None
    )
    return {
        "home": home.slug,
        "place": page.language.pick(home.place, home.place_en),
        "people": "; ".join(home.people),
        "not_asked_yet": "; ".join(home.missing),
        "ends_within_14_days": "; ".join(ending),
        "stopped_sensors": home.stopped or None,
    }
