"""The stream that keeps pages live: rows drawn by the templates of the first load."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from anju_dashboards.clock import Clock
from anju_dashboards.drawings import Drawings
from anju_dashboards.pages import Page, current_page
from anju_platform.alerts import service
from anju_platform.alerts.schemas import AlertView
from anju_platform.alerts.windows.service import going_on
from anju_platform.api import event_text, live_items, resume_point
from anju_platform.auth.dependencies import current_actor
from anju_platform.auth.rights import Right
from anju_platform.database import now, reading, to_millis
from anju_platform.duty.handing_over import open_now
from anju_platform.errors import NotAuthenticatedError
from anju_platform.feed import Change, Heartbeat, Item, Reset
from anju_platform.registry.listing import device_counts

router = APIRouter(include_in_schema=False)
log = logging.getLogger(__name__)

RETRY_MS = 1000

_COUNTS_EVERY_S = 0.5
"""In a burst the numbers on top follow this often; rows always go out at once."""

_COUNTS_AT_LEAST_S = 10.0


@router.get("/stream")
async def stream(
    request: Request,
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Send what changes after ``after``, or after the last event the browser saw.

    Events: ``alert`` (a row), ``counts`` (the numbers on top), ``windows`` (the work and drills
    that go on), ``handover`` (the change of shift that waits for this person, or with them),
    ``device`` (a slug to look at again), ``heartbeat`` (our epoch milliseconds),
    ``reset`` (load everything anew), and ``signed-out``, because a refusal would only make the
    browser ask for ever.
    """
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    media_type = "text/event-stream"
    try:
        actor = await current_actor(request)
    except NotAuthenticatedError:
        told = event_text("signed-out", "", None)
        return Response(told, media_type=media_type, headers=headers)
    actor.demand(Right.WATCH)
    page = await run_in_threadpool(current_page, request, actor)
    lines = Lines(page, request.app.state.drawings)
    items = live_items(request, actor, resume_point(after, last_event_id))
    return StreamingResponse(lines.events(items), media_type=media_type, headers=headers)


class Lines:
    """What one page's stream says; holds no database session while it waits."""

    def __init__(self, page: Page, drawings: Drawings) -> None:
        self._page = page
        self._drawings = drawings
        self._whose = page.community.id, page.language.code
        self._seq = page.seq
        self._counted_at = float("-inf")
        self._stale = True

    async def events(self, items: AsyncGenerator[Item, None]) -> AsyncIterator[str]:
        """Give the stream's events as the browser reads them, until the log-in is over."""
        yield f"retry: {RETRY_MS}\n\n"
        async with aclosing(items):
            async for item in items:
                match item:
                    case Change():
                        self._stale, self._seq = True, item.seq
                        yield self._row(item)
                        await asyncio.sleep(0)  # whoever catches up must not keep others waiting
                    case Heartbeat(seq, at):
                        yield event_text("heartbeat", str(to_millis(at)), seq)
                    case Reset(seq):
                        yield event_text("reset", "", seq)
                if self._counts_due(busy=isinstance(item, Change)):
                    yield await self._numbers()

    def _row(self, change: Change) -> str:
        """Draw a change, once for all the screens that show it."""
        return self._drawings.row((*self._whose, change.seq), lambda: self._changed(change))

    async def _numbers(self) -> str:
        self._stale = False
        self._counted_at = time.monotonic()
        period = self._counted_at // _COUNTS_EVERY_S
        drawn = await self._drawings.get((*self._whose, self._seq, period), self._counts)
        return drawn + await self._hand_over()

    async def _hand_over(self) -> str:
        """Say which change of shift is open for whoever looks; who is on duty takes a while."""
        period = self._counted_at // _COUNTS_AT_LEAST_S
        key = (*self._whose, "hand-over", period)
        try:
            drawn = json.loads(await self._drawings.get(key, self._hand_overs))
        except SQLAlchemyError as error:  # a line of words must not end what alarms come by
            log.warning("no hand-over is shown: %s", error)
            return ""
        # an event that says nothing at all would not be heard
        return event_text("handover", drawn.get(str(self._page.actor.user_id), "\n"), None)

    def _changed(self, change: Change) -> str:
        if change.kind in {"window", "canary"}:
            return event_text(change.kind, change.ref, change.seq)
        if change.alert is None:
            return event_text("device", change.ref, change.seq)
        drawn = self._draw("wall/alert_row.html", alert=AlertView(**change.alert))
        return event_text("alert", drawn, change.seq)

    def _counts(self) -> str:
        """Draw what all screens show."""
        page = self._page
        with reading(page.engine) as session:
            counts = service.counts(session, page.community.id)
            devices = device_counts(session, page.community.id)
            windows = going_on(session, page.community.id)
        numbers = self._draw("wall/counts.html", counts=counts, devices=devices)
        band = self._draw("wall/windows.html", going_on=windows)
        return event_text("counts", numbers, None) + event_text("windows", band, None)

    def _hand_overs(self) -> str:
        """Draw the open changes of shift for each whom they concern, by their id."""
        with reading(self._page.engine) as session:
            found = open_now(session, self._page.community.id, now())
        people = frozenset().union(*(one.concerns for one in found))
        drawn = {
            each: self._draw(
                "wall/handover.html",
                hand_overs=[one for one in found if each in one.concerns],
                actor_id=each,
            )
            for each in people
        }
        return json.dumps(drawn)

    def _counts_due(self, *, busy: bool) -> bool:
        age = time.monotonic() - self._counted_at
        if busy:
            return age >= _COUNTS_EVERY_S
        return self._stale or age >= _COUNTS_AT_LEAST_S

    def _draw(self, template: str, **context: Any) -> str:
        page = self._page
        clock = Clock(page.clock.zone, now())
        return page.renderer.render(template, page.language, clock, **context)
