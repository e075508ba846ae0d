"""HTTP of the site plan."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Database, require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.registry.plan import listing, service
from anju_platform.registry.plan.pictures import draw_anew
from anju_platform.registry.plan.schemas import Moved, Moves, PicturePlace, StandingPage
from anju_platform.registry.schemas import Plan

router = APIRouter(tags=["registry"])

_PICTURES = ("image/png", "image/jpeg")
_SHOWN = {"content": {kind: {} for kind in _PICTURES}, "description": "The picture."}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _PICTURES},
    }
}
Seen = Annotated[int, Query(ge=0, le=2**62)]


class PictureQuery(PicturePlace):
    """Where the picture lies, and the version of the one it replaces (0: none)."""

    seen: int = Field(default=0, ge=0, le=2**62)


@router.get("/plan")
def plan(database: Database, actor: Annotated[Actor, require(Right.SEE_DEVICES)]) -> Plan:
    """Give the site plan with its devices."""
    with reading(database) as session:
        return listing.plan(session, actor.community_id)


@router.get("/plan/picture", response_class=Response, responses={200: _SHOWN})
def plan_picture(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Give the picture under the plan."""
    with reading(database) as session:
        picture = service.picture(session, actor)
    # a browser may keep it, but must ask every time: somebody else may log in there
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{picture.sha256}"'}
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(picture.content, media_type=picture.content_type, headers=headers)


@router.put("/plan/picture", status_code=204, openapi_extra=_BODY)
async def put_plan_picture(
    request: Request,
    database: Database,
    actor: Annotated[Actor, require(Right.KEEP_PLACES)],
    query: Annotated[PictureQuery, Query()],
) -> None:
    """Lay a PNG or JPEG under the plan; it is drawn anew, so that only what is seen is kept."""
    content = await request.body()

    def put() -> None:
        picture = draw_anew(content)
        with transaction(database) as session:
            service.put_picture(session, actor, picture, query, seen=query.seen)

    await run_in_threadpool(put)


@router.delete("/plan/picture", status_code=204)
def remove_plan_picture(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_PLACES)], seen: Seen
) -> None:
    """Take the picture away."""
    with transaction(database) as session:
        service.remove_picture(session, actor, seen=seen)


@router.get("/plan/devices")
def plan_devices(
    database: Database,
    actor: Annotated[Actor, require(Right.SEE_DEVICES)],
    within: Annotated[str | None, Query(max_length=64)] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> StandingPage:
    """Give one page of devices, in a place or everywhere, with where they stand."""
    with reading(database) as session:
        return service.standings(session, actor, within, page=page)


@router.put("/plan/devices")
def move_devices(
    database: Database, actor: Annotated[Actor, require(Right.KEEP_PLACES)], wanted: Moves
) -> Moved:
    """Let devices stand elsewhere; what somebody else moved meanwhile stays, and is told."""
    with transaction(database) as session:
        return service.move(session, actor, wanted.moves)
