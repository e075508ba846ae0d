"""Homes: all of them without names, and one with who lives there and whom to call."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page
from anju_dashboards.tables import Table, table
from anju_dashboards.words import N_
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.people import listing, service
from anju_platform.people.schemas import HomeFilter, HomePage, HomeSort

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_HOMES)])

FACT = {
    "lives_alone": N_("lives alone"),
    "dementia": N_("dementia"),
    "bedridden": N_("bedridden"),
}


_COLUMNS: Mapping[HomeSort, str] = {
    HomeSort.CARE: N_("Nobody to call first"),
    HomeSort.PLACE: N_("Where"),
    HomeSort.RESIDENTS: N_("Live there"),
    HomeSort.CONTACTS: N_("To call"),
    HomeSort.DEVICES: N_("Devices"),
}


@router.get("/homes")
def homes(page: CurrentPage) -> Response:
    """Show the homes, those first where nobody can be called."""
    try:
        asked = table(page, "/homes", _COLUMNS)
        wanted = HomeFilter.model_validate(asked.given)
        with reading(page.engine) as session:
            found = listing.homes(
                session,
                page.community.id,
                wanted,
                sort=asked.sort,
                descending=asked.descending,
                after=asked.after,
            )
    except (ValueError, InvalidRequestError):
        asked = Table("/homes", {}, _COLUMNS, HomeSort.CARE, descending=False, after=None)
        nothing = HomePage(rows=(), total=0, page=1, size=0)
        fault = page.text("One of the filters makes no sense; choose it again.")
        return _draw(page, asked, nothing, fault)
    return _draw(page, asked, found)


def _draw(
    page: Page, asked: Table[HomeSort], found: HomePage, fault: str | None = None
) -> Response:
    return page.html(
        "homes/homes.html",
        status=422 if fault else 200,
        section="/homes",
        found=found,
        table=asked,
        query=asked.given,
        fault=fault,
    )


@router.get("/homes/{slug}")
def home(page: CurrentPage, slug: Annotated[str, Path(max_length=128)]) -> Response:
    """Show one home; the look is audited."""
    with transaction(page.engine) as session:
        found = service.household(session, page.actor, slug)
    return page.html("homes/home.html", section="/homes", home=found, facts=FACT)
