"""The web application: endpoints, errors, security headers, the live stream.

Nothing is open but the probes and the log-in: every other endpoint asks for a session (or,
for snapshots, a gateway's secret, and for receipts the message's own).
"""

import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import APIKeyCookie
from pydantic import BaseModel
from sqlalchemy.exc import DataError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from anju_platform import __doc__ as _about
from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.accounts import endpoints as accounts
from anju_platform.alerts import endpoints as alerts
from anju_platform.alerts.service import AlertChangedError, snapshot_arrived
from anju_platform.auth import endpoints as auth
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import COOKIE, current_actor, find_actor, require
from anju_platform.auth.rights import Right
from anju_platform.auth.throttle import Throttle
from anju_platform.care import endpoints as care
from anju_platform.config import Settings
from anju_platform.consent import endpoints as consent
from anju_platform.database import connect
from anju_platform.errors import PlatformError
from anju_platform.escalation import endpoints as escalation
from anju_platform.feed import Change, Feed, Heartbeat, Item, Reset
from anju_platform.media import endpoints as media
from anju_platform.middleware import BodyLimit, SafeHeaders
from anju_platform.notifications import endpoints as notifications
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.people import endpoints as people
from anju_platform.registry import endpoints as registry
from anju_platform.reports import endpoints as reports
from anju_platform.rulebook import endpoints as rulebook
from anju_platform.rulebook.service import RuleChangedError, TrialsFailedError
from anju_platform.screens import endpoints as screens
from anju_platform.system import endpoints as system
from anju_platform.system.service import Rate
from anju_platform.telemetry import endpoints as telemetry

log = logging.getLogger(__name__)

PREFIX = "/api/v1"
VERSION = "1"
_RECHECK_S = 30.0

FAILURES: tuple[type[Exception], ...] = (
    PlatformError,
    HTTPException,
    RequestValidationError,
    DataError,
    OperationalError,
    Exception,
)
"""What is answered in words of our own."""


class Problem(BaseModel):
    """Every refusal: a word for programs and a sentence for people."""

    error: str
    detail: str


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; its state holds ``settings``, ``engine``, ``feed``, ``throttle``.

    Raises:
        ConfigError: a setting is missing or wrong.
    """
    settings = settings or Settings.load()
    engine = connect(settings.database_url, pool_size=20)
    feed = Feed(engine)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await feed.start()
        try:
            yield
        finally:
            await feed.stop()
            engine.dispose()

    app = FastAPI(
        title="Anju",
        description=_about or "",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}},
    )
    app.state.settings, app.state.engine, app.state.feed = settings, engine, feed
    app.state.throttle, app.state.points_rate = Throttle(), Rate()
    app.state.carriers = Carriers(engine, settings)
    app.include_router(_api())
    app.include_router(system.probes)
    app.add_middleware(BodyLimit)
    app.add_middleware(SafeHeaders, https=settings.secure_cookies)
    for kind in FAILURES:
        app.add_exception_handler(kind, answer_problem)
    return app


def _api() -> APIRouter:
    api = APIRouter(prefix=PREFIX)
    api.include_router(auth.entrance)
    api.include_router(media.gateway_router(snapshot_arrived))
    api.include_router(notifications.doorstep)
    api.include_router(accounts.doorstep)
    cookie = APIKeyCookie(name=COOKIE, auto_error=False)
    # asked for here too, so that an endpoint that forgets to ask is not open
    closed = APIRouter(dependencies=[Depends(current_actor), Depends(cookie)])
    parts = (
        auth,
        accounts,
        alerts,
        escalation,
        registry,
        telemetry,
        people,
        care,
        consent,
        notifications,
        media,
        reports,
        rulebook,
        screens,
        system,
    )
    for part in parts:
        closed.include_router(part.router)
    closed.include_router(stream_router)
    api.include_router(closed)
    return api


stream_router = APIRouter(tags=["stream"])


@stream_router.get("/stream", response_class=StreamingResponse)
async def stream(
    request: Request,
    actor: Annotated[Actor, require(Right.WATCH)],
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Give what changes on screens as server-sent events, from ``Last-Event-ID`` or ``after`` on.

    ``change`` carries ``{"seq", "kind", "ref", "at"}``; ``heartbeat`` comes every 2 s, so a
    screen that hears none for 6 s is not live; after ``reset`` everything must be loaded anew.
    """
    return event_stream(live_items(request, actor, resume_point(after, last_event_id)))


def resume_point(after: int | None, last_event_id: str | None) -> int | None:
    """Choose where a stream goes on: the browser's own memory, else what the page says."""
    if last_event_id is not None and last_event_id.isdigit():
        return int(last_event_id)
    return after


async def live_items(
    request: Request, actor: Actor, after: int | None
) -> AsyncGenerator[Item, None]:
    """Give the feed's items for as long as the session is good; an open screen counts as use."""
    feed: Feed = request.app.state.feed
    checked_at = 0.0
    async with aclosing(feed.changes(actor.community_id, after)) as items:
        async for item in items:
            if isinstance(item, Heartbeat):
                moment = item.at.timestamp()
                if moment - checked_at > _RECHECK_S:
                    if checked_at and not await _still_valid(request, actor):
                        return
                    checked_at = moment
            yield item


async def _still_valid(request: Request, actor: Actor) -> bool:
    try:
        known = await run_in_threadpool(find_actor, request, actor.token_hash)
    except PlatformError:
        return False
    return known.may(Right.WATCH)


def event_stream(items: AsyncGenerator[Item, None]) -> StreamingResponse:
    """Answer with server-sent events in JSON."""

    async def lines() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async with aclosing(items):
            async for item in items:
                yield event_text(*_event(item))

    return StreamingResponse(
        lines(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def event_text(name: str, data: str, seq: int | None) -> str:
    """Write one server-sent event; ``seq`` is what a browser resumes from.

    A carriage return ends a line there too: in a name it would cut a row short.
    """
    head = f"event: {name}\n" + (f"id: {seq}\n" if seq is not None else "")
    lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return head + "".join(f"data: {line}\n" for line in lines) + "\n"


def _event(item: Item) -> tuple[str, str, int]:
    match item:
        case Change(seq, kind, ref, at):
            data: dict[str, Any] = {"seq": seq, "kind": kind, "ref": ref, "at": at.isoformat()}
            return "change", json.dumps(data), seq
        case Heartbeat(seq, at):
            return "heartbeat", json.dumps({"seq": seq, "at": at.isoformat()}), seq
        case Reset(seq):
            return "reset", json.dumps({"seq": seq}), seq


async def answer_problem(_request: Request, error: Exception) -> JSONResponse:
    """Answer any error as a :class:`Problem`; what was not foreseen says nothing of its inside."""
    status: int
    headers: dict[str, str] = {}
    content: dict[str, Any]
    match error:
        case AlertChangedError():
            alert = error.alert.model_dump(mode="json")
            content = {"error": "alert_changed", "detail": str(error), "alert": alert}
            return JSONResponse(content, status_code=error.status)
        case RuleChangedError():
            rule = error.rule.model_dump(mode="json")
            content = {"error": "rule_changed", "detail": str(error), "rule": rule}
            return JSONResponse(content, status_code=error.status)
        case TrialsFailedError():
            trials = [{"name": t.name, "problem": t.problem} for t in error.trials]
            content = {"error": "trials_failed", "detail": str(error), "trials": trials}
            return JSONResponse(content, status_code=error.status)
        case PlatformError():
            status, word, detail = error.status, _word(type(error).__name__), str(error)
        case RequestValidationError():
            status, word, detail = 422, "invalid_request", _faults(error)
        case HTTPException():
            status, word, detail = error.status_code, "http", str(error.detail)
            headers = dict(error.headers or {})
        case DataError():  # a character or number that PostgreSQL cannot hold
            log.warning("refused what the database cannot hold: %s", type(error.orig).__name__)
            status, word, detail = (
                422,
                "invalid_request",
                "it holds a character or number nobody can keep",
            )
        case OperationalError():
            log.error("the database does not answer: %s", error.orig)
            status, word = 503, "database_unavailable"
            detail = "the database does not answer; try again"
        case _:
            log.error("a request failed", exc_info=error)
            status, word, detail = 500, "internal", "something failed here; it is in the log"
    return JSONResponse({"error": word, "detail": detail}, status_code=status, headers=headers)


def _word(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Error")).lower()


def _faults(error: RequestValidationError) -> str:
    """Say what was wrong where, without repeating what was sent (it may be a password)."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors()
    )


def describe() -> str:
    """Give the API's description (OpenAPI, JSON), the same on every machine."""
    settings = Settings(database_url="postgresql://described-only/", _env_prefix="ANJU_NOT_READ_")
    described = create_app(settings).openapi()
    return json.dumps(described, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
