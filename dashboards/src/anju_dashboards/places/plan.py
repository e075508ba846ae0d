"""The plan: its picture, and every device where it stands; works without a script, too."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refusal_text, refused
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.registry.places import repository as places
from anju_platform.registry.plan import listing, service
from anju_platform.registry.plan.pictures import draw_anew
from anju_platform.registry.plan.schemas import Move, Moved, PicturePlace

router = APIRouter(include_in_schema=False, dependencies=[require(Right.SEE_DEVICES)])
_KEEP = [require(Right.KEEP_PLACES)]

Cells = Annotated[list[str], Form(max_length=service.PAGE_SIZE)]


@router.get("/places/plan")
def plan(
    page: CurrentPage,
    within: Annotated[str | None, Query(max_length=64)] = None,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
    saved: Annotated[int | None, Query(ge=0, le=1000)] = None,
) -> Response:
    """Show the plan with the devices of a place in a form."""
    return _draw(page, within or None, number, saved=saved)


@router.post("/places/plan", dependencies=_KEEP)
def move(
    page: CurrentPage,
    *,
    slug: Cells,
    x: Cells,
    y: Cells,
    was_x: Cells,
    was_y: Cells,
    within: Annotated[str, Form(max_length=64)] = "",
    number: Annotated[int, Form(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Let devices stand elsewhere; what somebody else moved meanwhile is shown, nothing is lost."""
    at = within or None
    typed = dict(zip(slug, zip(x, y, strict=False), strict=False))
    try:
        moves = _moves(slug, x, y, was_x, was_y)
        with transaction(page.engine) as session:
            moved = service.move(session, page.actor, moves)
    except ValueError:
        fault = page.text("x and y are metres on the plan, such as 12.5.")
        return _draw(page, at, number, typed=typed, fault=fault, status=422)
    except (InvalidRequestError, NotFoundError) as error:
        return _draw(
            page, at, number, typed=typed, fault=refusal_text(page.language, error), status=422
        )
    if moved.kept:
        typed = {one.slug: typed[one.slug] for one in moved.kept}
        return _draw(page, at, number, typed=typed, moved=moved, status=409)
    return see_other(f"/places/plan?within={within}&page={number}&saved={moved.moved}")


def _moves(*columns: list[str]) -> tuple[Move, ...]:
    """Read the form's columns: ids, x, y, and where each was.

    Raises:
        ValueError: a column is shorter than another, or what is in it is no number.
    """
    names = ("slug", "x", "y", "was_x", "was_y")
    rows = zip(*columns, strict=True)
    return tuple(
        Move.model_validate(dict(zip(names, (cell.strip() or None for cell in row), strict=True)))
        for row in rows
    )


@router.post("/places/plan/picture", dependencies=_KEEP)
async def put_picture(request: Request, page: CurrentPage) -> Response:
    """Lay a picture under the plan, or put the one that is there elsewhere."""
    # read here and not before: nobody unknown makes us take megabytes
    form = await request.form()
    upload = form.get("picture")
    content = b""
    if isinstance(upload, UploadFile):
        content = await upload.read()
        await upload.close()
    return await run_in_threadpool(_put_picture, page, form, content)


def _put_picture(page: Page, form: FormData, content: bytes) -> Response:
    try:
        said = {name: form.get(name) or "" for name in ("x", "y", "width", "seen")}
        place = PicturePlace.model_validate(
            {"x": said["x"] or 0, "y": said["y"] or 0, "width": said["width"]}
        )
        seen = int(str(said["seen"] or 0))
        picture = draw_anew(content) if content or seen == 0 else None
        with transaction(page.engine) as session:
            if picture is None:
                service.place_picture(session, page.actor, place, seen=seen)
            else:
                service.put_picture(session, page.actor, picture, place, seen=seen)
    except (ConflictError, InvalidRequestError) as error:
        return _draw(page, None, 1, **refused(page, error))
    except ValueError:
        fault = page.text("Say how many metres the picture is wide, such as 120.")
        return _draw(page, None, 1, fault=fault, status=422)
    return see_other("/places/plan")


@router.post("/places/plan/picture/remove", dependencies=_KEEP)
def remove_picture(page: CurrentPage, seen: Annotated[int, Form(ge=0, le=2**62)]) -> Response:
    """Take the picture away."""
    try:
        with transaction(page.engine) as session:
            service.remove_picture(session, page.actor, seen=seen)
    except ConflictError as error:
        return _draw(page, None, 1, **refused(page, error))
    return see_other("/places/plan")


def _draw(
    page: Page,
    within: str | None,
    number: int,
    *,
    typed: dict[str, tuple[str, str]] | None = None,
    moved: Moved | None = None,
    fault: str | None = None,
    saved: int | None = None,
    status: int = 200,
) -> Response:
    with reading(page.engine) as session:
        standing = service.standings(session, page.actor, within, page=number)
        whole = listing.outline(session, page.community.id)
        found = places.find(session, page.community.id, within) if within else None
        inside = places.nodes(session, [found])[0] if found else None
        tops = places.nodes(session, places.upper(session, page.community.id))
    return page.html(
        "places/plan.html",
        status=status,
        section="/places",
        page=standing,
        plan=whole,
        within=within or "",
        inside=inside,
        tops=tops,
        typed=typed or {},
        theirs={one.slug: one for one in moved.kept} if moved else {},
        moved=moved,
        saved=saved,
        fault=fault,
        query={"within": within or "", "page": str(number)},
    )
