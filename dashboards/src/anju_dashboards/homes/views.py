"""Homes: all of them without names, and one with who lives there and whom to call."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, plain_text
from anju_dashboards.words import N_
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.people import listing, service

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_HOMES)])

FACT = {
    "lives_alone": N_("lives alone"),
    "dementia": N_("dementia"),
    "bedridden": N_("bedridden"),
}


@router.get("/homes")
def homes(
    page: CurrentPage,
    text: Annotated[str, Query(max_length=100)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Show the homes, those first where nobody can be called."""
    try:
        asked = plain_text(text) or ""
    except ValueError:
        asked = ""
    with reading(page.engine) as session:
        found = listing.homes(session, page.community.id, text=asked, page=number)
    return page.html(
        "homes/homes.html",
        section="/homes",
        found=found,
        query={"text": asked} if asked else {},
    )


@router.get("/homes/{slug}")
def home(page: CurrentPage, slug: Annotated[str, Path(max_length=128)]) -> Response:
    """Show one home; the look is audited."""
    with transaction(page.engine) as session:
        found = service.household(session, page.actor, slug)
    return page.html("homes/home.html", section="/homes", home=found, facts=FACT)
