"""How soon a P1 is with somebody outside when something fails.

``python -m tests.faults.last_metre`` prints median and worst of five runs of each.

A real worker, PostgreSQL with fsync, services on this machine. Seconds from the alert's commit
until a service that works has the message.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from night_desk import Desk
from outer_site import Site, add_people, community_file
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select
from worker_process import WorkerProcess

from anju_platform.alerts.model import Alert
from anju_platform.alerts.telling import tell
from anju_platform.database import connect, transaction
from anju_platform.demo.postgres import EmbeddedPostgres, create_database
from anju_platform.migrate import migrate
from anju_platform.notifications.repository import add
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

RUNS = 5


def provide(url: str) -> Site:
    engine = connect(url)
    with transaction(engine) as session:
        secrets = import_community(session, community_file())
        community_id = session.scalars(select(Community.id)).one()
        add_people(session, community_id)
    site = Site(engine, url, community_id, secrets)
    Desk(site)
    return site


def rings(site: Site) -> float:
    alert_id = site.alert(severity=1)
    with transaction(site.engine) as session:
        add(session, tell(session.get_one(Alert, alert_id), "raised", ("role:guard",)))
    return time.monotonic()


def killed(site: Site, worker: WorkerProcess, bad: Sink, good: Sink) -> float:
    """Kill the worker when both services have the message and have not answered."""
    bad.hangs_s = good.hangs_s = 3
    raised = rings(site)
    good.comes.wait(30)
    bad.comes.wait(30)
    worker.kill()
    bad.hangs_s = good.hangs_s = 0
    worker.start()
    return settled(good, 2) - raised


def failing(break_it: Callable[[Sink], object]) -> Callable[..., float]:
    def run(site: Site, _worker: WorkerProcess, bad: Sink, good: Sink) -> float:
        break_it(bad)
        return settled(good, 1, since=rings(site))

    return run


def settled(good: Sink, count: int, since: float = 0.0) -> float:
    while len(good.received) < count:
        time.sleep(0.01)
    return good.received[count - 1].at - since


CASES: dict[str, Callable[..., float]] = {
    "nothing": failing(lambda _bad: None),
    "a service hangs": failing(lambda bad: setattr(bad, "hangs_s", 30)),
    "a service refuses (500)": failing(lambda bad: setattr(bad, "status", 500)),
    "a service drips": failing(lambda bad: setattr(bad, "drips", True)),
    "a service is away": failing(lambda bad: bad.stop()),
    "worker killed between sending and writing down": killed,
}


def main() -> None:
    numbers = itertools.count()
    with tempfile.TemporaryDirectory(prefix="anju-pg-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "data")
        base = server.start()
        try:
            for name, case in CASES.items():
                seconds = [
                    once(create_database(base, f"run_{next(numbers)}"), Path(folder), case)
                    for _ in range(RUNS)
                ]
                print(
                    f"| {name} | {statistics.median(seconds):.2f} | {max(seconds):.2f} |",
                    flush=True,
                )
        finally:
            server.stop()


def once(url: str, folder: Path, case: Callable[..., float]) -> float:
    migrate(url)
    site = provide(url)
    reached, bad, good = Reached(site), Sink(), Sink()
    reached.voice(bad)
    reached.browser(good)
    reached.phone()
    worker = WorkerProcess(url, folder / "worker.log")
    worker.wait_until_at_work()
    try:
        return case(site, worker, bad, good)
    finally:
        worker.kill()
        good.stop()
        bad.hangs_s, bad.drips = 0, False
        bad.stop()
        site.engine.dispose()


if __name__ == "__main__":
    main()
