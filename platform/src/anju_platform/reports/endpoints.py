"""HTTP of reports."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy import Engine

from anju_platform.audit.service import record
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.export import CsvResponse, csv_response
from anju_platform.reports import report as reports
from anju_platform.reports.periods import Span
from anju_platform.reports.repository import Happened
from anju_platform.reports.schemas import DeviceFigures, ReportView

router = APIRouter(prefix="/reports", tags=["reports"])

At = Annotated[AwareDatetime | None, Query(description="A moment of the period; none: now.")]
_COLUMNS = (*(name for name in Happened.__dataclass_fields__ if name != "quiet"), "muted_from")


@router.get("/{span}")
def report(
    database: Database,
    actor: Annotated[Actor, require(Right.READ_REPORTS)],
    span: Span,
    at: At = None,
) -> ReportView:
    """Give how a shift, a day or a month of the site went, as far as it has passed."""
    with reading(database) as session:
        return reports.report(session, actor, span, at)


@router.get("/{span}/alerts.csv", response_class=CsvResponse)
def export(
    database: Database,
    actor: Annotated[Actor, require(Right.EXPORT)],
    span: Span,
    at: At = None,
) -> CsvResponse:
    """Give the alerts a report is made of as a table; the export is audited."""
    return table(database, actor, span, at)


@router.get("/{span}/devices.csv", response_class=CsvResponse)
def export_devices(
    database: Database,
    actor: Annotated[Actor, require(Right.EXPORT)],
    span: Span,
    at: At = None,
) -> CsvResponse:
    """Give for which share of a period each device reported, as a table; it is audited."""
    return device_table(database, actor, span, at)


def device_table(database: Engine, actor: Actor, span: Span, at: datetime | None) -> CsvResponse:
    """Answer with the availability of devices, for spreadsheets, and put that on record.

    Raises:
        ForbiddenError: the actor may not export tables.
        InvalidRequestError: a year of which there can be no report.
    """
    with transaction(database) as session:
        found = reports.devices(session, actor, span, at)
        said = {"devices": len(found)}
        record(session, actor, "reports.exported", f"report:{span}", said)
    columns = tuple(DeviceFigures.model_fields)
    rows = ({name: getattr(one, name) for name in columns} for one in found)
    return csv_response("devices.csv", columns, rows)


def table(database: Engine, actor: Actor, span: Span, at: datetime | None) -> CsvResponse:
    """Answer with the alerts of a report, for spreadsheets, and put that on record.

    Raises:
        ForbiddenError: the actor may not export tables.
        InvalidRequestError: a year of which there can be no report.
    """
    with transaction(database) as session:
        found = reports.rows(session, actor, span, at)
        record(session, actor, "reports.exported", f"report:{span}", {"rows": len(found)})
    return csv_response("report.csv", _COLUMNS, (_line(one) for one in found))


def _line(one: Happened) -> dict[str, object]:
    said = {name: getattr(one, name) for name in _COLUMNS if name != "muted_from"}
    spells = (
        f"{begin.isoformat(timespec='seconds')}/"
        f"{over.isoformat(timespec='seconds') if over else ''}"
        for begin, over in one.quiet
    )
    return said | {"muted_from": " ".join(spells)}
