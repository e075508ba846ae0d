"""One page of all that is shelved now, each with a button that ends it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_platform.alerts import service, shelving
from anju_platform.alerts.service import AlertChangedError
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction

router = APIRouter(include_in_schema=False, dependencies=[require(Right.HANDLE)])

SCREEN = "shelved"


@router.get("/shelved")
def shelved(page: CurrentPage) -> Response:
    """Show what is shelved, or wished to be, the soonest over first."""
    return _draw(page)


@router.post("/shelved/{alert_id}/end")
def end(page: CurrentPage, alert_id: UUID, version: Annotated[int, Form(ge=1)]) -> Response:
    """Take an alert up again before its time."""
    try:
        with transaction(page.engine) as session:
            service.unshelve(session, page.actor, alert_id, version=version, screen=SCREEN)
    except AlertChangedError:
        fault = page.text("Somebody was faster; below it stands as it is now.")
        return _draw(page, fault=fault, status=409)
    return see_other("/shelved")


def _draw(page: Page, *, fault: str | None = None, status: int = 200) -> Response:
    with reading(page.engine) as session:
        found = shelving.shelved(session, page.actor)
    return page.html(
        "shelved/shelved.html", status=status, section="/shelved", shelved=found, fault=fault
    )
