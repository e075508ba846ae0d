"""Furnishes the demo while it runs: each piece once, in the background, also after a restart."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from zoneinfo import ZoneInfo

from anju_platform.config import Settings
from anju_platform.database import connect
from anju_platform.demo.furnishing import (
    duty,
    ground_plan,
    homes,
    newcomers,
    outside,
    own_rule,
    work,
)
from anju_platform.demo.furnishing.first_hour import FirstHour
from anju_platform.demo.furnishing.town import Town
from anju_platform.demo.provisioning import own_home
from anju_platform.demo.site import Site

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_TEST_AFTER_S = 75.0
"""By then what the residents did in the days before is stored, and can be tested on."""
_FIRST_HOUR_S = 300.0


class Furnishing:
    """A thread that does what an office does in its first weeks; ``start`` returns at once.

    A piece that fails is logged, and the next one is done: the demo goes on without it.
    """

    def __init__(self, site: Site, environment: Mapping[str, str], town: Town) -> None:
        self._site = site
        self._town = town
        self._settings = Settings.model_validate(
            {
                "database_url": environment["ANJU_DATABASE_URL"],
                "public_url": environment["ANJU_PUBLIC_URL"],
                "inside_hosts": environment["ANJU_INSIDE_HOSTS"],
            }
        )
        self._engine = connect(self._settings.database_url, pool_size=2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="furnishing", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Leave off, and wait until the piece at hand is done."""
        self._stop.set()
        if self._thread.ident is not None:  # what was before it may have failed
            self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        document = self._site.community
        slug, zone = self._site.slug, ZoneInfo(document["community"]["timezone"])
        pieces = (
            partial(duty.arrange, self._engine, slug, zone),
            partial(homes.speak, self._engine, slug, document, own_home(self._site)),
            partial(work.plan, self._engine, slug, zone),
            partial(ground_plan.lay, self._engine, slug, document),
            partial(outside.connect_out, self._engine, self._site, self._town, self._settings),
            partial(own_rule.write, self._engine, slug),
            partial(homes.ask_all, self._engine, slug, document),
            partial(newcomers.put_up, self._engine, slug),
        )
        for piece in pieces:
            if self._stop.is_set():
                return
            _try(piece)
        self._live(slug)

    def _live(self, slug: str) -> None:
        """See to the first alerts, test the rule when there is something to test it on, speak."""
        hour = FirstHour(self._engine, slug)
        test = partial(own_rule.test_again, self._engine, self._settings.database_url, slug)
        begun = time.monotonic()
        test_at, speak_at = _TEST_AFTER_S, 0.0
        while not self._stop.wait(_LOOK_S):
            passed = time.monotonic() - begun
            if passed < _FIRST_HOUR_S:
                _try(hour.look)
            if passed >= test_at:
                test_at = math.inf
                _try(test)
            if passed >= speak_at:
                speak_at += newcomers.EVERY_S
                _try(partial(newcomers.speak, self._site))


def _try(piece: Callable[[], object]) -> None:
    try:
        piece()
    except Exception:
        log.exception("the demo goes on without %s", piece)
