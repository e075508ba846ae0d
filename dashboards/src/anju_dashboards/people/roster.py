"""The list of who may log in: filtered, ordered, read page by page, exported."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page
from anju_dashboards.tables import Table, table
from anju_dashboards.words import N_, ROLE
from anju_platform.accounts import roster
from anju_platform.accounts.schemas import PersonFilter, PersonSort, PersonView
from anju_platform.audit.service import record
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.export import csv_response, whole_table
from anju_platform.paging import AT_ONCE

router = APIRouter(include_in_schema=False)

_CSV = ("username", "name", "role", "homes", "places", "relation", "shut_out", "two_step", "last")

COLUMNS: Mapping[PersonSort, str] = {
    PersonSort.NAME: N_("Person"),
    PersonSort.ROLE: N_("As what"),
    PersonSort.LAST_USED: N_("Last here"),
}
START = Table("/people", {}, COLUMNS, PersonSort.NAME, descending=False, after=None)
"""The list as it is without anything in its address."""


def asked_of(page: Page) -> tuple[Table[PersonSort], PersonFilter]:
    """Read the address of the list.

    Raises:
        InvalidRequestError: something in it makes no sense.
    """
    try:
        asked = table(page, "/people", COLUMNS)
        return asked, PersonFilter.model_validate(asked.given)
    except ValueError as error:
        raise InvalidRequestError("one of the filters makes no sense; choose it again") from error


@router.get("/people.csv", dependencies=[require(Right.INVITE), require(Right.EXPORT)])
def people_csv(page: CurrentPage) -> Response:
    """Give the people who match as a table for a spreadsheet, and put it on record."""
    _, wanted = asked_of(page)
    with transaction(page.engine) as session:
        total = roster.people(session, page.actor, wanted, limit=1).total
        record(session, page.actor, "people.exported", "people", {"rows": total})
    rows = whole_table(
        page.engine,
        lambda session, after: roster.people_rows(
            session, page.actor, wanted, after=after, limit=AT_ONCE
        ),
    )
    return csv_response("people.csv", _CSV, (_line(page, one) for one in rows))


def _line(page: Page, one: PersonView) -> dict[str, object]:
    return {
        "username": one.username,
        "name": one.name,
        "role": page.text(ROLE[one.role]),
        "homes": " ".join(one.homes),
        "places": " ".join(one.places),
        "relation": one.relation,
        "shut_out": page.text("yes") if one.disabled else None,
        "two_step": page.text("yes") if one.second_factor else None,
        "last": page.clock.full(one.last_used_at) if one.last_used_at else None,
    }
