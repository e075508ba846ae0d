"""A real worker, killed while another system has its message: it comes again, as the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from outer_site import Site, add_people, community_file
from reached_site import until
from sinks import Sink
from sqlalchemy import select
from worker_process import WorkerProcess

from anju_platform.auth.model import Role
from anju_platform.database import connect, transaction
from anju_platform.notifications.outside.carriers.hosts import Hosts
from anju_platform.provision import import_community
from anju_platform.registry.model import Community
from anju_platform.webhooks import service
from anju_platform.webhooks.schemas import WebhookBody

PATIENCE_S = 60.0


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    engine = connect(database)
    with transaction(engine) as session:
        secrets = import_community(session, community_file())
        community_id = session.scalars(select(Community.id)).one()
        add_people(session, community_id)
    yield Site(engine, database, community_id, secrets)
    engine.dispose()


def test_nothing_is_lost_when_the_worker_is_killed(site: Site, tmp_path: Path) -> None:
    sink = Sink()
    with transaction(site.engine) as session:
        body = WebhookBody(name="城市平台", url=f"{sink.url}/city", least=4)
        service.add(session, site.actor(Role.ADMIN), Hosts(["127.0.0.1"]), "city", body)
    sink.hangs_s = 30
    alerts = {str(site.alert("gate-south")) for _ in range(5)}  # before there is any worker
    worker = WorkerProcess(site.url, tmp_path / "log")
    try:
        until(sink.comes.is_set, PATIENCE_S)
        worker.kill()  # the message is there, and nobody has written that down
        sink.hangs_s = 0
        held = {one.headers["webhook-id"] for one in sink.received}
        alerts.add(str(site.alert("gate-south")))
        worker.start()

        def heard() -> set[str]:
            return {one.json()["data"]["alert"]["id"] for one in sink.received}

        def again() -> list[str]:
            return [one.headers["webhook-id"] for one in sink.received]

        until(lambda: heard() == alerts and all(again().count(one) == 2 for one in held), 90)
        assert {again().count(one) for one in set(again()) - held} == {1}
    finally:
        worker.stop()
        sink.stop()
