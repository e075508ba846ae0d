"""The ledger: whatever is killed, every reading is in the database exactly once."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ingest_process import IngestProcess, provide_community
from sqlalchemy import Engine, text
from wire_sender import Sender, now_ms, until

from anju_devices.messages import Lane, Reading
from anju_platform.demo.mosquitto import Mosquitto

BATCHES = 240
READINGS = 5
FAULTS = 6


def cut_database(engine: Engine) -> None:
    """End every other session of the database, as a failing server would."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def send_all(sender: Sender, fault: Callable[[int], None]) -> tuple[Counter[float], Counter[str]]:
    """Send numbered readings and presses with faults in between; gives what was sent."""
    values: Counter[float] = Counter()
    presses: Counter[str] = Counter()
    for n in range(BATCHES):
        numbers = [n * READINGS + i for i in range(READINGS)]
        values.update(number / 100 for number in numbers)
        at = now_ms()
        sender.put(
            Lane.TELEMETRY,
            *(
                Reading(device=f"climate-{i}", at=at, values={"temperature": number / 100})
                for i, number in enumerate(numbers)
            ),
        )
        if n % 10 == 0:
            presses[f"press-{n}"] += 1
            sender.put(Lane.EVENTS, Reading(device="sos", at=at, event="pressed", id=f"press-{n}"))
        if n % (BATCHES // FAULTS) == BATCHES // FAULTS - 1:
            fault(n)
        time.sleep(0.01)
    sender.wait(120)
    return values, presses


def assert_ledger(engine: Engine, values: Counter[float], presses: Counter[str]) -> None:
    with engine.connect() as connection:
        stored = Counter(connection.scalars(text("SELECT value FROM telemetry")).all())
        query = text("SELECT event_id FROM device_events WHERE event = 'pressed'")
        events = Counter(connection.scalars(query).all())
        query = text(
            "SELECT count(*) FROM alerts WHERE device_id = (SELECT id FROM devices"
            " WHERE slug = 'sos') AND severity = 1"
        )
        alerts = connection.scalar(query)
        quarantined = connection.scalar(text("SELECT count(*) FROM quarantine"))
    assert stored == values
    assert events == presses
    assert alerts == 1
    assert quarantined == 0


@pytest.fixture
def ingest(database: str, broker: Mosquitto, tmp_path: Path) -> Iterator[IngestProcess]:
    provide_community(database, climates=READINGS)
    process = IngestProcess(database, broker.port, tmp_path / "ingest.log")
    yield process
    process.stop()


@pytest.fixture
def sender(broker: Mosquitto, ingest: IngestProcess) -> Iterator[Sender]:
    del ingest
    sender = Sender(broker.port)
    sender.say(online=True)
    yield sender
    sender.stop()


def test_killing_ingest_in_mid_stream_loses_and_doubles_nothing(
    engine: Engine, ingest: IngestProcess, sender: Sender
) -> None:
    pauses_s = itertools.cycle((1.6, 0.9, 1.9, 1.2))  # around what it takes to be at work again

    def kill(_: int) -> None:
        time.sleep(next(pauses_s))
        ingest.kill()
        ingest.start()

    values, presses = send_all(sender, kill)
    assert_ledger(engine, values, presses)


def test_killing_the_broker_in_mid_stream_loses_and_doubles_nothing(
    engine: Engine, broker: Mosquitto, sender: Sender
) -> None:
    def kill(_: int) -> None:
        time.sleep(0.5)
        broker.kill()
        broker.start()

    values, presses = send_all(sender, kill)
    assert_ledger(engine, values, presses)


def test_losing_the_database_in_mid_stream_loses_and_doubles_nothing(
    engine: Engine, ingest: IngestProcess, sender: Sender
) -> None:
    def cut(_: int) -> None:
        time.sleep(0.5)
        cut_database(engine)

    until(lambda: "ingest is at work" in ingest.said())  # there is something to cut
    values, presses = send_all(sender, cut)
    assert_ledger(engine, values, presses)
    assert "the database is away" in ingest.said()


def test_killing_everything_in_turn_loses_and_doubles_nothing(
    engine: Engine, broker: Mosquitto, ingest: IngestProcess, sender: Sender
) -> None:
    def fault(n: int) -> None:
        time.sleep(0.6)
        match (n // (BATCHES // FAULTS)) % 3:
            case 0:
                ingest.kill()
                ingest.start()
            case 1:
                broker.kill()
                broker.start()
            case _:
                cut_database(engine)

    values, presses = send_all(sender, fault)
    assert_ledger(engine, values, presses)
