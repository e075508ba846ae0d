"""HTTP of logging in and out."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from anju_platform.auth import dependencies, service
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import Caller, CurrentActor, Database, require
from anju_platform.auth.rights import Right
from anju_platform.auth.schemas import (
    CodeBody,
    Credentials,
    LocaleBody,
    RecoveryCodes,
    SessionView,
    StillOwed,
    UserView,
)
from anju_platform.database import reading, transaction

router = APIRouter(tags=["session"])
entrance = APIRouter(tags=["session"])
"""What is open to everybody: the log-in."""


@entrance.post(
    "/session",
    status_code=204,
    response_model=None,
    responses={202: {"model": StillOwed, "description": "The password is right; a code is owed."}},
)
def log_in(request: Request, response: Response, credentials: Credentials) -> Response | None:
    """Log in: sets the session's cookie; ask ``GET /session`` for the CSRF token.

    Of who has a second factor a code is asked next.
    """
    entered = dependencies.log_in(request, response, credentials.username, credentials.password)
    if entered.owes is None:
        return None
    owed = StillOwed(owes=entered.owes.value, set_up=entered.set_up)
    answer = Response(owed.model_dump_json(), status_code=202, media_type="application/json")
    answer.raw_headers.extend(each for each in response.raw_headers if each[0] == b"set-cookie")
    return answer


@entrance.post("/session/code")
def give_code(request: Request, response: Response, body: CodeBody) -> RecoveryCodes:
    """Give the code a log-in owes: sets the session's cookie.

    ``recovery_codes`` are there when that set the second factor up, and are shown this once.
    """
    return RecoveryCodes(recovery_codes=dependencies.give_code(request, response, body.code))


@router.get("/session")
def show(actor: Caller) -> SessionView:
    """Tell who is logged in, with the token changing requests must carry."""
    return _view(actor)


@router.delete("/session", status_code=204)
def log_out(request: Request, response: Response, actor: CurrentActor) -> None:
    """Log out."""
    dependencies.log_out(request, response, actor)


@router.put("/session/locale", status_code=204)
def set_locale(
    database: Database,
    actor: CurrentActor,
    body: LocaleBody,
) -> None:
    """Change the language of this person's screens."""
    with transaction(database) as session:
        service.set_locale(session, actor, body.locale)


@router.get("/users")
def people(database: Database, actor: Annotated[Actor, require(Right.HANDLE)]) -> list[UserView]:
    """Give the people who may be sent to an alert."""
    with reading(database) as session:
        return service.assignable(session, actor.community_id)


def _view(actor: Actor) -> SessionView:
    return SessionView(
        user_id=actor.user_id,
        username=actor.username,
        name=actor.name,
        role=actor.role,
        community_id=actor.community_id,
        locale=actor.locale,
        csrf=actor.session_csrf,
    )
