"""The stream that keeps pages live: rows drawn by the templates of the first load."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from anju_dashboards.clock import Clock
from anju_dashboards.pages import Page, current_page
from anju_platform.alerts import service
from anju_platform.auth.dependencies import current_actor, find_actor
from anju_platform.database import now, reading, to_millis
from anju_platform.errors import NotAuthenticatedError
from anju_platform.feed import Change, Feed, Heartbeat
from anju_platform.registry.listing import device_counts

router = APIRouter(include_in_schema=False)

RETRY_MS = 1000
_COUNTS_EVERY_S = 0.5
"""In a burst the numbers on top follow this often; rows always go out at once."""

_COUNTS_AT_LEAST_S = 10.0
_ACTOR_EVERY_S = 60.0


@router.get("/stream")
async def stream(
    request: Request,
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Send what changes after ``after``, or after the last event the browser saw."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    media_type = "text/event-stream"
    try:
        actor = await current_actor(request)
    except NotAuthenticatedError:
        # A refusal would make the browser ask for ever; an event lets the page say it.
        return Response(event("signed-out", ""), media_type=media_type, headers=headers)
    page = await run_in_threadpool(current_page, request, actor)
    if last_event_id is not None and last_event_id.isdecimal():
        after = int(last_event_id)
    lines = Lines(page).events(request.app.state.feed, after)
    return StreamingResponse(lines, media_type=media_type, headers=headers)


class Lines:
    """What one page's stream says; holds no database session while it waits."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._counted_at = float("-inf")
        self._stale = True
        self._checked_at = time.monotonic()

    async def events(self, feed: Feed, after: int | None) -> AsyncIterator[str]:
        """Give the stream's events as the browser reads them, until the log-in is over."""
        yield f"retry: {RETRY_MS}\n\n"
        async with aclosing(feed.changes(self._page.community.id, after)) as changes:
            async for item in changes:
                if isinstance(item, Change):
                    yield await self._changed(item)
                elif isinstance(item, Heartbeat):
                    yield event("heartbeat", str(to_millis(item.at)), item.seq)
                else:
                    yield event("reset", "", item.seq)
                if self._counts_due(waiting=isinstance(item, Change)):
                    yield await run_in_threadpool(self._counts)
                if isinstance(item, Heartbeat) and not await self._still_in():
                    yield event("signed-out", "")
                    return

    async def _changed(self, change: Change) -> str:
        if change.kind != "alert":
            self._stale = True
            return event("device", change.ref, change.seq)
        self._stale = True
        return await run_in_threadpool(self._row, change)

    def _row(self, change: Change) -> str:
        page = self._page
        with reading(page.engine) as session:
            alert = service.one_alert(session, page.community.id, UUID(change.ref))
        if alert is None:
            return event("device", change.ref, change.seq)
        drawn = page.renderer.render("wall/alert_row.html", page.language, self._clock(), alert=alert)
        return event("alert", drawn, change.seq)

    def _counts(self) -> str:
        page = self._page
        with reading(page.engine) as session:
            counts = service.counts(session, page.community.id)
            devices = device_counts(session, page.community.id)
        self._stale = False
        self._counted_at = time.monotonic()
        drawn = page.renderer.render(
            "wall/counts.html", page.language, self._clock(), counts=counts, devices=devices
        )
        return event("counts", drawn)

    def _counts_due(self, *, waiting: bool) -> bool:
        age = time.monotonic() - self._counted_at
        if waiting:
            return age >= _COUNTS_EVERY_S
        return self._stale or age >= _COUNTS_AT_LEAST_S

    async def _still_in(self) -> bool:
        """Ask every minute whether the log-in still holds; an open screen counts as use."""
        if time.monotonic() - self._checked_at < _ACTOR_EVERY_S:
            return True
        self._checked_at = time.monotonic()
        try:
            await run_in_threadpool(find_actor, self._page.request, self._page.actor.token_hash)
        except NotAuthenticatedError:
            return False
        return True

    def _clock(self) -> Clock:
        return Clock(ZoneInfo(self._page.community.timezone), now())


def event(name: str, data: str, seq: int | None = None) -> str:
    """Write one server-sent event; ``seq`` becomes what the browser resumes from."""
    lines = [f"event: {name}", *(f"data: {line}" for line in data.splitlines() or [""])]
    if seq is not None:
        lines.append(f"id: {seq}")
    return "\n".join(lines) + "\n\n"
