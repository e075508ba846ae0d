"""The web application: endpoints, errors, security headers, the live stream.

Nothing is open but the probes and the log-in: every other endpoint asks for a session (or,
for snapshots, a gateway's secret, and for receipts the message's own).
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from anju_platform import __doc__ as _about
from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.accounts import endpoints as accounts
from anju_platform.alerts import endpoints as alerts
from anju_platform.alerts.service import shows, snapshot_arrived
from anju_platform.alerts.windows import endpoints as windows
from anju_platform.auth import endpoints as auth
from anju_platform.auth.actor import Actor
from anju_platform.auth.dependencies import COOKIE, current_actor, find_again, require
from anju_platform.auth.entering import Door
from anju_platform.auth.oidc.provider import Provider
from anju_platform.auth.oidc.settings import oidc_settings
from anju_platform.auth.rights import Right
from anju_platform.auth.second_factor import roles_that_must
from anju_platform.auth.throttle import Throttle
from anju_platform.backtest.jobs import endpoints as backtests
from anju_platform.cap import endpoints as cap
from anju_platform.care import endpoints as care
from anju_platform.config import Settings
from anju_platform.consent import endpoints as consent
from anju_platform.database import connect
from anju_platform.description.completing import complete, operation_id
from anju_platform.duty import endpoints as duty
from anju_platform.errors import PlatformError
from anju_platform.escalation import endpoints as escalation
from anju_platform.feed import Change, Feed, Heartbeat, Item, Reset
from anju_platform.importing import endpoints as importing
from anju_platform.lanes import endpoints as lanes
from anju_platform.media import endpoints as media
from anju_platform.middleware import BodyLimit, SafeHeaders
from anju_platform.notifications import endpoints as notifications
from anju_platform.notifications.outside.carrying import Carriers
from anju_platform.people import endpoints as people
from anju_platform.problems import FAILURES, Problem, answer_problem
from anju_platform.registry import endpoints as registry
from anju_platform.registry.places import endpoints as places
from anju_platform.registry.plan import endpoints as plan
from anju_platform.reports import endpoints as reports
from anju_platform.rulebook import endpoints as rulebook
from anju_platform.screens import endpoints as screens
from anju_platform.system import endpoints as system
from anju_platform.system.service import Rate
from anju_platform.telemetry import endpoints as telemetry
from anju_platform.webhooks import endpoints as webhooks

PREFIX = "/api/v1"
VERSION = "1"
_RECHECK_S = 30.0


class _Application(FastAPI):
    """Adds the headers around everything, also around the answer to what was not foreseen."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put the parts around the endpoints together."""
        settings: Settings = self.state.settings
        return SafeHeaders(super().build_middleware_stack(), https=settings.secure_cookies)


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

    app = _Application(
        title="Anju",
        description=_about or "",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,  # it would repeat the host that a request names
        responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}},
    )
    app.state.settings, app.state.engine, app.state.feed = settings, engine, feed
    app.state.throttle, app.state.points_rate = Throttle(), Rate()
    must = roles_that_must(settings.second_factor_roles)
    app.state.door = Door(engine, app.state.throttle, settings.session_hours, must)
    known = oidc_settings(settings)
    app.state.provider = Provider(known) if known else None
    app.state.carriers = Carriers(engine, settings)
    app.include_router(_api())
    app.webhooks.include_router(webhooks.told)
    app.include_router(system.probes)
    app.add_middleware(BodyLimit)
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
    bearer = HTTPBearer(auto_error=False, scheme_name="program", description="A program's token.")
    closed = APIRouter(dependencies=[Depends(current_actor), Depends(cookie), Depends(bearer)])
    parts = (
        auth,
        accounts,
        cap,  # before alerts: cap.atom is no alert's id
        alerts,
        windows,
        escalation,
        duty,
        registry,
        lanes,
        places,
        plan,
        telemetry,
        importing,
        people,
        care,
        consent,
        notifications,
        webhooks,
        reports,
        rulebook,
        backtests,
        screens,
        system,
    )
    for part in parts:
        closed.include_router(part.router)
    closed.include_router(media.looking_router(shows))
    closed.include_router(stream_router)
    api.include_router(closed)
    return api


stream_router = APIRouter(tags=["stream"])


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


@stream_router.get("/stream", response_class=EventStream)
async def stream(
    request: Request,
    actor: Annotated[Actor, require(Right.WATCH)],
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
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
        known = await run_in_threadpool(find_again, request, actor)
    except PlatformError:
        return False
    return known.may(Right.WATCH)


def event_stream(items: AsyncGenerator[Item, None]) -> EventStream:
    """Answer with server-sent events in JSON."""

    async def lines() -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        async with aclosing(items):
            async for item in items:
                yield event_text(*_event(item))

    return EventStream(
        lines(),
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


def describe() -> str:
    """Give the API's description (OpenAPI, JSON), the same on every machine."""
    settings = Settings(database_url="postgresql://described-only/", _env_prefix="ANJU_NOT_READ_")
    described = complete(create_app(settings).openapi())
    return json.dumps(described, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
