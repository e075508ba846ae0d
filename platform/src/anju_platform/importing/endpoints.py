"""HTTP of files of homes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import transaction
from anju_platform.export import CsvResponse, csv_response
from anju_platform.importing import service
from anju_platform.importing.schemas import ApplyBody, ImportView

router = APIRouter(tags=["people"])

Keeper = Annotated[Actor, require(Right.KEEP_HOMES)]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {"requestBody": {"required": True, "content": {"text/csv": _BINARY, _XLSX: _BINARY}}}


class TakeQuery(BaseModel):
    """How a file is meant."""

    file_name: str = Field(default="homes.csv", max_length=200)
    exactly: bool = Field(
        default=False, description="The homes it names have exactly the people it names."
    )


@router.get("/households.csv", response_class=CsvResponse)
def export(database: Database, actor: Keeper) -> CsvResponse:
    """Give all homes with their people as CSV, to be changed and sent back; audited."""
    with transaction(database) as session:
        heads, rows = service.export(session, actor)
    return csv_response("homes.csv", heads, rows)


@router.post("/home-imports", status_code=201, openapi_extra=_FILE)
async def take(
    request: Request, database: Database, actor: Keeper, query: Annotated[TakeQuery, Query()]
) -> ImportView:
    """Read a file (CSV or XLSX) and give what it would change; nothing is changed yet."""
    content = await request.body()

    def taken() -> ImportView:
        with transaction(database) as session:
            return service.take(
                session, actor, content, file_name=query.file_name, exactly=query.exactly
            )

    return await run_in_threadpool(taken)


@router.get("/home-imports/{import_id}")
def look(database: Database, actor: Keeper, import_id: UUID) -> ImportView:
    """Give what a file would change, or what came of it; audited."""
    with transaction(database) as session:
        return service.look(session, actor, import_id)


@router.post("/home-imports/{import_id}/apply")
def apply(database: Database, actor: Keeper, import_id: UUID, body: ApplyBody) -> ImportView:
    """Bring in exactly what was shown; 409 when a home has changed since."""
    with transaction(database) as session:
        return service.apply(session, actor, import_id, body.digest)
