"""Tokens of somebody's programs: made, listed and revoked, on pages that need no script."""

from typing import Annotated

from fastapi import APIRouter, Form
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refusal_text
from anju_dashboards.words import RIGHT
from anju_platform.accounts import guarding, programs
from anju_platform.accounts.schemas import TokenBody, TokenMade
from anju_platform.auth.dependencies import TheDoor, require
from anju_platform.auth.entering import Door
from anju_platform.auth.rights import Right
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, InvalidRequestError, TooManyAttemptsError

router = APIRouter(include_in_schema=False)
_KEEP_TOKENS = [require(Right.KEEP_TOKENS)]
_KEEP_PEOPLE = [require(Right.KEEP_PEOPLE)]


class _Wanted(BaseModel):
    """A token as it was typed in; a box that is not ticked says nothing."""

    name: str = Field(default="", max_length=64)
    days: int = Field(default=90, ge=1, le=365)
    rights: list[str] = []
    password: str = Field(default="", max_length=256)
    code: str = Field(default="", max_length=64)

    def body(self) -> TokenBody:
        """Read it.

        Raises:
            ValidationError: something is missing.
        """
        return TokenBody.model_validate(self.model_dump() | {"name": self.name.strip()})


@router.get("/me/tokens", dependencies=_KEEP_TOKENS)
def tokens(page: CurrentPage, door: TheDoor) -> Response:
    """Show the tokens of this person's programs."""
    return _draw(page, door)


@router.post("/me/tokens", dependencies=_KEEP_TOKENS)
def make(page: CurrentPage, door: TheDoor, wanted: Annotated[_Wanted, Form()]) -> Response:
    """Make a token, and show it this once."""
    try:
        return _draw(page, door, made=programs.make(door, page.actor, wanted.body()))
    except ValidationError:
        fault = page.text("Name the program, and tick what it may do.")
    except (InvalidRequestError, TooManyAttemptsError, ConflictError) as error:
        fault = refusal_text(page.language, error)
    return _draw(page, door, fault=fault, given=wanted)


@router.post("/me/tokens/{token_id}/revoke", dependencies=_KEEP_TOKENS)
def revoke(page: CurrentPage, token_id: int) -> Response:
    """Let a token of this person's be good no more."""
    with transaction(page.engine) as session:
        programs.revoke(session, page.actor, token_id)
    return see_other("/me/tokens")


@router.post("/people/tokens/{token_id}/revoke", dependencies=_KEEP_PEOPLE)
def revoke_anybodys(page: CurrentPage, token_id: int) -> Response:
    """Let anybody's token be good no more."""
    with transaction(page.engine) as session:
        programs.revoke(session, page.actor, token_id, anybodys=True)
    return see_other("/people")


def _draw(
    page: Page,
    door: Door,
    *,
    fault: str | None = None,
    made: TokenMade | None = None,
    given: _Wanted | None = None,
) -> Response:
    with reading(page.engine) as session:
        known = programs.own(session, page.actor)
    return page.html(
        "account/tokens.html",
        status=422 if fault else 200,
        section="/me",
        tokens=known,
        with_code=guarding.view(door, page.actor).on,
        rights=[right for right in RIGHT if page.actor.may(right)],
        made=made,
        given=given or _Wanted(),
        fault=fault,
    )
