"""The last metre, with a real worker: killed between sending and writing down, services that hang
or say 200 and drop. A P1 is with somebody in 15 s, and nobody gets more than one duplicate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from night_desk import Desk
from outer_site import Site, add_people, community_file
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select
from worker_process import WorkerProcess

from anju_platform.alerts.model import Alert
from anju_platform.alerts.telling import tell
from anju_platform.database import connect, transaction
from anju_platform.notifications.repository import add
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

PROMISED_S = 15.0


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    engine = connect(database)
    with transaction(engine) as session:
        secrets = import_community(session, community_file())
        community_id = session.scalars(select(Community.id)).one()
        add_people(session, community_id)
    site = Site(engine, database, community_id, secrets)
    Desk(site)  # somebody looks at a wall all night
    yield site
    engine.dispose()


@pytest.fixture
def services() -> Iterator[Callable[[], Sink]]:
    made: list[Sink] = []

    def make() -> Sink:
        made.append(Sink())
        return made[-1]

    yield make
    for one in made:
        one.hangs_s = 0
        one.stop()


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(site.url, tmp_path / "worker.log")
    time.sleep(2)  # it is at work when something happens
    yield worker
    worker.stop()


def rings(site: Site, severity: int = 1) -> tuple[UUID, float]:
    """Raise an alert as ingest does; gives it and when."""
    alert_id = site.alert(severity=severity)
    with transaction(site.engine) as session:
        add(session, tell(session.get_one(Alert, alert_id), "raised", ("role:guard",)))
    return alert_id, time.monotonic()


def settled(reached: Reached, *wanted: str, within_s: float) -> None:
    """Wait until a message on each of these channels is accepted."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if {(slug, "accepted") for slug in wanted} <= set(reached.states()):
            return
        time.sleep(0.05)
    raise AssertionError(f"after {within_s} s: {reached.states()}")


def test_a_worker_killed_between_sending_and_writing_down(
    site: Site, worker: WorkerProcess, services: Callable[[], Sink]
) -> None:
    reached = Reached(site)
    telephone, push = services(), services()
    reached.voice(telephone)
    reached.browser(push)
    reached.phone()
    telephone.hangs_s = push.hangs_s = 3  # so both are sent, and neither is written down
    _, raised = rings(site)
    assert telephone.comes.wait(10)
    assert push.comes.wait(10)
    worker.kill()
    telephone.hangs_s = push.hangs_s = 0
    worker.start()
    settled(reached, "push", "voice", within_s=PROMISED_S - (time.monotonic() - raised))
    assert len(telephone.received) == len(push.received) == 2
    assert telephone.received[0].json()["id"] == telephone.received[1].json()["id"]
    time.sleep(3)
    assert len(telephone.received) == len(push.received) == 2


def test_a_worker_killed_at_any_moment_again_and_again(
    site: Site, worker: WorkerProcess, services: Callable[[], Sink]
) -> None:
    reached = Reached(site)
    robot, telephone = services(), services()
    reached.robot(robot)
    reached.voice(telephone)
    reached.phone()
    robot.hangs_s = telephone.hangs_s = 0.1
    for n in range(12):
        rings(site)
        if n % 4 == 3:
            worker.kill()
            worker.start()
    deadline = time.monotonic() + 40
    while any(state != "accepted" for _, state in reached.states()) or len(reached.states()) < 24:
        assert time.monotonic() < deadline, reached.states()
        time.sleep(0.1)
    said: dict[Any, int] = {}
    for one in telephone.received:
        said[one.json()["id"]] = said.get(one.json()["id"], 0) + 1
    assert len(said) == 12
    assert max(said.values()) <= 2


@pytest.mark.parametrize("broken", ["hangs", "refuses", "drops", "is away"])
def test_a_p1_is_with_somebody_although_a_service_fails(
    site: Site, worker: WorkerProcess, services: Callable[[], Sink], broken: str
) -> None:
    del worker
    reached = Reached(site)
    bad, good = services(), services()
    reached.voice(bad)
    reached.browser(good)
    reached.phone()
    if broken == "hangs":
        bad.hangs_s = 30
    elif broken == "refuses":
        bad.status = 500
    elif broken == "drops":
        bad.status = 200
    else:
        bad.stop()
    _, raised = rings(site)
    settled(reached, "push", within_s=PROMISED_S)
    assert time.monotonic() - raised < PROMISED_S
    assert len(good.received) == 1
    time.sleep(PROMISED_S - (time.monotonic() - raised))
    assert len(bad.to("/voice")) <= (8 if broken == "refuses" else 2)


def test_a_p2_that_was_dropped_goes_the_next_way(
    site: Site, worker: WorkerProcess, services: Callable[[], Sink]
) -> None:
    del worker
    reached = Reached(site)
    telephone, push = services(), services()
    reached.voice(telephone)
    reached.browser(push)
    reached.phone()
    push.status = 200  # and nobody's browser ever says that it was delivered
    _, raised = rings(site, severity=2)
    settled(reached, "push", "voice", within_s=25)
    assert 9.5 < push.received[0].at - raised < 13
    assert 19.5 < telephone.received[0].at - raised < 23
