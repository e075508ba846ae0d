"""What tests of ingest share: a database to ask, an ingest process, a gateway that is online."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finding_desk import Desk
from ingest_process import IngestProcess, provide_community
from rule_editor import Editor, add_person
from rule_office import Office
from sqlalchemy import Engine, text
from wire_sender import COMMUNITY, GATEWAY, Sender, community_file, until

from anju_platform.database import connect, transaction
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.provision import import_community
from anju_platform.registry import snapshot

Ask = Callable[[str], list[Any]]


@pytest.fixture
def ask(engine: Engine) -> Ask:
    """Run a query; gives its rows, single columns unwrapped."""

    def run(query: str) -> list[Any]:
        with engine.connect() as connection:
            rows = connection.execute(text(query)).all()
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]

    return run


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    """The tiny community, of whose climate-0 a test finds things."""
    provide_community(database)
    engine = connect(database)
    with transaction(engine) as session:
        gateway = snapshot.load(session).gateway(COMMUNITY, GATEWAY)
        assert gateway is not None
        yield Desk(session, gateway.devices["climate-0"])
    engine.dispose()


@pytest.fixture
def ingest(database: str, broker: Mosquitto, tmp_path: Path) -> Iterator[IngestProcess]:
    provide_community(database)
    process = IngestProcess(database, broker.port, tmp_path / "ingest.log")
    yield process
    process.stop()


@pytest.fixture
def sender(broker: Mosquitto, ingest: IngestProcess, ask: Ask) -> Iterator[Sender]:
    """A gateway that is online, with an ingest that listens."""
    del ingest
    sender = Sender(broker.port)
    sender.say(online=True)
    until(lambda: ask("SELECT online FROM gateways") == [True])
    yield sender
    sender.stop()


@pytest.fixture
def editor(database: str, engine: Engine) -> Editor:
    provide_community(database)
    with transaction(engine) as session:
        other = community_file()
        other["community"]["slug"] = "other"
        import_community(session, other)
    return Editor(engine, add_person(engine, "anna", COMMUNITY))


@pytest.fixture
def office(engine: Engine, editor: Editor) -> Office:
    del editor
    return Office(engine)
