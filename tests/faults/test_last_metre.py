"""The last metre, with a real worker: killed between sending and writing down, services that hang,
refuse, drip or are away. A P1 is with somebody, and nobody gets more than one duplicate.

How soon is measured: ``python -m tests.faults.last_metre`` (docs/reliability.md).
"""

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
from anju_platform.notifications.model import Kind
from anju_platform.notifications.repository import add
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

PATIENCE_S = 60.0
"""Here it is asked whether; these machines are too busy to ask how soon."""


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
        one.hangs_s, one.drips = 0, False
        one.stop()


@pytest.fixture
def worker(site: Site, tmp_path: Path) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(site.url, tmp_path / "worker.log")
    worker.wait_until_at_work()
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
    rings(site)
    assert telephone.comes.wait(PATIENCE_S)
    assert push.comes.wait(PATIENCE_S)
    worker.kill()
    telephone.hangs_s = push.hangs_s = 0
    worker.start()
    settled(reached, "push", "voice", within_s=PATIENCE_S)
    assert len(telephone.received) == len(push.received) == 2
    assert telephone.received[0].json()["id"] == telephone.received[1].json()["id"]
    time.sleep(3)
    assert len(telephone.received) == len(push.received) == 2


def test_a_worker_killed_at_any_moment_again_and_again(
    site: Site, worker: WorkerProcess, services: Callable[[], Sink]
) -> None:
    reached = Reached(site)
    letters, telephone = services(), services()
    reached.channel("sms", Kind.SMS, f"{letters.url}/sms")
    reached.voice(telephone)
    reached.phone()
    letters.hangs_s = telephone.hangs_s = 0.1
    for n in range(12):
        rings(site)
        if n % 4 == 3:
            worker.kill()
            worker.start()
    deadline = time.monotonic() + PATIENCE_S
    while (states := [state for _, state in reached.states()]) != ["accepted"] * 24:
        assert time.monotonic() < deadline, states
        time.sleep(0.1)
    said: dict[Any, int] = {}
    for one in (*telephone.received, *letters.received):
        said[one.json()["id"]] = said.get(one.json()["id"], 0) + 1
    assert len(said) == 24
    assert max(said.values()) <= 2


@pytest.mark.parametrize("broken", ["hangs", "refuses", "drips", "is away"])
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
    elif broken == "drips":
        bad.drips = True
    else:
        bad.stop()
    rings(site)
    settled(reached, "push", within_s=PATIENCE_S)
    assert len(good.received) == 1
    time.sleep(15)
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
    settled(reached, "push", "voice", within_s=PATIENCE_S)
    assert push.received[0].at - raised > 9.5
    assert telephone.received[0].at - raised > 19.5


def test_what_is_told_together_survives_a_kill_and_none_of_it_is_lost(
    site: Site, worker: WorkerProcess, services: Callable[[], Sink]
) -> None:
    reached = Reached(site)
    telephone = services()
    reached.voice(telephone)
    reached.phone()
    telephone.hangs_s = 3  # so it is sent, and not written down
    alerts = [rings(site, severity=3)[0] for _ in range(3)]
    assert telephone.comes.wait(PATIENCE_S)
    worker.kill()
    telephone.hangs_s = 0
    alerts.append(rings(site, severity=3)[0])
    worker.start()
    deadline = time.monotonic() + 2 * PATIENCE_S
    while [one.state for one in reached.deliveries() if one.alert_id in alerts] != ["accepted"] * 4:
        assert time.monotonic() < deadline, reached.states()
        time.sleep(0.2)
    # what the platform says of itself while its worker is dead is another matter
    first, again, last = [one for one in said_of(telephone) if one["severity"] == 3]
    assert first["id"] == again["id"] != last["id"]
    assert first["say"] == again["say"]
    assert "3 条告警" in first["say"]
    assert "条告警" not in last["say"]


def said_of(telephone: Sink) -> list[dict[str, Any]]:
    return [one.json() for one in telephone.received]
