"""Failures said in words: pages get a page, the JSON API keeps its own answers."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from anju_dashboards import words
from anju_dashboards.pages import here, see_other, visitor_clock, visitor_language
from anju_dashboards.refusals import refusal_text
from anju_dashboards.rendering import Renderer
from anju_dashboards.words import N_
from anju_platform.errors import PlatformError
from anju_platform.problems import FAILURES

log = logging.getLogger(__name__)

Handler: TypeAlias = Callable[[Request, Any], Response | Awaitable[Response]]

_NOT_PAGES = ("/api/", "/metrics", "/healthz", "/readyz", "/static/")

ADVICE = {
    400: N_("What was sent could not be read. Go back and try again."),
    401: N_("Your log-in is over or was never there."),
    403: N_(
        "Your role does not allow it, or the form was open too long."
        " Go back and try again, or ask an administrator."
    ),
    404: N_("The address may be wrong, or it was removed."),
    409: N_("Somebody was faster. Load the page again to see how it stands now."),
    413: N_("More was sent at once than is taken here; nothing was kept. Choose a smaller file."),
    422: N_("What was sent makes no sense as it stands. Go back and check it."),
    429: N_("Wait a few minutes, then try again."),
    500: N_(
        "It has been written down. Alerts are still watched and people still told;"
        " try again in a moment."
    ),
    503: N_(
        "The database does not answer. This screen shows nothing new until it does;"
        " try again in a moment."
    ),
}


_SAYS_WHY = (409, 422, 429)
"""Where the refusal itself says more than the advice that fits all of its kind."""
_LOOKS = ("GET", "HEAD")
"""What does nothing, so that nothing can be left undone."""


def answer_failures(app: FastAPI) -> None:
    """Let pages answer failures with a page; everything else stays with who answered before."""
    for kind in FAILURES:
        app.add_exception_handler(kind, _handler(app.exception_handlers[kind]))


def _handler(before: Handler) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        if not request.url.path.startswith(_NOT_PAGES):
            return failure_page(request, error)
        answer = before(request, error)
        return answer if isinstance(answer, Response) else await answer

    return handle


def _route(request: Request) -> str:
    """Name what was asked for without what its address holds: that may be a secret."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "an unknown page"))


def _status(error: Exception) -> int:
    if isinstance(error, PlatformError):
        return int(error.status)
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, RequestValidationError | DataError):
        return 422
    return 503 if isinstance(error, OperationalError) else 500


def failure_page(request: Request, error: Exception) -> Response:
    """Say what went wrong; who is not logged in goes to the log-in and comes back."""
    status = _status(error)
    if status >= 500:  # noqa: PLR2004 - where HTTP says that it is our fault
        log.error("%s %s failed", request.method, _route(request), exc_info=error)
    fragment = request.headers.get("HX-Request") == "true"
    if status == HTTPStatus.UNAUTHORIZED and request.method == "GET" and not fragment:
        return see_other(f"/login?next={quote(here(request), safe='/')}")
    known = status if status in ADVICE else (500 if status >= 500 else 404)  # noqa: PLR2004 - as above
    language = visitor_language(request)
    head, advice = words.FAILURE[known], language.gettext(ADVICE[known])
    if status in _SAYS_WHY and isinstance(error, PlatformError | RequestValidationError):
        advice = refusal_text(language, error)
        head = head if request.method in _LOOKS else words.NOT_DONE
    renderer: Renderer = request.app.state.renderer
    template = "components/failure.html" if fragment else "components/error.html"
    drawn = renderer.render(
        template,
        language,
        visitor_clock(),
        status=known,
        words=head,
        advice=advice,
    )
    return HTMLResponse(drawn, status)
