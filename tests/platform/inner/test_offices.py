"""Several ingest processes: each community has one writer, whoever comes, dies or stands still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_process import IngestProcess
from sqlalchemy import Engine, text
from wire_sender import Sender, community_file, now_ms, until

from anju_devices.messages import Lane, Reading
from anju_platform.database import transaction
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.offices import repository
from anju_platform.offices.office import Office
from anju_platform.offices.partitions import share
from anju_platform.offices.rollcall import SILENT_ROUNDS, RollCall
from anju_platform.provision import import_community
from anju_platform.registry.partitions import ALL, PARTITIONS, partition_of

COMMUNITIES = 6
PATIENCE_S = 90
SEATS = st.sets(st.integers(1, 40), min_size=1, max_size=8)


@settings(deadline=None)
@given(SEATS)
def test_every_partition_falls_to_just_one_seat(seats: set[int]) -> None:
    shares = [share(seat, seats) for seat in seats]
    assert Counter(one for each in shares for one in each) == Counter(ALL)


@settings(deadline=None)
@given(SEATS, st.integers(41, 50))
def test_who_comes_takes_from_others_and_moves_nothing_among_them(
    seats: set[int], newcomer: int
) -> None:
    taken = share(newcomer, {*seats, newcomer})
    for seat in seats:
        assert share(seat, {*seats, newcomer}) == share(seat, seats) - taken


def test_shares_are_of_like_size() -> None:
    for number in (2, 3, 4):
        sizes = [len(share(seat, range(1, number + 1))) for seat in range(1, number + 1)]
        assert min(sizes) > PARTITIONS / number / 2, sizes


@pytest.fixture
def offices(engine: Engine) -> Iterator[tuple[Office, Office]]:
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            connection.detach()
        yield Office(first), Office(second)


def test_a_seat_and_its_partitions_are_held_once(offices: tuple[Office, Office]) -> None:
    first, second = offices
    assert (first.seat, second.seat) == (1, 2)
    assert first.adjust({1})
    assert first.owned == ALL
    assert not second.adjust({1, 2})  # nothing is free
    assert not second.owned
    assert first.adjust({1, 2})
    assert second.adjust({1, 2})
    assert first.owned | second.owned == ALL
    assert not first.owned & second.owned
    assert first.suits({1, 2})


def test_who_says_nothing_new_for_some_rounds_loses_his_session(
    engine: Engine, offices: tuple[Office, Office]
) -> None:
    first, second = offices
    second.adjust({2})
    quick, slow = RollCall(engine, first.seat), RollCall(engine, second.seat)
    for _ in range(2 * SILENT_ROUNDS):  # as long as each says its word, nobody goes
        slow.call()
        quick.call()
    assert quick.seats == {1, 2}
    for _ in range(SILENT_ROUNDS - 1):
        quick.call()
    assert not first.adjust({1})
    quick.call()
    until(lambda: first.adjust({1}))
    assert first.owned == ALL
    quick.call()
    assert quick.seats == {1}


def test_who_cannot_write_takes_nobody_for_dead(
    engine: Engine, offices: tuple[Office, Office]
) -> None:
    first, _ = offices
    roll = RollCall(engine, first.seat)
    roll.call()
    with engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE heartbeats ADD CONSTRAINT full_disk CHECK (false) NOT VALID")
        )
    for _ in range(2 * SILENT_ROUNDS):
        with pytest.raises(Exception, match="full_disk"):
            roll.call()
    with transaction(engine) as session:
        assert set(repository.seats_taken(session)) == {1, 2}


# -- real processes ------------------------------------------------------------------------


def named(number: int) -> str:
    return f"garden-{number}"


@pytest.fixture
def gardens(engine: Engine) -> dict[str, int]:
    """Several communities with the same devices; gives their partitions."""
    with transaction(engine) as session:
        for number in range(COMMUNITIES):
            given = community_file(1)
            given["community"]["slug"] = named(number)
            import_community(session, given)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT slug, id FROM communities")).all()
    return {slug: partition_of(number) for slug, number in rows}


@pytest.fixture
def senders(broker: Mosquitto, gardens: dict[str, int]) -> Iterator[dict[str, Sender]]:
    senders = {slug: Sender(broker.port, community=slug) for slug in gardens}
    for sender in senders.values():
        sender.say(online=True)
    yield senders
    for sender in senders.values():
        sender.stop()


class Stream:
    """Numbered readings and presses of every community, and what must come of them."""

    def __init__(self, senders: dict[str, Sender]) -> None:
        self._senders = senders
        self.number = 0

    def send(self) -> None:
        for _ in range(10):
            self.number += 1
            for slug, sender in self._senders.items():
                at, value = now_ms(), self.number / 100
                reading = Reading(device="climate-0", at=at, values={"temperature": value})
                sender.put(Lane.TELEMETRY, reading)
                press = Reading(device="sos", at=at, event="pressed", id=f"{slug}-{self.number}")
                sender.put(Lane.EVENTS, press)

    def settle(self) -> None:
        for sender in self._senders.values():
            sender.wait(30)

    def check(self, engine: Engine) -> None:
        """Each reading once, each press once and in its order."""
        with engine.connect() as connection:
            values = connection.scalars(text(VALUES)).all()
            presses = [tuple(row) for row in connection.execute(text(PRESSES))]
        numbers = range(1, self.number + 1)
        assert values == [[number / 100 for number in numbers]] * COMMUNITIES
        # in the order of their rows
        assert {slug: [id_ for of, id_ in presses if of == slug] for slug in self._senders} == {
            slug: [f"{slug}-{number}" for number in numbers] for slug in self._senders
        }


VALUES = "SELECT array_agg(value ORDER BY value) FROM telemetry GROUP BY community_id"
PRESSES = """
    SELECT c.slug, event_id FROM device_events JOIN communities c ON c.id = community_id
    WHERE event = 'pressed' ORDER BY device_events.id
"""
HELD = """
    SELECT objid::bigint, pid FROM pg_locks
    WHERE locktype = 'advisory' AND classid = x'616E6A77'::int AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def owners(engine: Engine, gardens: dict[str, int]) -> dict[str, int]:
    """Give the database session that owns each community's partition."""
    with engine.connect() as connection:
        held = {row[0]: row[1] for row in connection.execute(text(HELD))}
    return {slug: held[part] for slug, part in gardens.items() if part in held}


def shared_by(engine: Engine, gardens: dict[str, int], number: int) -> bool:
    held = owners(engine, gardens)
    return len(held) == len(gardens) and len(set(held.values())) == number


@pytest.fixture
def pair(
    database: str, broker: Mosquitto, gardens: dict[str, int], tmp_path: Path
) -> Iterator[tuple[IngestProcess, IngestProcess]]:
    del gardens
    processes = [
        IngestProcess(database, broker.port, tmp_path / f"{name}.log")
        for name in ("first", "second")
    ]
    yield processes[0], processes[1]
    for process in processes:
        process.stop()


@pytest.mark.parametrize("fault", ["kill", "freeze", "stop"])
def test_communities_move_without_loss_doubles_or_disorder(
    fault: str,
    engine: Engine,
    gardens: dict[str, int],
    senders: dict[str, Sender],
    pair: tuple[IngestProcess, IngestProcess],
) -> None:
    stream, second = Stream(senders), pair[1]
    stream.send()
    until(lambda: shared_by(engine, gardens, 2), PATIENCE_S)
    stream.send()
    stream.settle()
    getattr(second, fault)()
    stream.send()
    until(lambda: shared_by(engine, gardens, 1), PATIENCE_S)
    stream.settle()
    if fault == "freeze":
        second.thaw()
        until(lambda: "the database is away" in second.said())
    else:
        second.start()
    until(lambda: shared_by(engine, gardens, 2), PATIENCE_S)
    stream.send()
    stream.settle()
    stream.check(engine)
