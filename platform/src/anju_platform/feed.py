"""What live screens must redraw, as one stream per screen.

One connection per web process listens; what it hears is fanned out to bounded queues. A
NOTIFY only wakes: the ``feed`` table, read again at least every two seconds, is the truth,
and numbers without gaps let a screen resume where it was. A heartbeat is sent only after
the database answered, so a screen that hears none knows that it is not live.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import psycopg
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from anju_platform.alerts.listing import CHANGES
from anju_platform.alerts.repository import FEED_CHANNEL
from anju_platform.canary.repository import SHOWN
from anju_platform.database import Json, now, reading
from anju_platform.registry.listing import feed_position

log = logging.getLogger(__name__)

HEARTBEAT_S = 2.0
QUEUE = 256
"""Changes a screen may lag behind before it is told to load anew."""

MOST_REPLAYED = 1000
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_MOST_READ = 1000
_ANSWER_S = 10.0
"""A database that says nothing for so long is taken for lost."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to redraw: ``kind`` alert, gateway, device, window, canary; ``ref`` its id or slug.

    ``alert``: the fields of the alert's view, as it was when this was read.
    """

    seq: int
    kind: str
    ref: str
    at: datetime
    alert: Json | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The stream is live and complete up to ``seq``, as of ``at`` (our clock)."""

    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Reset:
    """Changes were missed that cannot be replayed: load everything anew, then go on."""

    seq: int


Item: TypeAlias = Change | Heartbeat | Reset


@dataclass(eq=False, slots=True)
class _Screen:
    """One open stream; ``None`` in its queue ends it."""

    queue: asyncio.Queue[Item | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def put(self, item: Item | None, seq: int) -> None:
        """Queue an item; a screen too slow to take it gets one ``Reset`` for all it missed."""
        try:
            self.queue.put_nowait(item)
        except asyncio.QueueFull:
            while not self.queue.empty():
                self.queue.get_nowait()
            self.queue.put_nowait(None if item is None else Reset(seq))


class Feed:
    """Fans changes out to the live screens of this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = CHANGES.compile(engine)
        self._screens: dict[int, set[_Screen]] = defaultdict(set)
        self._position: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._beaten_at = 0.0

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._run(), name="feed")

    async def stop(self) -> None:
        """End every stream and stop listening; may be called twice."""
        self._closed = True
        for community_id, screens in self._screens.items():
            for screen in screens:
                screen.put(None, self._position.get(community_id, 0))
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def live_screens(self, community_id: int | None = None) -> int:
        """Tell how many screens of this process watch a community, or any."""
        if community_id is None:
            return sum(len(screens) for screens in self._screens.values())
        return len(self._screens.get(community_id, ()))

    @property
    def is_live(self) -> bool:
        """Whether the database answered this process lately."""
        return time.monotonic() - self._beaten_at < 3 * HEARTBEAT_S

    async def changes(self, community_id: int, after_seq: int | None) -> AsyncGenerator[Item, None]:
        """Give all that changed after ``after_seq`` (None: from now on), then what comes.

        Begins with what was missed, or a :class:`Reset` if that cannot be told any more,
        and a heartbeat; ends when the process stops. Holds no database session while it
        waits.
        """
        screen = _Screen()
        self._screens[community_id].add(screen)
        try:
            missed, seq = await run_in_threadpool(self._replay, community_id, after_seq)
            self._position.setdefault(community_id, seq)
            for item in missed:
                yield item
            yield Heartbeat(seq, now())
            while not self._closed:
                item_or_end = await screen.queue.get()
                if item_or_end is None:
                    return
                if isinstance(item_or_end, Change):
                    if item_or_end.seq <= seq:
                        continue
                    seq = item_or_end.seq
                elif isinstance(item_or_end, Reset):
                    seq = max(seq, item_or_end.seq)
                yield item_or_end
        finally:
            self._forget(community_id, screen)

    def _forget(self, community_id: int, screen: _Screen) -> None:
        screens = self._screens[community_id]
        screens.discard(screen)
        if not screens:
            del self._screens[community_id]
            self._position.pop(community_id, None)

    def _replay(self, community_id: int, after: int | None) -> tuple[list[Item], int]:
        with reading(self._engine) as session:
            current = feed_position(session, community_id)
            if after is None:
                return [], current
            wanted = {"community": community_id, "after": after, "limit": MOST_REPLAYED + 1}
            changes = [Change(*row) for row in session.execute(CHANGES, wanted)]
        newest = changes[-1].seq if changes else current
        whole = after <= newest and (changes[0].seq == after + 1 if changes else after == current)
        if whole and len(changes) <= MOST_REPLAYED:
            return list(changes), newest
        newest = max(newest, current)
        return [Reset(newest)], newest

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                async with await self._connect() as connection:
                    failures = 0
                    await self._listen(connection)
            except (psycopg.Error, OSError) as error:
                wait = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
                failures += 1
                log.warning("the feed lost the database, again in %g s: %s", wait, error)
                await asyncio.sleep(wait)

    async def _connect(self) -> psycopg.AsyncConnection:
        url = self._engine.url.set(drivername="postgresql")
        return await psycopg.AsyncConnection.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            connect_timeout=5,
            prepare_threshold=0,
            # Planned once: seven joins are planned in ten times the time they are read in, and
            # of a position the planner learns nothing that would change its mind.
            options="-c timezone=UTC -c plan_cache_mode=force_generic_plan",
            application_name="anju feed",
        )

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(f"LISTEN {FEED_CHANNEL}")
        while True:
            async with asyncio.timeout(_ANSWER_S):
                for community_id in list(self._position):
                    await self._take(connection, community_id)
                if not self._position:
                    await connection.execute("SELECT 1")
            self._beat()
            wait = self._beaten_at + HEARTBEAT_S - time.monotonic()
            async for _ in connection.notifies(timeout=max(wait, 0.01), stop_after=1):
                pass

    async def _take(self, connection: psycopg.AsyncConnection, community_id: int) -> None:
        """Read what is new in one community and queue it at each of its screens."""
        while (position := self._position.get(community_id)) is not None:
            wanted = self._read.construct_params(
                {"community": community_id, "after": position, "limit": _MOST_READ}
            )
            cursor = await connection.execute(str(self._read), wanted)
            rows = await cursor.fetchall()
            for change in itertools.starmap(Change, rows):
                for screen in self._screens.get(community_id, ()):
                    screen.put(change, change.seq)
            if sung := [ref for _, kind, ref, *_ in rows if kind == "canary"]:
                await _note_shown(connection, community_id, sung)
            if rows and community_id in self._position:
                newest = max(self._position[community_id], rows[-1][0])
                self._position[community_id] = newest
            if len(rows) < _MOST_READ:
                return

    def _beat(self) -> None:
        """Tell every screen that it is live, when it is time; the database has just answered."""
        if time.monotonic() - self._beaten_at < HEARTBEAT_S:
            return
        self._beaten_at = time.monotonic()
        for community_id, position in self._position.items():
            for screen in self._screens.get(community_id, ()):
                screen.put(Heartbeat(position, now()), position)


async def _note_shown(
    connection: psycopg.AsyncConnection, community_id: int, gateways: list[str]
) -> None:
    """Write down that screens carry these canaries; a self-test never stops what it tests."""
    try:
        await connection.execute(SHOWN, [community_id, gateways])
    except psycopg.Error as error:
        log.warning("that a canary was shown is not written down: %s", error)
