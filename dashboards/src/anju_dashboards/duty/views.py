"""Rotas and groups on pages: the week, handing over, and writing them, with or without JS."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from anju_dashboards.duty import weeks
from anju_dashboards.duty.draft import Draft
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refusal_text
from anju_platform.auth.dependencies import require
from anju_platform.auth.rights import Right, roles_with
from anju_platform.database import reading, transaction
from anju_platform.duty import groups, handing_over, rotas
from anju_platform.duty.schemas import (
    GroupBody,
    OverrideBody,
    RotaView,
    TakeOverBody,
)
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError

router = APIRouter(include_in_schema=False)
_WATCH = [require(Right.WATCH)]
_SEE_PLANS = [require(Right.SEE_PLANS)]
_HANDLE = [require(Right.HANDLE)]
_KEEP = [require(Right.KEEP_ROTA)]
_WEEK = timedelta(days=weeks.DAYS)
_LATELY = 5

Id = Annotated[int, Path(ge=1, le=2**62)]


@router.get("/rota", dependencies=_WATCH)
def rota_page(page: CurrentPage) -> Response:
    """Show who is on duty, the week, and what is wrong with it."""
    return _rotas(page)


def _rotas(page: Page, fault: str | None = None) -> Response:
    first = weeks.monday(page.clock, page.request.query_params.get("week"))
    start = page.clock.midnight(first)
    end = page.clock.midnight(first, after=weeks.DAYS)
    with reading(page.engine) as session:
        known = rotas.rotas(session, page.actor, page.clock.now)
        shown = [
            {
                "rota": one,
                "days": list(
                    weeks.days(
                        page.clock, first, rotas.look(session, page.actor, one.id, start, end)
                    )
                ),
                "passes": handing_over.passes(session, page.actor, one.id)
                if one.may_take_over
                else (),
                "lately": handing_over.history(session, page.actor, one.id)[:_LATELY],
            }
            # what waits for whoever looks comes first
            for one in sorted(known, key=lambda one: not one.may_take_over)
        ]
    return page.html(
        "duty/rota.html",
        status=409 if fault else 200,
        section="/rota",
        shown=shown,
        first=first,
        before=first - _WEEK,
        after=first + _WEEK,
        last=first + _WEEK - timedelta(days=1),
        fault=fault,
    )


@router.post("/rota/{rota_id}/take-over", dependencies=_HANDLE)
def take_over(
    page: CurrentPage,
    rota_id: Id,
    *,
    starts_at: Annotated[str, Form(max_length=40)],
    handed_by: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=2000)] = "",
    alerts: Annotated[bool, Form()] = False,
) -> Response:
    """Take the duty over."""
    said = {"starts_at": starts_at, "handed_by": handed_by or None, "note": note, "alerts": alerts}
    try:
        body = TakeOverBody.model_validate(said)
        with transaction(page.engine) as session:
            handing_over.take_over(session, page.actor, rota_id, body)
    except ConflictError:
        return _rotas(page, page.text("It has been taken over already, or is not yours to take."))
    except (InvalidRequestError, ValidationError):
        return _rotas(page, page.text("Say who hands over: one of those who leave."))
    return see_other("/rota")


# -- writing a rota ------------------------------------------------------------------------------


@router.get("/rota/new", dependencies=_KEEP)
def new_rota(page: CurrentPage) -> Response:
    """Show an empty rota."""
    return _edit(page, Draft.empty())


@router.post("/rota/new", dependencies=_KEEP)
def add_rota(page: CurrentPage, draft: Annotated[Draft, Form()]) -> Response:
    """Make a rota, or change the draft as its buttons say."""
    return _save(page, draft, None)


@router.get("/rota/{rota_id}/edit", dependencies=_KEEP)
def edit_rota(page: CurrentPage, rota_id: Id) -> Response:
    """Show a rota to be changed."""
    return _edit(page, None, rota_id)


@router.post("/rota/{rota_id}/edit", dependencies=_KEEP)
def change_rota(page: CurrentPage, rota_id: Id, draft: Annotated[Draft, Form()]) -> Response:
    """Change a rota, or the draft of it as its buttons say."""
    return _save(page, draft, rota_id)


def _save(page: Page, draft: Draft, rota_id: int | None) -> Response:
    if draft.changes_itself():
        return _edit(page, draft.changed(), rota_id)
    if faults := draft.faults(page):
        return _edit(page, draft, rota_id, faults=faults)
    try:
        with transaction(page.engine) as session:
            if rota_id is None:
                rotas.add(session, page.actor, draft.body())
            else:
                rotas.change(session, page.actor, rota_id, draft.body())
    except ConflictError:
        why = page.text("Another has that name, or somebody has changed it since; look again.")
        return _edit(page, draft, rota_id, faults=[why])
    except (InvalidRequestError, ValidationError) as error:
        return _edit(page, draft, rota_id, faults=[refusal_text(page.language, error)])
    return see_other("/rota")


def _edit(
    page: Page, draft: Draft | None, rota_id: int | None = None, *, faults: list[str] | None = None
) -> Response:
    with reading(page.engine) as session:
        rota = rotas.rota(session, page.actor, rota_id) if rota_id is not None else None
        people = groups.candidates(session, page.actor)
    return page.html(
        "duty/edit.html",
        status=422 if faults else 200,
        section="/rota",
        rota=rota,
        draft=draft or Draft.of(_there(rota)),
        people=people,
        roles=[role.value for role in roles_with(Right.HANDLE)],
        faults=faults or [],
        today=page.clock.local(page.clock.now).date(),
    )


def _there(rota: RotaView | None) -> RotaView:
    if rota is None:
        raise NotFoundError("there is no such rota")
    return rota


@router.post("/rota/{rota_id}/remove", dependencies=_KEEP)
def remove_rota(page: CurrentPage, rota_id: Id) -> Response:
    """Remove a rota that no plan calls."""
    try:
        with transaction(page.engine) as session:
            rotas.remove(session, page.actor, rota_id)
    except ConflictError:
        why = page.text("A plan calls it. Change the plan first, then remove it.")
        return _edit(page, None, rota_id, faults=[why])
    return see_other("/rota")


class _Exception(BaseModel):
    """What differs on a day, as it was typed in."""

    day: str = Field(default="", max_length=10)
    starts: str = Field(default="", max_length=5)
    ends: str = Field(default="", max_length=5)
    people: list[int] = Field(default=[], max_length=50)


@router.post("/rota/{rota_id}/overrides", dependencies=_KEEP)
def add_override(page: CurrentPage, rota_id: Id, said: Annotated[_Exception, Form()]) -> Response:
    """Let other people be on duty at a time of one day."""
    try:
        body = OverrideBody.model_validate(said.model_dump())
        with transaction(page.engine) as session:
            rotas.add_override(session, page.actor, rota_id, body)
    except ConflictError:
        why = page.text("There is an exception for that time already; remove it first.")
        return _edit(page, None, rota_id, faults=[why])
    except (InvalidRequestError, ValidationError):
        why = page.text("An exception needs a day from today on, its times, and who is there.")
        return _edit(page, None, rota_id, faults=[why])
    return see_other(f"/rota/{rota_id}/edit")


@router.post("/rota/{rota_id}/overrides/{override_id}/remove", dependencies=_KEEP)
def remove_override(page: CurrentPage, rota_id: Id, override_id: Id) -> Response:
    """Go back to the pattern at that time."""
    with transaction(page.engine) as session:
        rotas.remove_override(session, page.actor, rota_id, override_id)
    return see_other(f"/rota/{rota_id}/edit")


# -- groups --------------------------------------------------------------------------------------


class _Wanted(BaseModel):
    """A group as it was typed in."""

    name: str = Field(default="", max_length=64)
    members: list[int] = Field(default=[], max_length=200)


Wanted = Annotated[_Wanted, Form()]


@router.get("/groups", dependencies=_SEE_PLANS)
def list_groups(page: CurrentPage) -> Response:
    """Show the groups of people that plans may call."""
    return _groups(page)


def _groups(page: Page, fault: str | None = None) -> Response:
    with reading(page.engine) as session:
        known = groups.groups(session, page.actor)
        people = groups.candidates(session, page.actor)
    return page.html(
        "duty/groups.html",
        status=422 if fault else 200,
        section="/rota",
        known=known,
        people=people,
        fault=fault,
    )


@router.post("/groups", dependencies=_KEEP)
def add_group(page: CurrentPage, wanted: Wanted) -> Response:
    """Make a group."""
    return _put_group(page, wanted, None)


@router.post("/groups/{group_id}", dependencies=_KEEP)
def change_group(page: CurrentPage, group_id: Id, wanted: Wanted) -> Response:
    """Change a group."""
    return _put_group(page, wanted, group_id)


def _put_group(page: Page, wanted: _Wanted, group_id: int | None) -> Response:
    if not wanted.name.strip() or not wanted.members:
        return _groups(page, page.text("A group needs a name, and one person at least."))
    body = GroupBody(name=wanted.name, members=tuple(wanted.members))
    try:
        with transaction(page.engine) as session:
            if group_id is None:
                groups.add(session, page.actor, body)
            else:
                groups.change(session, page.actor, group_id, body)
    except ConflictError:
        return _groups(page, page.text("There is a group of that name already."))
    except InvalidRequestError as error:
        return _groups(page, refusal_text(page.language, error))
    return see_other("/groups")


@router.post("/groups/{group_id}/remove", dependencies=_KEEP)
def remove_group(page: CurrentPage, group_id: Id) -> Response:
    """Remove a group that no plan calls and that sees nothing of a home."""
    try:
        with transaction(page.engine) as session:
            groups.remove(session, page.actor, group_id)
    except ConflictError:
        why = page.text(
            "A plan calls it, or it may see what sensors in homes say. Change the plan first, or"
            " let the office write down that this is withdrawn; then remove it."
        )
        return _groups(page, why)
    return see_other("/groups")
