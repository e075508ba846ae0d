"""The state log: rows of devices may be behind, what a new process knows never is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_process import IngestProcess, provide_community
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from wire_sender import COMMUNITY, GATEWAY, Sender, community_file, now_ms, until

from anju_devices.messages import Lane, Reading, Value
from anju_platform.database import transaction
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.migrate import _config
from anju_platform.provision import import_community
from anju_platform.registry import snapshot
from anju_platform.registry.snapshot import KnownDevice
from anju_platform.telemetry import repository
from anju_platform.telemetry.statelog import AT_ONCE
from anju_platform.telemetry.writing import Latest, Taken
from anju_platform.walk import Walk

Ask = Callable[[str], list[Any]]

AT = 1_767_225_600_000
DEVICES = 6
MANY = 600
"""More devices than a transaction writes rows of."""
LOGGED = "SELECT partition, number FROM device_state_log ORDER BY number, partition"
STATES = """
    SELECT device_id, round(extract(epoch FROM last_seen_at) * 1000)::bigint, latest
    FROM device_states
"""
HEARD = "SELECT count(*) FROM device_states WHERE latest <> '{}'"
TEN_AT_ONCE = """
from anju_platform.telemetry.writing import Latest
Latest.load.__kwdefaults__["at_once"] = 10
"""

Known = dict[int, tuple[int, dict[str, list[Value]]]]
"""What each device last said, by id: when we heard of it, and value and time by field."""


class Plain:
    """What devices last said, worked out reading by reading: what is to be known."""

    def __init__(self) -> None:
        self.known: Known = {}

    def observe(self, one: Taken) -> None:
        seen, fields = self.known.get(one.device.id, (0, {}))
        fields = dict(fields)
        for name, value in one.reading.values.items():
            if name not in fields or one.at >= fields[name][1]:  # type: ignore[operator]
                fields[name] = [value, one.at]
        self.known[one.device.id] = (max(seen, one.received_at), fields)

    def copy(self) -> Plain:
        other = Plain()
        other.known = dict(self.known)
        return other


def devices_of(session: Session, community: str = COMMUNITY) -> list[KnownDevice]:
    """Give the climate sensors of a community."""
    gateway = snapshot.load(session).gateway(community, GATEWAY)
    assert gateway is not None
    return [each for slug, each in sorted(gateway.devices.items()) if slug.startswith("climate-")]


def taken(device: KnownDevice, at: int, values: dict[str, Value], received_at: int = 0) -> Taken:
    reading = Reading(device=device.slug, at=at, values=values)
    return Taken(device, reading, at, received_at or at, 0)


def stored(session: Session) -> Known:
    return {row[0]: (row[1], row[2]) for row in session.execute(text(STATES)).all()}


def say(latest: Latest, session: Session, devices: Collection[KnownDevice], at: int) -> None:
    """Let devices speak in one transaction's time."""
    for number, device in enumerate(devices):
        latest.observe(taken(device, at, {"temperature": 20 + number, "humidity": at % 60}))
    latest.save(session)


def catch_up(latest: Latest, session: Session) -> None:
    """Let time pass until no row is behind."""
    for _ in range(1_000):
        if not latest.is_behind:
            return
        latest.save(session)
    raise AssertionError("it never catches up")


@pytest.fixture
def devices(database: str, engine: Engine) -> list[KnownDevice]:
    provide_community(database, climates=DEVICES)
    with transaction(engine) as session:
        return devices_of(session)


@pytest.fixture
def others(engine: Engine, devices: list[KnownDevice]) -> list[KnownDevice]:
    """The devices of a community in another partition."""
    del devices
    with transaction(engine) as session:
        other = community_file(DEVICES)
        other["community"]["slug"] = "other"
        import_community(session, other)
    with transaction(engine) as session:
        return devices_of(session, "other")


def test_while_few_devices_speak_their_rows_are_written_at_once(
    devices: list[KnownDevice], engine: Engine
) -> None:
    plain = Plain()
    with transaction(engine) as session:
        latest = Latest.load(session, at_once=DEVICES)
        for n in range(3):
            for device in devices:
                one = taken(device, AT + n, {"temperature": n})
                latest.observe(one)
                plain.observe(one)
            latest.save(session)
            assert not latest.is_behind
            assert stored(session) == plain.known
            assert session.execute(text(LOGGED)).all() == []


def test_under_load_what_was_said_is_logged_and_rows_follow_in_turn(
    devices: list[KnownDevice], engine: Engine
) -> None:
    with transaction(engine) as session:
        latest = Latest.load(session, at_once=2)
        say(latest, session, devices, AT)
        assert [number for _, number in session.execute(text(LOGGED))] == [1]
        assert set(stored(session)) == {device.id for device in devices[:2]}
        say(latest, session, devices[:3], AT + 1)  # behind from now on; the others are first
        assert [number for _, number in session.execute(text(LOGGED))] == [1, 2]
        assert set(stored(session)) == {device.id for device in devices[:4]}
        latest.save(session)
        assert [number for _, number in session.execute(text(LOGGED))] == [2]
        latest.save(session)
        assert not latest.is_behind
        assert session.execute(text(LOGGED)).all() == []
        rows = stored(session)
    assert [rows[device.id][0] - AT for device in devices] == [1, 1, 1, 0, 0, 0]


def test_beside_a_few_readings_few_rows_are_written(
    devices: list[KnownDevice], others: list[KnownDevice], engine: Engine
) -> None:
    """An alarm's own transaction is not to wait for the rows of a whole site."""
    with transaction(engine) as session:
        latest = Latest.load(session, at_once=10)
        say(latest, session, [*devices, *others], AT)
        before = len(stored(session))
        say(latest, session, devices[:1], AT + 1)
        assert len(stored(session)) - before == 1


values = st.dictionaries(
    st.sampled_from(("temperature", "humidity", "battery")),
    st.one_of(st.integers(0, 3), st.sampled_from((0.5, 21.25, 10**30))),
    max_size=3,
)
reading = st.tuples(st.integers(0, DEVICES - 1), st.integers(0, 3), st.integers(0, 3), values)
"""Which device, when, how much later we heard of it, and what it said."""
step = st.tuples(st.lists(reading, max_size=8), st.sampled_from(("go on", "kill", "fail")))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(step, min_size=1, max_size=12), at_once=st.integers(1, 4))
def test_whoever_loads_it_knows_exactly_what_was_said(
    steps: list[tuple[list[tuple[int, int, int, dict[str, Value]]], str]],
    at_once: int,
    devices: list[KnownDevice],
    engine: Engine,
) -> None:
    """Readings out of order and of equal times, transactions that fail, processes killed."""
    with (
        engine.connect() as connection,
        connection.begin() as everything,
        Session(connection, join_transaction_mode="create_savepoint") as session,
    ):
        latest, plain = Latest.load(session, at_once=at_once), Plain()
        for said, outcome in steps:
            before, attempt = plain.copy(), session.begin_nested()
            for device, at, delay, what in said:
                one = taken(devices[device], AT + at, what, AT + at + delay)
                latest.observe(one)
                plain.observe(one)
            latest.save(session)
            if outcome == "fail":
                attempt.rollback()
                plain = before
            else:
                attempt.commit()
                assert latest.is_behind == bool(session.execute(text(LOGGED)).all())
            if outcome != "go on":
                latest = Latest.load(session, at_once=at_once)
            anew, look = Latest.load(session, at_once=at_once), session.begin_nested()
            for device_id, (seen, fields) in plain.known.items():
                assert anew.values(device_id) == {name: pair[0] for name, pair in fields.items()}
                newest = max((pair[1] for pair in fields.values()), default=seen)
                assert anew.last_word(device_id) == min(seen, newest)  # type: ignore[type-var]
            catch_up(anew, session)
            assert stored(session) == plain.known
            look.rollback()
        catch_up(latest, session)
        assert stored(session) == plain.known
        assert session.execute(text(LOGGED)).all() == []
        everything.rollback()


def test_each_owner_of_partitions_sees_and_empties_only_its_own_log(
    devices: list[KnownDevice], others: list[KnownDevice], engine: Engine
) -> None:
    ours, theirs = {devices[0].community_id}, {others[0].community_id}
    with transaction(engine) as first, transaction(engine) as second:
        one, two = (
            Latest.load(session, of, at_once=2) for session, of in ((first, ours), (second, theirs))
        )
        for n in range(3):
            say(one, first, devices, AT + n)
            say(two, second, others, AT + 10 + n)
    with transaction(engine) as session:  # the first goes on, the second is killed
        catch_up(one, session)
        assert {partition for partition, _ in session.execute(text(LOGGED))} == theirs
        anew = Latest.load(session, ours)
        assert not anew.is_behind
        assert anew.values(others[0].id) == {}
    with transaction(engine) as session:  # its partitions move to the first
        both = Latest.load(session, ours | theirs, at_once=2)
        assert both.last_word(devices[-1].id) == AT + 2
        assert both.last_word(others[-1].id) == AT + 12
        say(both, session, [*devices, *others], AT + 20)
        catch_up(both, session)
        assert session.execute(text(LOGGED)).all() == []
        assert {seen for seen, _ in stored(session).values()} == {AT + 20}


def test_a_community_that_is_new_is_logged_too(
    devices: list[KnownDevice], others: list[KnownDevice], engine: Engine
) -> None:
    with transaction(engine) as session:
        latest = Latest.load(session, {devices[0].community_id}, at_once=2)
        say(latest, session, [*devices, *others], AT)
        catch_up(latest, session)
        assert session.execute(text(LOGGED)).all() == []
        assert len(stored(session)) == 2 * DEVICES


@pytest.mark.parametrize("rubbish", [b"\xff", b'[[1,2,3,4,{"\xff":1}]]', b"[" * 100_000])
def test_a_row_that_cannot_be_read_takes_nothing_else_along(
    devices: list[KnownDevice], engine: Engine, caplog: pytest.LogCaptureFixture, rubbish: bytes
) -> None:
    with transaction(engine) as session:
        latest = Latest.load(session, at_once=1)
        for n in range(3):
            say(latest, session, devices, AT + n)
        spoil = text("UPDATE device_state_log SET said = :rubbish WHERE number = 2")
        session.execute(spoil, {"rubbish": rubbish})
    with transaction(engine) as session:
        anew = Latest.load(session, at_once=1)
        assert "row 2 of partition" in caplog.text
        assert {anew.last_word(device.id) for device in devices} == {AT + 2}
        say(anew, session, devices[:2], AT + 3)
        assert session.execute(text(LOGGED)).all()[-1][1] == 4
        catch_up(anew, session)
        assert session.execute(text(LOGGED)).all() == []


def test_a_log_of_nothing_but_rubbish_goes_away(devices: list[KnownDevice], engine: Engine) -> None:
    with transaction(engine) as session:
        said = b'[[999999,%d,1,1,{"temperature":1}]]' % devices[0].community_id
        repository.log_states(session, 7, {devices[0].community_id: said})  # no such device
        repository.log_states(session, 8, {devices[0].community_id: b"?"})
        latest = Latest.load(session, at_once=4)
        assert latest.is_behind
        say(latest, session, devices[:1], AT)
        assert not latest.is_behind
        assert set(stored(session)) == {devices[0].id}
        assert session.execute(text(LOGGED)).all() == []


def test_what_a_row_can_never_hold_does_not_get_into_the_log(
    devices: list[KnownDevice], engine: Engine
) -> None:
    """It would be found in a later transaction, and in each one after that."""
    with transaction(engine) as session:
        latest = Latest.load(session, at_once=1)
        for device in devices:
            latest.observe(taken(device, AT, {"text": "\0"}))
        with pytest.raises(ValueError, match="U\\+0000"):
            latest.save(session)
        assert session.execute(text(LOGGED)).all() == []


def test_without_messages_the_walk_goes_on_until_no_row_is_behind(
    database: str, engine: Engine
) -> None:
    provide_community(database, climates=MANY)
    with transaction(engine) as session:
        say(Latest.load(session), session, devices_of(session), AT)
    walk = Walk([])
    with transaction(engine) as session:
        walk.load(session, AT)
    turns = 0
    while walk.is_behind:  # what was replayed counts as behind
        turns += 1
        with transaction(engine) as session:
            walk.take_in(session, [], AT + 1)
    assert turns == ceil(MANY / AT_ONCE)
    with transaction(engine) as session:
        assert len(stored(session)) == MANY
        assert session.execute(text(LOGGED)).all() == []


def test_a_kill_under_load_loses_no_last_word_and_screens_catch_up(
    database: str, engine: Engine, broker: Mosquitto, tmp_path: Path, ask: Ask
) -> None:
    provide_community(database, climates=MANY)
    ingest = IngestProcess(database, broker.port, tmp_path / "log", before=TEN_AT_ONCE)
    sender = Sender(broker.port)
    sender.say(online=True)
    until(lambda: ask("SELECT online FROM gateways") == [True])
    at = now_ms() - 1_000
    told = [
        Reading(device=f"climate-{n}", at=at, values={"temperature": n / 20}) for n in range(MANY)
    ]
    try:
        sender.put(Lane.TELEMETRY, *told)
        sender.wait()
    finally:
        ingest.kill()
        sender.stop()
    assert ask(HEARD)[0] < MANY, "some rows are behind"
    with transaction(engine) as session:
        latest = Latest.load(session)
        said = {device.slug: latest.values(device.id) for device in devices_of(session)}
    assert said == {one.device: one.values for one in told}
    ingest.start()
    try:  # with nothing else to do; once a second would take a minute
        until(lambda: ask(HEARD) == [MANY] and ask(LOGGED) == [], timeout_s=20)
    finally:
        ingest.stop()
    times = "SELECT DISTINCT latest -> 'temperature' ->> 1 FROM device_states WHERE latest <> '{}'"
    assert ask(times) == [str(at)]


def test_an_earlier_release_finds_the_rows_as_if_there_had_been_no_log(
    devices: list[KnownDevice], engine: Engine
) -> None:
    plain = Plain()
    with transaction(engine) as session:
        latest = Latest.load(session, at_once=1)
        for n, offset in enumerate((5, 3, 5, 7, 7, 1)):
            for device in devices:
                both: dict[str, Value] = {"temperature": n + device.id / 4, "battery": 80 + n}
                told = both if n % 2 else {"humidity": n, "battery": 80 - n}
                one = taken(device, AT + offset, told, AT + offset + n)
                latest.observe(one)
                plain.observe(one)
            latest.save(session)
        latest.observe(taken(devices[0], AT + 8, {}))
        plain.observe(taken(devices[0], AT + 8, {}))
        latest.save(session)
        assert stored(session) != plain.known
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0010")
    with transaction(engine) as session:
        assert stored(session) == plain.known
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")
