"""Logging in, out, and choosing the language."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from anju_dashboards.account.qr import picture
from anju_dashboards.language import Language
from anju_dashboards.pages import (
    LANGUAGE_COOKIE,
    safe_path,
    see_other,
    visitor_clock,
    visitor_language,
)
from anju_dashboards.refusals import refusal_text
from anju_dashboards.rendering import Renderer
from anju_platform.auth import service
from anju_platform.auth.dependencies import (
    HALF_COOKIE,
    CurrentActor,
    give_code,
    log_in,
    log_out,
    set_cookie,
)
from anju_platform.auth.entering import half_way
from anju_platform.auth.oidc.provider import Provider
from anju_platform.database import transaction
from anju_platform.errors import ForbiddenError, NotAuthenticatedError, TooManyAttemptsError
from anju_platform.notifications import addresses

router = APIRouter(include_in_schema=False)

_YEAR_S = 365 * 24 * 3600


@router.get("/login")
def login_page(request: Request, lang: str | None = None, next: str = "/wall") -> Response:  # noqa: A002 - the word everybody uses in addresses
    """Ask for name and password."""
    renderer: Renderer = request.app.state.renderer
    language = renderer.language(lang) if lang else visitor_language(request)
    answer = draw_login(request, language, next=next)
    if lang:
        _remember(request, answer, language)
    return answer


@router.post("/login")
def login(
    request: Request,
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
    next: Annotated[str, Form(max_length=2000)] = "/wall",  # noqa: A002 - as above
) -> Response:
    """Log in and go on, or say why not (never which of name and password was wrong).

    Of who has a second factor a code is asked next.
    """
    language = visitor_language(request)
    going = see_other(safe_path(next))
    try:
        entered = log_in(request, going, username, password)
    except NotAuthenticatedError:
        fault, status = language.gettext("User name or password is wrong."), 401
    except TooManyAttemptsError as error:
        fault, status = refusal_text(language, error), 429
    except ForbiddenError:
        fault, status = language.gettext("Log in from this site's own page."), 403
    else:
        if entered.owes is not None:
            going.headers["location"] = f"/login/code?next={quote(safe_path(next), safe='/')}"
        return going
    return draw_login(request, language, status=status, next=next, username=username, fault=fault)


def draw_login(
    request: Request,
    language: Language,
    *,
    status: int = 200,
    next: str = "/wall",  # noqa: A002 - as above
    username: str = "",
    fault: str | None = None,
) -> Response:
    """Draw the log-in's page; whether the other provider answers is asked once somebody goes."""
    renderer: Renderer = request.app.state.renderer
    provider: Provider | None = request.app.state.provider
    drawn = renderer.render(
        "login/login.html",
        language,
        visitor_clock(),
        next=safe_path(next),
        provider=provider.name if provider else None,
        username=username,
        fault=fault,
    )
    return HTMLResponse(drawn, status)


@router.get("/login/code")
def code_page(request: Request, next: str = "/wall") -> Response:  # noqa: A002 - as above
    """Ask for the code that a log-in owes; without one that is half way, begin."""
    try:
        return _draw_code(request, next=next)
    except NotAuthenticatedError:
        return see_other(f"/login?next={quote(safe_path(next), safe='/')}")


@router.post("/login/code")
def login_code(
    request: Request,
    code: Annotated[str, Form(max_length=64)],
    next: Annotated[str, Form(max_length=2000)] = "/wall",  # noqa: A002 - as above
) -> Response:
    """Take the code and go on, by way of new recovery codes if there are any; or say why not."""
    language = visitor_language(request)
    going = see_other(safe_path(next))
    try:
        codes = give_code(request, going, code)
    except NotAuthenticatedError:
        fault, status = language.gettext("This code is wrong or was used. Take the next one."), 401
    except TooManyAttemptsError as error:
        fault, status = refusal_text(language, error), 429
    except ForbiddenError:
        fault, status = language.gettext("Log in from this site's own page."), 403
    else:
        return _show_codes(request, going, codes, next) if codes else going
    try:
        return _draw_code(request, next=next, fault=fault, status=status)
    except NotAuthenticatedError:
        if status == 401:  # noqa: PLR2004 - as HTTP has it
            fault = language.gettext("That took too long. Log in again.")
        return draw_login(request, language, status=status, next=next, fault=fault)


def _draw_code(
    request: Request,
    *,
    next: str,  # noqa: A002 - as above
    fault: str | None = None,
    status: int = 200,
) -> Response:
    half = request.cookies.get(HALF_COOKIE, "")
    _owes, set_up = half_way(request.app.state.engine, half)
    renderer: Renderer = request.app.state.renderer
    drawn = renderer.render(
        "login/code.html",
        visitor_language(request),
        visitor_clock(),
        next=safe_path(next),
        set_up=set_up,
        picture=picture(set_up.uri) if set_up else "",
        codes=(),
        fault=fault,
    )
    return HTMLResponse(drawn, status)


def _show_codes(
    request: Request,
    going: Response,
    codes: tuple[str, ...],
    next: str,  # noqa: A002 - as above
) -> Response:
    """Show the recovery codes before going on, with the cookies that were to go along."""
    renderer: Renderer = request.app.state.renderer
    drawn = renderer.render(
        "login/code.html",
        visitor_language(request),
        visitor_clock(),
        next=safe_path(next),
        codes=codes,
    )
    shown = HTMLResponse(drawn)
    shown.raw_headers.extend(each for each in going.raw_headers if each[0] == b"set-cookie")
    return shown


@router.post("/logout")
def logout(
    request: Request, actor: CurrentActor, push: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Log out; a browser that rang for this person (``push``: its endpoint) does so no more."""
    if push:
        with transaction(request.app.state.engine) as session:
            addresses.remove_push(session, actor, push)
    answer = see_other("/login")
    log_out(request, answer, actor)
    return answer


@router.post("/language")
def choose_language(
    request: Request,
    actor: CurrentActor,
    locale: Annotated[str, Form(max_length=8)],
    back: Annotated[str, Form(max_length=2000)] = "/wall",
) -> Response:
    """Change the language of this person's screens."""
    with transaction(request.app.state.engine) as session:
        service.set_locale(session, actor, locale)
    answer = see_other(safe_path(back))
    _remember(request, answer, request.app.state.renderer.language(locale))
    return answer


def _remember(request: Request, answer: Response, language: Language) -> None:
    set_cookie(request, answer, LANGUAGE_COOKIE, language.code, _YEAR_S)
