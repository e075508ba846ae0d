"""What streams say, drawn once for all the screens that show it at the same moment."""

import asyncio
from collections.abc import Callable, Hashable

from starlette.concurrency import run_in_threadpool

from anju_platform.feed import MOST_REPLAYED

_KEPT = 128
_ROWS_KEPT = 2 * MOST_REPLAYED
"""Screens that come back together catch up on the same rows, in two languages."""


class Drawings:
    """The latest drawings of this process; a wall of screens costs as much as one.

    A key must name all that a drawing depends on: whose it is, its state, its language.
    """

    def __init__(self) -> None:
        self._rows: dict[Hashable, str] = {}
        self._tasks: dict[Hashable, asyncio.Task[str]] = {}

    def row(self, key: Hashable, draw: Callable[[], str]) -> str:
        """Give the drawing of that key, at once: ``draw`` asks nobody, and nobody waits for it."""
        drawn = self._rows.get(key)
        if drawn is None:
            drawn = self._rows[key] = draw()
            if len(self._rows) > _ROWS_KEPT:
                del self._rows[next(iter(self._rows))]
        return drawn

    async def get(self, key: Hashable, draw: Callable[[], str]) -> str:
        """Give the drawing of that key; ``draw``, which asks the database, runs in a thread."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(run_in_threadpool(draw))
            task.add_done_callback(lambda done: self._drop_failed(key, done))
            if len(self._tasks) > _KEPT:
                del self._tasks[next(iter(self._tasks))]
        # a screen that leaves must not take the drawing from the others
        return await asyncio.shield(task)

    def _drop_failed(self, key: Hashable, task: asyncio.Task[str]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._tasks.get(key) is task:
            del self._tasks[key]
