"""How somebody's account is guarded: pages under ``/me`` that need no script."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from anju_dashboards.account.qr import picture
from anju_dashboards.pages import CurrentPage, Page, see_other
from anju_dashboards.refusals import refusal_text
from anju_platform.accounts import guarding
from anju_platform.auth.dependencies import TheDoor
from anju_platform.auth.entering import Door
from anju_platform.errors import (
    ConflictError,
    InvalidRequestError,
    TooManyAttemptsError,
)

router = APIRouter(include_in_schema=False)

Password = Annotated[str, Form(max_length=256)]
Code = Annotated[str, Form(max_length=64)]

_REFUSED = (InvalidRequestError, ConflictError, TooManyAttemptsError)


@router.get("/me/second-factor")
def second_factor(page: CurrentPage, door: TheDoor) -> Response:
    """Show how it stands with the second factor, and what there is to set up."""
    return _draw(page, door)


@router.post("/me/second-factor")
def begin(page: CurrentPage, door: TheDoor, password: Password) -> Response:
    """Make a secret for the telephone."""

    def go() -> Response:
        guarding.begin(door, page.actor, password)
        return see_other("/me/second-factor")

    return _tried(page, door, go)


@router.post("/me/second-factor/confirm")
def confirm(page: CurrentPage, door: TheDoor, code: Code) -> Response:
    """Turn it on, and show the recovery codes this once."""
    return _tried(
        page, door, lambda: _draw(page, door, codes=guarding.confirm(door, page.actor, code))
    )


@router.post("/me/second-factor/codes")
def renew_codes(page: CurrentPage, door: TheDoor, password: Password, code: Code) -> Response:
    """Show new recovery codes this once."""

    def go() -> Response:
        codes = guarding.renew_codes(door, page.actor, password, code)
        return _draw(page, door, codes=codes)

    return _tried(page, door, go)


@router.post("/me/second-factor/off")
def turn_off(page: CurrentPage, door: TheDoor, password: Password, code: Code) -> Response:
    """Let the password alone be enough again."""

    def go() -> Response:
        guarding.turn_off(door, page.actor, password, code)
        return see_other("/me/second-factor")

    return _tried(page, door, go)


def _tried(page: Page, door: Door, action: Callable[[], Response]) -> Response:
    """Do it, or show the page with what was wrong."""
    try:
        return action()
    except _REFUSED as error:
        fault = refusal_text(page.language, error)
        return _draw(page, door, fault=fault, status=error.status)


def _draw(
    page: Page,
    door: Door,
    *,
    codes: tuple[str, ...] = (),
    fault: str | None = None,
    status: int = 200,
) -> Response:
    factor = guarding.view(door, page.actor)
    set_up = None if factor.on else guarding.pending(door, page.actor)
    return page.html(
        "account/second_factor.html",
        status=status,
        section="/me",
        factor=factor,
        set_up=set_up,
        picture=picture(set_up.uri) if set_up else "",
        codes=codes,
        fault=fault,
    )
