"""What an endpoint asks for to know who is calling: the cookie, the CSRF check, the role.

Programs show a token instead, on the API alone. No browser sends it by itself, so it needs no
CSRF token.
"""

import hmac
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from anju_platform.auth import entering, repository, service
from anju_platform.auth.actor import Actor
from anju_platform.auth.entering import Door, Entered, Vouched
from anju_platform.auth.model import Role, User
from anju_platform.auth.rights import FOR_PROGRAMS, RIGHTS, Right
from anju_platform.auth.service import Browser
from anju_platform.auth.tokens import hash_token
from anju_platform.config import Settings
from anju_platform.database import now, reading, transaction
from anju_platform.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotAuthenticatedError,
    NotFoundError,
)

COOKIE = "anju_session"
HALF_COOKIE = "anju_login"
"""A log-in that still owes a code."""
COMMUNITY_COOKIE = "anju_community"
"""Which community an administrator of all of them looks at (its slug)."""

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
_SAFE = {"GET", "HEAD", "OPTIONS"}
_OF_PROGRAMS = "a program's token"
"""Under this name wrong tokens are counted; no user name has a gap."""
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def current_actor(request: Request) -> Actor:
    """Tell who is calling; a person's request that changes something carries the CSRF token too.

    Raises:
        NotAuthenticatedError: no valid session or token.
        ForbiddenError: the CSRF token is missing or wrong.
        InvalidRequestError: it is said twice who is calling.
        TooManyAttemptsError: too many wrong tokens came from there.
    """
    token = request.cookies.get(COOKIE)
    bearer = _bearer(request)
    if bearer is not None:
        if token:
            raise InvalidRequestError("send a session's cookie or a program's token, not both")
        return await run_in_threadpool(find_program, request, hash_token(bearer))
    if not token:
        raise NotAuthenticatedError("please log in")
    actor = await run_in_threadpool(find_actor, request, hash_token(token))
    request.state.locale = actor.locale  # should they be refused, it is in their words
    if request.method not in _SAFE:
        await _check_csrf(request, actor)
    return actor


def find_actor(request: Request, token_hash: str) -> Actor:
    """Look the session up and note its use.

    Raises:
        NotAuthenticatedError: the session is over.
        NotFoundError: there is no community yet.
    """
    engine = request.app.state.engine
    with reading(engine) as session:
        found = service.find_session(session, token_hash)
        user, login = found.user, found.login
        _check_factor(request, session, user)
        community_id = user.community_id
        if community_id is None:
            slug = request.cookies.get(COMMUNITY_COOKIE)
            community_id = repository.community_for(session, slug)
        if community_id is None:
            raise NotFoundError("there is no community yet: run 'anju community import FILE'")
        homes, places = repository.scopes(session, user.id, user.role)
        actor = Actor(
            user_id=user.id,
            username=user.username,
            name=user.name,
            role=Role(user.role),
            community_id=community_id,
            locale=user.locale,
            session_csrf=login.csrf,
            token_hash=token_hash,
            address=client_address(request),
            everywhere=user.community_id is None,
            homes=homes,
            places=places,
        )
    if found.stale:
        with transaction(engine) as session:
            repository.touch(session, token_hash, now())
    return actor


def _bearer(request: Request) -> str | None:
    """Give the token of a program; pages are for people, and know of none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    is_program = scheme.lower() == "bearer" and request.url.path.startswith("/api/")
    return token.strip() if is_program else None


def find_program(request: Request, token_hash: str) -> Actor:
    """Find whose program shows a token, and note its use.

    Raises:
        NotAuthenticatedError: no such token, it is good no more, or its maker's role must have a
            second factor and they have none.
        TooManyAttemptsError: too many wrong ones came from there.
    """
    database, moment = engine(request), now()
    address = client_address(request) or ""
    with reading(database) as session:
        found = repository.api_token(session, token_hash, moment)
        if found is None or Right.KEEP_TOKENS not in RIGHTS[Role(found[1].role)]:
            # right ones pass all the same: a broken program holds up no other at its address
            guesses = door(request).throttle
            guesses.check(_OF_PROGRAMS, address)
            guesses.failed(_OF_PROGRAMS, address)
            raise NotAuthenticatedError("this token is wrong, withdrawn or too old")
        token, user = found
        _check_factor(request, session, user)
        actor = Actor(
            user_id=user.id,
            username=user.username,
            name=f"{user.name} · {token.name}",
            role=Role(user.role),
            community_id=token.community_id,
            locale=user.locale,
            session_csrf="",
            token_hash=token_hash,
            address=client_address(request),
            granted=frozenset(right for right in FOR_PROGRAMS if right in token.rights),
        )
        token_id, used_at = token.id, token.last_used_at
    if used_at is None or used_at <= moment - service.TOUCH:
        with transaction(database) as session:
            repository.touch_api_token(session, token_id, moment)
    return actor


def find_again(request: Request, actor: Actor) -> Actor:
    """Ask whether whoever called is still let in.

    Raises:
        NotAuthenticatedError: not any more.
    """
    find = find_program if actor.is_program else find_actor
    return find(request, actor.token_hash)


Caller = Annotated[Actor, Depends(current_actor)]
"""Any logged-in person, or a program of theirs."""


async def current_person(actor: Caller) -> Actor:
    """Tell which person is calling.

    Raises:
        ForbiddenError: it is a program.
    """
    if actor.is_program:
        raise ForbiddenError("this is for people; a program's token does not open it")
    return actor


def _check_factor(request: Request, session: Session, user: User) -> None:
    """Let no session or token be good that is older than that its person's role must show more."""
    if user.role in door(request).must and not repository.have_second_factor(session, (user.id,)):
        raise NotAuthenticatedError("your role needs a second factor; please log in again")


async def _check_csrf(request: Request, actor: Actor) -> None:
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not hmac.compare_digest(given.encode(), actor.session_csrf.encode()):
        raise ForbiddenError("the form is out of date; load the page again and repeat")


def require(right: Right) -> Any:
    """Make a dependency that gives the actor if they have a right."""

    async def allowed(actor: Caller) -> Actor:
        actor.demand(right)
        return actor

    return Depends(allowed)


def engine(request: Request) -> Engine:
    """Give the database of this process."""
    found: Engine = request.app.state.engine
    return found


Database = Annotated[Engine, Depends(engine)]
"""The database of this process."""

CurrentActor = Annotated[Actor, Depends(current_person)]
"""Any logged-in person."""


def public_url(request: Request) -> str:
    """Give the address under which people reach the platform."""
    settings: Settings = request.app.state.settings
    return settings.public_url


PublicUrl = Annotated[str, Depends(public_url)]


def client_address(request: Request) -> str | None:
    """Give the caller's network address, if there is one."""
    return request.client.host if request.client else None


def door(request: Request) -> Door:
    """Give what log-ins are checked by."""
    found: Door = request.app.state.door
    return found


TheDoor = Annotated[Door, Depends(door)]


def log_in(request: Request, response: Response, username: str, password: str) -> Entered:
    """Log a browser in: check, and set a cookie on ``response``, of a session or of half of one.

    Raises:
        NotAuthenticatedError: wrong name or password.
        TooManyAttemptsError: too many failures; the text says when to try again.
        ForbiddenError: the request came from a page of another site.
    """
    check_origin(request)
    entered = entering.log_in(door(request), _browser(request), username, password)
    _let_in(request, response, entered)
    return entered


def log_in_by(request: Request, response: Response, vouched: Vouched) -> Entered:
    """Log a browser in by another provider's word, as :func:`log_in` does by a password.

    Raises:
        NotAuthenticatedError: it counted before.
        NotFoundError: nobody is linked to it, or they are shut out.
        TooManyAttemptsError: too many failures; the text says when to try again.
    """
    entered = entering.log_in_by(door(request), _browser(request), vouched)
    _let_in(request, response, entered)
    return entered


def _let_in(request: Request, response: Response, entered: Entered) -> None:
    if entered.owes is None:
        _set_session(request, response, entered.token)
    else:
        half_s = entering.HALF_FOR.total_seconds()
        set_cookie(request, response, HALF_COOKIE, entered.token, half_s)


def give_code(request: Request, response: Response, code: str) -> tuple[str, ...]:
    """Take the code a log-in owes, and set the session's cookie; give new recovery codes if any.

    Raises:
        NotAuthenticatedError: the code is wrong, or the log-in is over.
        TooManyAttemptsError: too many failures; the text says when to try again.
        ForbiddenError: the request came from a page of another site.
    """
    check_origin(request)
    half = request.cookies.get(HALF_COOKIE, "")
    token, codes = entering.give_code(door(request), _browser(request), half, code)
    _delete_cookie(request, response, HALF_COOKIE)
    _set_session(request, response, token)
    return codes


def _browser(request: Request) -> Browser:
    return Browser(
        address=client_address(request),
        agent=request.headers.get("user-agent"),
        previous_token=request.cookies.get(COOKIE),
        previous_half=request.cookies.get(HALF_COOKIE),
    )


def _set_session(request: Request, response: Response, token: str) -> None:
    # it may end before: we know when
    set_cookie(request, response, COOKIE, token, service.LONGEST.total_seconds())


def _delete_cookie(request: Request, response: Response, name: str) -> None:
    set_cookie(request, response, name, "", 0)


def set_cookie(
    request: Request, response: Response, name: str, value: str, max_age_s: float
) -> None:
    """Let the browser keep something that neither scripts nor other sites' pages get."""
    settings: Settings = request.app.state.settings
    response.set_cookie(
        name,
        value,
        max_age=round(max_age_s),
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def log_out(request: Request, response: Response, actor: Actor) -> None:
    """End the session and clear its cookie."""
    with transaction(request.app.state.engine) as session:
        service.log_out(session, actor)
    _delete_cookie(request, response, COOKIE)


def check_origin(request: Request) -> None:
    """Refuse a log-in posted by a page of another site (there is no CSRF token yet).

    Raises:
        ForbiddenError: the request's origin is not ours.
    """
    origin = request.headers.get("origin")
    settings: Settings = request.app.state.settings
    ours = {
        settings.public_url.rstrip("/"),
        f"{request.url.scheme}://{request.headers.get('host', '')}",
    }
    if origin is not None and origin.rstrip("/") not in ours:
        raise ForbiddenError("log in from this site's own page")
