"""What receives, or what tells people, is gone: the wall says so, and when it is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from ingest_process import IngestProcess, provide_community
from outer_site import PASSWORD, add_people
from sqlalchemy import select
from wire_sender import until

from anju_platform.database import connect, transaction
from anju_platform.demo.mosquitto import Mosquitto, free_port
from anju_platform.registry.model import Community

PATIENCE_S = 120.0
"""A busy machine may take long to start a process."""

Start = Callable[..., subprocess.Popen[bytes]]
CHILD = (
    "import sys, logging; logging.basicConfig(level='INFO');"
    "from anju_platform.cli import main; sys.argv[0] = 'anju'; main()"
)


@pytest.fixture
def start(database: str, broker: Mosquitto, tmp_path: Path) -> Iterator[Start]:
    """Starts processes of the platform; what still runs at the end is stopped."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*command: str, **settings: str) -> subprocess.Popen[bytes]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ANJU_")}
        own = {"ANJU_DATABASE_URL": database, "ANJU_BROKER_PORT": str(broker.port)}
        with (tmp_path / f"{command[0]}.log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    [sys.executable, "-c", CHILD, *command],
                    env=kept | own | settings,
                    stderr=log,
                    stdout=log,
                )
            )
        return running[-1]

    yield begin
    for process in running:
        if process.poll() is None:
            process.terminate()
    for process in running:
        process.wait(30)


@pytest.fixture
def ingest(database: str, broker: Mosquitto, tmp_path: Path) -> Iterator[IngestProcess]:
    """An ingest that takes a community with people in."""
    provide_community(database)
    engine = connect(database)
    with transaction(engine) as session:
        add_people(session, session.scalars(select(Community.id)).one())
    engine.dispose()
    process = IngestProcess(database, broker.port, tmp_path / "ingest.log")
    until(lambda: "ingest is at work" in process.said(), PATIENCE_S)
    yield process
    process.stop()


@pytest.fixture
def worker(ingest: IngestProcess, start: Start, tmp_path: Path) -> subprocess.Popen[bytes]:
    del ingest
    process = start("worker")
    until(lambda: "the worker is at work" in (tmp_path / "worker.log").read_text(), PATIENCE_S)
    return process


@pytest.fixture
def client(worker: subprocess.Popen[bytes], start: Start) -> Iterator[httpx.Client]:
    """A guard before the screens of a real web process; all else is at work already."""
    del worker
    port = free_port()
    start("web", ANJU_WEB_PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=20) as client:
        until(lambda: answers(client), PATIENCE_S)
        said = {"username": "guard", "password": PASSWORD}
        assert client.post("/api/v1/session", json=said).status_code == 204
        yield client


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def alerts(client: httpx.Client, rule: str) -> list[dict[str, Any]]:
    rows = client.get("/api/v1/alerts").json()
    return [row for row in rows if row["rule_id"] == rule]


def checks(client: httpx.Client) -> dict[str, str]:
    found: dict[str, str] = client.get("/readyz").json()["checks"]
    return found


def condition(client: httpx.Client, rule: str) -> str:
    return "".join(row["condition"] for row in alerts(client, rule))


def break_ingest(how: str, ingest: IngestProcess, broker: Mosquitto) -> Callable[[], None]:
    """Break what receives; gives what mends it."""
    match how:
        case "killed":
            ingest.kill()
            return ingest.start
        case "frozen":
            ingest.freeze()
            return ingest.thaw
        case _:
            broker.kill()
            return broker.start


@pytest.mark.parametrize("how", ["killed", "frozen", "without a broker"])
def test_that_nothing_is_received_is_on_the_wall_until_it_is_again(
    client: httpx.Client, ingest: IngestProcess, broker: Mosquitto, how: str
) -> None:
    until(lambda: "anju_ingest_unheard_seconds" in client.get("/metrics").text, PATIENCE_S)
    until(lambda: checks(client)["ingest"] == checks(client)["worker"] == "ok", PATIENCE_S)
    # a machine that is too busy to start a process in time was told of it, rightly
    until(lambda: condition(client, "platform-ingest-down") in {"", "clear"}, PATIENCE_S)
    mend = break_ingest(how, ingest, broker)
    until(lambda: condition(client, "platform-ingest-down") == "active", PATIENCE_S)
    seen = "ok" if how == "without a broker" else "silent"
    until(lambda: checks(client)["ingest"] == seen, PATIENCE_S)
    wall = client.get("/wall").text
    assert "平台接收中断" in wall
    assert "整个小区" in wall
    told = until(lambda: told_of(client, "platform-ingest-down"), PATIENCE_S)
    assert {row["recipient"] for row in told} == {"role:guard", "role:property", "role:admin"}
    mend()
    until(lambda: condition(client, "platform-ingest-down") == "clear", PATIENCE_S)
    assert len(alerts(client, "platform-ingest-down")) == 1
    until(lambda: condition(client, "platform-worker-down") in {"", "clear"}, PATIENCE_S)


def told_of(client: httpx.Client, rule: str) -> list[dict[str, Any]]:
    """Give the messages of an alert once a channel has taken all of them."""
    (alert,) = alerts(client, rule)
    sent: list[dict[str, Any]] = client.get(f"/api/v1/alerts/{alert['id']}").json()["deliveries"]
    return sent if sent and all(row["accepted_at"] for row in sent) else []


def test_a_worker_that_was_killed_is_told_by_the_screens(
    client: httpx.Client, worker: subprocess.Popen[bytes], start: Start
) -> None:
    until(lambda: checks(client)["worker"] == "ok", PATIENCE_S)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    until(lambda: condition(client, "platform-worker-down") == "active", PATIENCE_S)
    assert "平台通知中断" in client.get("/wall").text
    assert client.get("/readyz").status_code == 200  # the screens themselves are well
    start("worker")
    until(lambda: condition(client, "platform-worker-down") == "clear", PATIENCE_S)
    until(lambda: condition(client, "platform-ingest-down") in {"", "clear"}, PATIENCE_S)
