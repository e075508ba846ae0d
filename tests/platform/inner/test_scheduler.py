from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import text

from anju_platform.config import Settings
from anju_platform.database import connect
from anju_platform.scheduler import Scheduler, Upkeep
from anju_platform.worker import upkeep


def test_upkeep_is_called_at_once_and_again_even_after_it_failed() -> None:
    calls = []
    enough = threading.Event()

    def fail() -> None:
        calls.append(1)
        if len(calls) == 3:
            enough.set()
        raise RuntimeError("not this time")

    scheduler = Scheduler([Upkeep("failing", timedelta(seconds=0.05), fail)])
    scheduler.start()
    try:
        assert enough.wait(10)
    finally:
        scheduler.stop()


def test_every_upkeep_runs_on_an_empty_database(database: str) -> None:
    engine = connect(database)
    try:
        for one in upkeep(engine, Settings(database_url=database)):
            one.call()
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM feed")) == 0
    finally:
        engine.dispose()
