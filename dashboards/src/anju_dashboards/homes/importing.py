"""Bringing people in from a spreadsheet: send it, see what it would change, bring it in."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, UploadFile
from starlette.responses import Response, StreamingResponse

from anju_dashboards.homes.views import FACT
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.words import N_
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.export import csv_response
from anju_platform.importing import service
from anju_platform.importing.plan import What, Why
from anju_platform.importing.schemas import HomeChange
from anju_platform.importing.service import PlanChangedError
from anju_platform.importing.sheet import COLUMNS, SheetError, Unreadable

router = APIRouter(include_in_schema=False, dependencies=[require(Right.KEEP_HOMES)])

COLUMN = {
    "home": N_("Home's id"),
    "place": N_("Where"),
    "kind": N_("Kind"),
    "name": N_("Name"),
    "born_on": N_("Born on"),
    "elder": N_("Elder"),
    "relation": N_("Relation"),
    "phone": N_("Telephone"),
    "has_key": N_("Has a key"),
    "order": N_("Order of calls"),
    "health": N_("Health, for an ambulance"),
    "entry": N_("How to get in"),
} | FACT
KIND = {"home": N_("home"), "resident": N_("lives there"), "contact": N_("to call")}
WHAT = {
    What.NEW: N_("new"),
    What.CHANGED: N_("changed"),
    What.GONE: N_("will be removed"),
    What.SAME: N_("unchanged"),
}
WHAT_ICON = {What.NEW: "check", What.CHANGED: "refresh", What.GONE: "x"}
WHY = {
    Why.NO_HOME: N_("Say where: the place as it is called here, such as 3 栋 2 单元 501."),
    Why.NO_SUCH_HOME: N_("There is no home with this id. Leave the id empty for a new home."),
    Why.NO_SUCH_PLACE: N_("There is no such place. Write it as it is called on the screens."),
    Why.PLACE_OF_SEVERAL: N_("Several are called so: write the home's or the place's id."),
    Why.HOME_ELSEWHERE: N_("This home is at another place."),
    Why.NO_KIND: N_("Write 居民 (lives there) or 联系人 (to call)."),
    Why.NO_NAME: N_("The name is missing."),
    Why.NO_DAY: N_("This is no day. Write it like 1944-03-01."),
    Why.NOT_BORN: N_("This day is yet to come."),
    Why.NOT_YES_OR_NO: N_("Write 是 (yes) or 否 (no)."),
    Why.NO_PHONE: N_("A telephone number is needed to call somebody: digits, and + in front."),
    Why.TWICE: N_("The same person is there twice in this home."),
    Why.TWO_WORDS: N_("Another row says the opposite about this home."),
    Why.TOO_LONG: N_("This is too long."),
}

EXAMPLE = {
    "home": "h-501",
    "place": "3 栋 2 单元 501",
    "kind": "居民 (resident), 联系人 (contact)",
    "name": "张桂兰",
    "born_on": "1944-03-01",
    "relation": "女儿",
    "phone": "138 0000 2231",
    "health": "高血压，服华法林；青霉素过敏",
    "entry": "门锁密码在值班室钥匙箱 3 号",
} | dict.fromkeys(("elder", "has_key", *FACT), "是 (yes), 否 (no)")
UNREADABLE = {
    Unreadable.TOO_LARGE: N_("This file is too large: 4 MB at most."),
    Unreadable.NO_TABLE: N_("This is no CSV or XLSX file that can be read."),
    Unreadable.UNKNOWN_HEAD: N_("The column “%(what)s” is not known. See below which there are."),
    Unreadable.HEAD_TWICE: N_("The column “%(what)s” is there twice."),
    Unreadable.HEAD_MISSING: N_("The first row names the columns; missing are: %(what)s"),
    Unreadable.NO_ROWS: N_("There is no row below the first one."),
    Unreadable.TOO_MANY_ROWS: N_("There are %(what)s rows, 5,000 at most: make two files."),
}


@router.get("/homes.csv")
def export(page: CurrentPage) -> StreamingResponse:
    """Give all homes as a file to be changed and sent back; audited."""
    with transaction(page.engine) as session:
        heads, rows = service.export(session, page.actor)
    return csv_response("homes.csv", heads, rows)


@router.get("/homes/import")
def ask(page: CurrentPage) -> Response:
    """Ask for the file."""
    return _ask(page)


@router.post("/homes/import")
def take(
    page: CurrentPage, file: UploadFile | None = None, *, exactly: Annotated[bool, Form()] = False
) -> Response:
    """Read the file; what cannot be read at all is said here."""
    if file is None or not file.filename:
        return _ask(page, fault=page.text("Choose a file."))
    try:
        with transaction(page.engine) as session:
            taken = service.take(
                session,
                page.actor,
                file.file.read(),
                file_name=file.filename,
                exactly=exactly,
            )
    except SheetError as error:
        return _ask(page, fault=page.text(UNREADABLE[error.why], what=error.what))
    return see_other(f"/homes/import/{taken.id}")


@router.get("/homes/import/{import_id}")
def look(page: CurrentPage, import_id: UUID) -> Response:
    """Show what the file would change, or what came of it; audited."""
    return _shown(page, import_id)


@router.post("/homes/import/{import_id}/apply")
def apply(
    page: CurrentPage, import_id: UUID, digest: Annotated[str, Form(max_length=64)]
) -> Response:
    """Bring in exactly what was shown; when a home has changed since, show it again."""
    try:
        with transaction(page.engine) as session:
            service.apply(session, page.actor, import_id, digest)
    except PlanChangedError:
        again = page.text("A home has changed since you looked. This is what would change now.")
        return _shown(page, import_id, notice=again, status=409)
    except InvalidRequestError:
        return _shown(page, import_id, status=422)
    return see_other(f"/homes/import/{import_id}")


def _ask(page: Page, *, fault: str | None = None) -> Response:
    return page.html(
        "homes/import.html",
        status=422 if fault else 200,
        section="/homes",
        fault=fault,
        columns=[(heads[1], heads[0], EXAMPLE[name]) for name, heads in COLUMNS.items()],
    )


def _shown(
    page: Page, import_id: UUID, *, notice: str | None = None, status: int = 200
) -> Response:
    with transaction(page.engine) as session:
        taken = service.look(session, page.actor, import_id)
    return page.html(
        "homes/planned.html",
        status=status,
        section="/homes",
        taken=taken,
        notice=notice,
        lines=[_line(page, change) for change in taken.changes],
        why=WHY,
        what=WHAT,
        what_icon=WHAT_ICON,
        column=COLUMN,
        kind=KIND,
    )


def _line(page: Page, change: HomeChange) -> tuple[HomeChange, list[tuple[str, str, str]]]:
    """Give a change with its values in words: column, before, after."""
    names = dict.fromkeys((*change.before, *change.after))
    values = [
        (
            page.text(COLUMN.get(name, name)),
            _value(page, change.before.get(name)),
            _value(page, change.after.get(name)),
        )
        for name in names
    ]
    return change, [each for each in values if each[1] or each[2]]


def _value(page: Page, value: object) -> str:
    match value:
        case bool():
            return page.text("yes") if value else page.text("no")
        case date():
            return value.isoformat()
        case _:
            return str(value or "")
