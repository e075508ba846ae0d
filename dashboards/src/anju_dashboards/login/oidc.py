"""Logging in by another provider: to it and back, on pages that need no script.

A form may lead nowhere but here (``form-action``), so what leads there is a link.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anju_dashboards.account.oidc import LINKS, Fault
from anju_dashboards.login.views import draw_login
from anju_dashboards.pages import safe_path, see_other, visitor_language
from anju_dashboards.refusals import of_kind, refusal_text
from anju_dashboards.words import N_
from anju_platform.accounts import linking
from anju_platform.auth.dependencies import COOKIE, find_actor, log_in_by
from anju_platform.auth.entering import Vouched
from anju_platform.auth.oidc import journey as journeys
from anju_platform.auth.oidc.journey import Came, Journey, TheProvider
from anju_platform.auth.oidc.provider import (
    DoubtError,
    Provider,
    RefusedError,
    SilentError,
    StaleError,
)
from anju_platform.auth.tokens import hash_token
from anju_platform.errors import (
    ConflictError,
    NotAuthenticatedError,
    NotFoundError,
    TooManyAttemptsError,
)

router = APIRouter(include_in_schema=False)

_FAULTS: dict[type[Exception], tuple[str, int]] = {
    StaleError: (
        N_(
            "%(name)s did not prove that it asked for your password just now. Log out there and try"
            " again, or log in with your password."
        ),
        403,
    ),
    RefusedError: (
        N_("%(name)s did not let you in. Try again, or log in with your password."),
        403,
    ),
    SilentError: (N_("%(name)s does not answer now. Log in with your password."), 503),
    DoubtError: (
        N_("What %(name)s answers cannot be relied on. Log in with your password."),
        502,
    ),
    NotAuthenticatedError: (
        N_("This log-in was begun in another browser, used already, or too long ago. Begin again."),
        401,
    ),
    NotFoundError: (
        N_(
            "Nobody here is linked to your account at %(name)s. Log in with your password and link"
            ' it on "How I am reached", or ask an administrator.'
        ),
        403,
    ),
}
_CAUGHT: tuple[type[Exception], ...] = (*_FAULTS, TooManyAttemptsError)
_FAULTS_OF_LINKING: dict[type[Exception], Fault] = {
    StaleError: Fault.STALE,
    RefusedError: Fault.REFUSED,
    SilentError: Fault.SILENT,
    DoubtError: Fault.DOUBTFUL,
    NotAuthenticatedError: Fault.OVER,
    ConflictError: Fault.TAKEN,
    TooManyAttemptsError: Fault.LOCKED,
}


@router.get("/login/oidc")
async def set_out(
    request: Request,
    provider: TheProvider,
    next: str = "/wall",  # noqa: A002 - the word everybody uses in addresses
) -> Response:
    """Send the browser to the provider, unless another site's page wishes that."""
    going_on = safe_path(next)
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return see_other(f"/login?next={quote(going_on, safe='/')}")
    try:
        url, begun = await provider.begin()
    except (SilentError, DoubtError) as error:
        return await run_in_threadpool(_refuse, request, provider, error, going_on)
    answer = see_other(url)
    await run_in_threadpool(journeys.set_out, request, answer, begun, going_on)
    return answer


@router.get("/login/oidc/back")
async def come_back(
    request: Request,
    provider: TheProvider,
    *,
    state: str = "",
    code: Annotated[str, Query(max_length=4096)] = "",
    iss: str | None = None,
    error: str = "",
) -> Response:
    """Take what the provider gave the browser along: log it in, or link, or say why not."""
    try:
        journey = await run_in_threadpool(journeys.come_back, request, state)
    except NotAuthenticatedError as fault:
        if await run_in_threadpool(_is_logged_in, request):  # who links, and took too long
            return see_other(f"{LINKS}?fault={Fault.OVER}")
        return await run_in_threadpool(_refuse, request, provider, fault, "/wall")
    arrive = _enter if journey.link is None else _link
    answer = await arrive(request, provider, journey, Came(code, iss, error))
    journeys.forget(request, answer)
    return answer


def _is_logged_in(request: Request) -> bool:
    try:
        find_actor(request, hash_token(request.cookies.get(COOKIE, "")))
    except (NotAuthenticatedError, NotFoundError):
        return False
    return True


async def _enter(request: Request, provider: Provider, journey: Journey, came: Came) -> Response:
    """Log in; of who has a second factor a code is asked next."""
    going = see_other(safe_path(journey.next))
    try:
        came.check()
        with journeys.counted(request):
            vouched = await journeys.ask(provider, journey, came)
            entered = await run_in_threadpool(log_in_by, request, going, vouched)
    except _CAUGHT as error:
        return await run_in_threadpool(_refuse, request, provider, error, journey.next)
    if entered.owes is not None:
        going.headers["location"] = f"/login/code?next={quote(safe_path(journey.next), safe='/')}"
    return going


def _refuse(request: Request, provider: Provider, error: Exception, next_page: str) -> Response:
    """Show the log-in with what went wrong: the password is always good."""
    language = visitor_language(request)
    if isinstance(error, TooManyAttemptsError):
        fault, status = refusal_text(language, error), int(error.status)
    else:
        words, status = of_kind(_FAULTS, error)
        fault = language.gettext(words) % {"name": provider.name}
    return draw_login(request, language, status=status, next=next_page, fault=fault)


async def _link(request: Request, provider: Provider, journey: Journey, came: Came) -> Response:
    """Link whoever gave their password for it in this very log-in, or say why not."""
    token_hash = hash_token(request.cookies.get(COOKIE, ""))
    try:
        if token_hash != journey.link:
            raise NotAuthenticatedError("another log-in began this")
        came.check()
        with journeys.counted(request):
            vouched = await journeys.ask(provider, journey, came)
            await run_in_threadpool(_link_now, request, token_hash, vouched)
    except tuple(_FAULTS_OF_LINKING) as error:
        return see_other(f"{LINKS}?fault={of_kind(_FAULTS_OF_LINKING, error)}")
    return see_other(LINKS)


def _link_now(request: Request, token_hash: str, vouched: Vouched) -> None:
    actor = find_actor(request, token_hash)
    linking.link(request.app.state.engine, actor, vouched)
