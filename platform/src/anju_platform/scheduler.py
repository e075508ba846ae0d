"""Recurring upkeep. The clock only calls: no timer of the product lives here.

The one place that knows APScheduler, whose default would silently skip a call that is one
second late.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from apscheduler.schedulers.background import (  # noqa: TID251 - APScheduler's one door
    BackgroundScheduler,
)

from anju_platform.database import now

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Something done again and again; it must be harmless when done twice or late."""

    name: str
    every: timedelta
    call: Callable[[], object]


class Scheduler:
    """Calls upkeep: each once at the start, then every so often, never twice at a time.

    ``failed`` is told the name of what failed.
    """

    def __init__(
        self, upkeep: Sequence[Upkeep], failed: Callable[[str], object] = lambda _: None
    ) -> None:
        self._scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        for one in upkeep:
            self._scheduler.add_job(
                _guarded(one, failed),
                "interval",
                seconds=one.every.total_seconds(),
                id=one.name,
                next_run_time=now(),
            )

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._scheduler.start()

    def stop(self) -> None:
        """End, after the present calls."""
        self._scheduler.shutdown()


def _guarded(one: Upkeep, failed: Callable[[str], object]) -> Callable[[], None]:
    def call() -> None:
        try:
            one.call()
        except Exception:
            log.exception("upkeep %s failed; it is called again in %s", one.name, one.every)
            failed(one.name)

    return call
