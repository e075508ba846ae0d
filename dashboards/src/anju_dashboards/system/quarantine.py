"""What could not be taken in, message by message: looked through and exported."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page
from anju_dashboards.tables import Table, table
from anju_dashboards.words import N_, QUARANTINE
from anju_platform.audit.service import record
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.export import csv_response, whole_table
from anju_platform.paging import AT_ONCE
from anju_platform.system import repository
from anju_platform.system.schemas import QuarantineView

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_SYSTEM)])

PAGE_SIZE = 50
_CSV = ("id", "received", "gateway", "device", "reason", "detail", "topic", "released")


class _Sort(StrEnum):
    RECEIVED = "received"


_COLUMNS: Mapping[_Sort, str] = {_Sort.RECEIVED: N_("Received")}


def _asked(page: Page) -> tuple[Table[_Sort], str | None, bool]:
    """Read the address: the list, why it is there, and whether only what still waits is asked for.

    Raises:
        InvalidRequestError: a reason there is none of.
    """
    try:
        asked = table(page, "/system/quarantine", _COLUMNS, descending=True)
    except ValueError as error:
        raise InvalidRequestError("one of the filters makes no sense; choose it again") from error
    reason = asked.given.get("reason")
    if reason is not None and reason not in QUARANTINE:
        raise InvalidRequestError("one of the filters makes no sense; choose it again")
    return asked, reason, asked.given.get("waiting") != "false"


@router.get("/system/quarantine")
def quarantine(page: CurrentPage) -> Response:
    """Show what could not be taken in, newest first; what was said is not shown here."""
    asked, reason, waiting = _asked(page)
    with reading(page.engine) as session:
        found = repository.quarantine_page(
            session,
            page.actor,
            waiting=waiting,
            reason=reason,
            after=asked.after,
            size=PAGE_SIZE,
            unclaimed=page.actor.everywhere,
        )
    return page.html(
        "system/quarantine.html",
        section="/system",
        found=found.without_payloads(),
        table=asked,
        reason=reason,
        waiting=waiting,
    )


@router.get("/system/quarantine.csv", dependencies=[require(Right.EXPORT)])
def quarantine_csv(page: CurrentPage) -> Response:
    """Give all that match as a table for a spreadsheet, without what was said, on record."""
    _, reason, waiting = _asked(page)

    unclaimed = page.actor.everywhere

    def part(session: Session, after: str | None) -> tuple[list[QuarantineView], str | None]:
        return repository.quarantine_rows(
            session,
            page.actor,
            waiting=waiting,
            reason=reason,
            after=after,
            size=AT_ONCE,
            unclaimed=unclaimed,
        )

    with transaction(page.engine) as session:
        total = repository.quarantine_count(
            session, page.actor, waiting=waiting, reason=reason, unclaimed=unclaimed
        )
        record(session, page.actor, "quarantine.exported", "quarantine", {"rows": total})
    rows = whole_table(page.engine, part)
    return csv_response("quarantine.csv", _CSV, (_line(page, one) for one in rows))


def _line(page: Page, one: QuarantineView) -> dict[str, object]:
    return {
        "id": one.id,
        "received": page.clock.full(one.received_at),
        "gateway": one.gateway,
        "device": one.device,
        "reason": one.reason,
        "detail": one.detail,
        "topic": one.topic,
        "released": _time(page, one.released_at),
    }


def _time(page: Page, at: datetime | None) -> str | None:
    return page.clock.full(at) if at else None
