"""Who may log in: the list, invitations, and the page behind an invitation's link."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from anju_dashboards.pages import (
    CurrentPage,
    Page,
    see_other,
    visitor_clock,
    visitor_language,
)
from anju_dashboards.people.roster import START, asked_of
from anju_dashboards.refusals import refusal_text
from anju_dashboards.rendering import Renderer
from anju_dashboards.tables import Table
from anju_platform.accounts import guarding, inviting, programs, roster
from anju_platform.accounts.endpoints import open_account
from anju_platform.accounts.repository import labels
from anju_platform.accounts.schemas import (
    AcceptBody,
    InvitationBody,
    InvitationMade,
    PersonFilter,
    PersonSort,
)
from anju_platform.auth.dependencies import PublicUrl, check_origin, require
from anju_platform.auth.model import Role
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TooManyAttemptsError,
)
from anju_platform.people.repository import first_slugs

router = APIRouter(include_in_schema=False)
_INVITE = [require(Right.INVITE)]
_KEEP_PEOPLE = [require(Right.KEEP_PEOPLE)]


PAGE_SIZE = 50
_SHOWN = 20
_MOST_OFFERED = 500
"""So many homes are offered while one types; of more, who invites looks the id up in the list."""

Token = Annotated[str, Path(max_length=64)]


@router.get("/people", dependencies=_INVITE)
def people(page: CurrentPage) -> Response:
    """Show who may log in, and who is invited."""
    return _draw(page)


@router.post("/people/invite", dependencies=_INVITE)
def invite(
    page: CurrentPage,
    url: PublicUrl,
    *,
    role: Annotated[Role, Form()],
    name: Annotated[str, Form(max_length=64)],
    scope: Annotated[str, Form(max_length=200)] = "",
    relation: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    """Invite somebody, and show the link this once."""
    slugs = tuple(scope.replace(",", " ").split())
    of_role = {Role.FAMILY: {"homes": slugs}, Role.GRID: {"places": slugs}}.get(role, {})
    given = {"role": role, "name": name, "scope": scope, "relation": relation}
    if not name.strip():
        return _draw(page, fault=page.text("Say who it is."), given=given)
    try:
        body = InvitationBody(role=role, name=name, relation=relation, **of_role)
        with transaction(page.engine) as session:
            made = inviting.invite(session, page.actor, body, url)
    except (InvalidRequestError, NotFoundError, ValidationError) as error:
        return _draw(page, fault=refusal_text(page.language, error), given=given)
    return _draw(page, made=made)


@router.post("/people/{user_id}/password", dependencies=_KEEP_PEOPLE)
def new_password(page: CurrentPage, url: PublicUrl, user_id: int) -> Response:
    """Make a link for a new password, and show it this once."""
    with transaction(page.engine) as session:
        made = inviting.give_new_password(session, page.actor, user_id, url)
    return _draw(page, made=made)


@router.post("/people/{user_id}/second-factor/reset", dependencies=_KEEP_PEOPLE)
def reset_second_factor(page: CurrentPage, user_id: int) -> Response:
    """Let somebody who lost their telephone in with the password alone."""
    with transaction(page.engine) as session:
        guarding.reset(session, page.actor, user_id)
    return see_other("/people")


@router.post("/people/{user_id}/disabled", dependencies=_INVITE)
def set_disabled(page: CurrentPage, user_id: int, *, disabled: Annotated[bool, Form()]) -> Response:
    """Shut somebody out, or let them in again."""
    with transaction(page.engine) as session:
        roster.set_disabled(session, page.actor, user_id, disabled=disabled)
    return see_other("/people")


@router.post("/people/invitations/{invitation_id}/withdraw", dependencies=_INVITE)
def withdraw(page: CurrentPage, invitation_id: int) -> Response:
    """Let an invitation be good no more."""
    with transaction(page.engine) as session:
        inviting.withdraw(session, page.actor, invitation_id)
    return see_other("/people")


def _draw(
    page: Page,
    *,
    fault: str | None = None,
    made: InvitationMade | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    try:
        known = _known(page, *asked_of(page), page.request.query_params)
    except InvalidRequestError:
        fault = page.text("One of the filters makes no sense; choose it again.")
        known = _known(page, START, PersonFilter(), {})
    return page.html(
        "people/people.html",
        status=422 if fault else 200,
        section="/people",
        fault=fault,
        **known,
        made=made,
        given={"role": Role.FAMILY, "name": "", "scope": "", "relation": ""} | dict(given or {}),
    )


def _known(
    page: Page, asked: Table[PersonSort], wanted: PersonFilter, query: Mapping[str, str]
) -> dict[str, Any]:
    """Read what the page shows; invitations and tokens are lists of their own on it."""
    may_keep = page.actor.may(Right.KEEP_PEOPLE)
    invited, token = query.get("invited") or None, query.get("token") or None
    with reading(page.engine) as session:
        people = roster.people(
            session,
            page.actor,
            wanted,
            sort=asked.sort,
            descending=asked.descending,
            after=asked.after,
            limit=PAGE_SIZE,
        )
        pending = inviting.pending(session, page.actor, after=invited, limit=_SHOWN)
        named = {slug for each in people.items for slug in (*each.homes, *each.places)}
        named |= {slug for each in pending.items for slug in (*each.homes, *each.places)}
        called = labels(session, page.community.id, named)
        tokens = (
            programs.everybodys(session, page.actor, after=token, limit=_SHOWN)
            if may_keep
            else None
        )
        return {
            "table": asked,
            "query": dict(query),
            "people": people,
            "pending": pending,
            "called": {slug: page.language.pick(*both) for slug, both in called.items()},
            "tokens": tokens,
            "homes": first_slugs(session, page.community.id, limit=_MOST_OFFERED),
            "roles": [role.value for role in Role if may_keep or role is Role.FAMILY],
        }


@router.get("/invited/{token}")
def invited(request: Request, token: Token) -> Response:
    """Ask whoever has the link for a user name and a password."""
    return _ask(request, token)


@router.post("/invited/{token}")
def accept(
    request: Request,
    token: Token,
    username: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
) -> Response:
    """Open the account, and go to the log-in."""
    check_origin(request)
    language = visitor_language(request)
    try:
        open_account(request, token, AcceptBody(username=username, password=password or " "))
    except ConflictError:
        fault = language.gettext("Somebody has this user name already; choose another.")
    except (InvalidRequestError, TooManyAttemptsError) as error:
        fault = refusal_text(language, error)
    else:
        return see_other("/login?next=/")
    return _ask(request, token, fault=fault, username=username)


def _ask(request: Request, token: str, *, fault: str | None = None, username: str = "") -> Response:
    renderer: Renderer = request.app.state.renderer
    language = visitor_language(request)
    with reading(request.app.state.engine) as session:
        found = inviting.invited(session, token)
    drawn = renderer.render(
        "people/invited.html",
        language,
        visitor_clock(),
        invitation=found,
        fault=fault,
        username=username,
        here=f"/invited/{token}",
    )
    return HTMLResponse(drawn, 422 if fault else 200)
