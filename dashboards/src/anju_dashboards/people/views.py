"""Who may log in: the list, invitations, and the page behind an invitation's link."""

from typing import Annotated

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
from anju_dashboards.rendering import Renderer
from anju_dashboards.words import N_
from anju_platform.accounts import guarding, inviting, programs, roster
from anju_platform.accounts.endpoints import open_account
from anju_platform.accounts.repository import labels
from anju_platform.accounts.schemas import AcceptBody, InvitationBody, InvitationMade
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
from anju_platform.people.repository import households

router = APIRouter(include_in_schema=False)
_INVITE = [require(Right.INVITE)]
_KEEP_PEOPLE = [require(Right.KEEP_PEOPLE)]

_WEAK = N_("Choose a longer password: 10 characters at least, and no common one.")
_NO_NAME = N_("A user name is of small letters a-z, digits, dots and dashes.")

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
    if not name.strip():
        return _draw(page, fault=page.text("Say who it is."))
    try:
        body = InvitationBody(role=role, name=name, relation=relation, **of_role)
        with transaction(page.engine) as session:
            made = inviting.invite(session, page.actor, body, url)
    except (InvalidRequestError, NotFoundError, ValidationError) as error:
        return _draw(page, fault=_why(page, role, str(error)))
    return _draw(page, made=made)


def _why(page: Page, role: Role, error: str) -> str:
    if role is Role.FAMILY:
        return page.text("Name the home: its id as in the community file, such as h-501.")
    if role is Role.GRID:
        return page.text("Name the place: its id as in the community file, such as b1.")
    return error


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


def _draw(page: Page, *, fault: str | None = None, made: InvitationMade | None = None) -> Response:
    with reading(page.engine) as session:
        known = roster.people(session, page.actor)
        pending = inviting.pending(session, page.actor)
        homes = [home.slug for home in households(session, page.community.id)]
        named = {slug for one in known for slug in (*one.homes, *one.places)}
        named |= {slug for one in pending for slug in (*one.homes, *one.places)}
        called = labels(session, page.community.id, named)
        may_keep = page.actor.may(Right.KEEP_PEOPLE)
        tokens = programs.everybodys(session, page.actor) if may_keep else ()
    return page.html(
        "people/people.html",
        status=422 if fault else 200,
        section="/people",
        known=known,
        pending=pending,
        tokens=tokens,
        homes=homes,
        called={slug: page.language.pick(*both) for slug, both in called.items()},
        fault=fault,
        made=made,
        roles=[role.value for role in Role if may_keep or role is Role.FAMILY],
    )


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
    except TooManyAttemptsError:
        fault = language.gettext("Too many failed attempts. Wait a few minutes, then try again.")
    except ConflictError:
        fault = language.gettext("Somebody has this user name already; choose another.")
    except InvalidRequestError as error:
        about_the_password = "password" in str(error)
        fault = language.gettext(_WEAK if about_the_password else _NO_NAME)
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
