"""The way of a browser to the other provider and back.

What proves its return goes along in a cookie that is sealed and bound to this browser: so
whoever only knocks leaves nothing behind here. That a journey ends once is written down when it
does (``UsedState``).
"""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from cryptography.fernet import InvalidToken
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ValidationError

from anju_platform.auth import keys
from anju_platform.auth.dependencies import client_address, door, engine, set_cookie
from anju_platform.auth.entering import Vouched
from anju_platform.auth.oidc.provider import Begun, DoubtError, Provider, RefusedError, turned_back
from anju_platform.database import now, transaction
from anju_platform.errors import NotAuthenticatedError, NotFoundError

COOKIE = "anju_oidc"
GOOD_FOR = timedelta(minutes=10)
_LONGEST_NEXT = 500
"""A cookie holds 4 KB, sealed."""
_OF_PROVIDER = "another provider's word"
"""Under this name what proves nothing is counted; no user name has a gap."""
_OVER = "this log-in was begun in another browser, used, or too long ago; begin again"


class Journey(BaseModel):
    """What was begun; ``next`` is the page to go on to.

    ``link`` is the hash of the token of the log-in that wishes to be linked; None: somebody
    wishes to log in.
    """

    begun: Begun
    next: str
    link: str | None = None


def provider(request: Request) -> Provider:
    """Give the other provider of this installation.

    Raises:
        NotFoundError: none is set.
    """
    found: Provider | None = request.app.state.provider
    if found is None:
        raise NotFoundError("nobody logs in by another provider here")
    return found


TheProvider = Annotated[Provider, Depends(provider)]


def set_out(
    request: Request, response: Response, begun: Begun, next_page: str, *, link: str | None = None
) -> None:
    """Let the browser keep what its return is proven by."""
    if len(next_page.encode()) > _LONGEST_NEXT:
        next_page = "/"
    journey = Journey(begun=begun, next=next_page, link=link)
    with transaction(engine(request)) as session:
        sealed = keys.seal(session, journey.model_dump_json())
    set_cookie(request, response, COOKIE, sealed, GOOD_FOR.total_seconds())


def come_back(request: Request, state: str) -> Journey:
    """Give the journey that this browser comes back from.

    Raises:
        NotAuthenticatedError: it began none, or another, or that was too long ago.
    """
    sealed = request.cookies.get(COOKIE, "")
    try:
        with transaction(engine(request)) as session:
            opened = keys.unseal(session, sealed, good_for=GOOD_FOR)
        journey = Journey.model_validate_json(opened)
    except (InvalidToken, ValidationError) as error:
        raise NotAuthenticatedError(_OVER) from error
    if not hmac.compare_digest(journey.begun.state.encode(), state.encode()):
        raise NotAuthenticatedError(_OVER)
    return journey


@dataclass(frozen=True, slots=True)
class Came:
    """What the provider gave a browser along: a code and who gives it, or why there is none."""

    code: str
    iss: str | None
    error: str

    def check(self) -> None:
        """See that there is a code.

        Raises:
            RefusedError: the provider did not let them in.
            SilentError: it could not.
        """
        if not self.code:
            raise turned_back(self.error)


@contextmanager
def counted(request: Request) -> Iterator[None]:
    """Slow down, by address, whoever comes back with what proves nothing: each asks the provider.

    Raises:
        TooManyAttemptsError: too much came from there; the text says when to try again.
    """
    guesses, address = door(request).throttle, client_address(request) or ""
    guesses.check(_OF_PROVIDER, address)
    try:
        yield
    except (RefusedError, DoubtError, NotAuthenticatedError):
        guesses.failed(_OF_PROVIDER, address)
        raise
    guesses.succeeded(_OF_PROVIDER, address)


async def ask(known: Provider, journey: Journey, came: Came) -> Vouched:
    """Ask the provider who came back.

    Raises:
        RefusedError: it does not know the code.
        StaleError: it did not ask for a password now.
        SilentError: it does not answer.
        DoubtError: what it says is not to be relied on.
    """
    subject = await known.subject(journey.begun, came.code, came.iss)
    return Vouched(known.issuer, subject, journey.begun.state, now() + GOOD_FOR)


def forget(request: Request, response: Response) -> None:
    """Take the cookie back."""
    set_cookie(request, response, COOKIE, "", 0)
