"""Baselines on a real database: learned each night, versioned, told of, read by rules."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from ingest_process import IngestProcess, provide_community
from sqlalchemy import Engine, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from wire_sender import COMMUNITY, Sender, until

from anju_platform.baselines import learning, repository
from anju_platform.baselines.blindness import Blindness
from anju_platform.baselines.known import Baselines
from anju_platform.baselines.learning import last_night, learn_due
from anju_platform.database import from_millis, now, to_millis, transaction
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.registry import snapshot
from anju_platform.registry.coverage import Coverage
from anju_platform.registry.snapshot import KnownDevice
from anju_platform.rulebook.book import Rulebook, World
from anju_platform.telemetry.model import Flag
from anju_platform.telemetry.repository import Points, copy_points
from anju_platform.telemetry.writing import Latest
from anju_rules import Rule, load_library
from anju_rules.loading import read_rules

Ask = Callable[[str], list[Any]]
SITE = ZoneInfo("Asia/Shanghai")
NIGHT = datetime(2026, 3, 2, 3, tzinfo=SITE)
"""A Monday on which learning is due."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HOME = "SELECT version, until, profile -> 'days' FROM baselines WHERE entity = 'b1-101'"
WARM = """
id: unusually-warm
title: {zh: 异常高温, en: Unusually warm}
icon: temperature
severity: 3
models: [climate]
when: m.temperature > b.temperature_p95
"""


@pytest.fixture
def rules() -> list[Rule]:
    return [*load_library(), *read_rules(WARM, "test")]


@pytest.fixture
def tiny(database: str, engine: Engine) -> Engine:
    provide_community(database)
    return engine


def learn(engine: Engine, rules: Sequence[Rule], at: datetime | None = None) -> int:
    return learn_due(engine, lambda _session, _community: rules, at)


def device(engine: Engine, slug: str) -> KnownDevice:
    with transaction(engine) as session:
        return snapshot.load(session).by_slug[COMMUNITY].devices[slug]


def store(
    engine: Engine, slug: str, points: Sequence[tuple[int, float]], *, name: str, flags: int = 0
) -> None:
    known = device(engine, slug)
    number = known.fields[name]
    rows = [(known.community_id, known.id, number, at, value, flags) for at, value in points]
    with transaction(engine) as session:
        copy_points(session, Points(*(list(column) for column in zip(*rows, strict=True))))


def days_of_motion(engine: Engine, night: datetime, days: int = 28) -> None:
    """Somebody who moves every twenty minutes from seven to eleven in the evening."""
    first = to_millis(night - timedelta(days=days, hours=3))
    minutes = range(7 * 60, 23 * 60 + 1, 20)
    times = [first + d * DAY + minute * MINUTE for d in range(days) for minute in minutes]
    store(engine, "pir", [(at, 1.0) for at in times], name="motion")


def read(engine: Engine, slug: str, at: datetime) -> dict[str, Any]:
    known = device(engine, slug)
    with transaction(engine) as session:
        usual = Baselines.load(session).usual(known, str(SITE))
    return dict(usual(to_millis(at)))


def test_a_home_is_learned_once_a_night_and_rules_read_it(
    tiny: Engine, ask: Ask, rules: list[Rule]
) -> None:
    days_of_motion(tiny, NIGHT)
    assert learn(tiny, rules, NIGHT + timedelta(minutes=1)) == 1
    assert ask(HOME) == [(1, NIGHT, 28)]
    noon = read(tiny, "pir", NIGHT.replace(hour=12))
    assert noon == pytest.approx(
        {"silence_median": 1 / 3, "silence_p95": 1 / 3, "silence_mad": 0, "silence_days": 28},
        abs=1e-5,
    )
    assert read(tiny, "pir", NIGHT.replace(hour=23))["silence_p95"] == 8
    assert read(tiny, "pir", NIGHT.replace(hour=3)) == {"silence_days": 28}
    assert read(tiny, "climate-0", NIGHT.replace(hour=12)) == {}
    assert learn(tiny, rules, NIGHT + timedelta(hours=23)) == 0
    assert learn(tiny, rules, NIGHT + timedelta(days=1, hours=9)) == 1  # late
    assert [version for version, _, _ in ask(HOME)] == [1, 2]


def test_who_was_killed_in_the_middle_goes_on_where_it_was(
    tiny: Engine, ask: Ask, rules: list[Rule]
) -> None:
    days_of_motion(tiny, NIGHT)
    warm = [(to_millis(NIGHT) - n * HOUR, 20.0) for n in range(1, 600)]
    store(tiny, "climate-0", warm, name="temperature")
    assert learn(tiny, rules, NIGHT) == 2
    (before,) = ask("SELECT learned_at FROM baselines WHERE kind = 'household'")
    with tiny.begin() as connection:
        connection.execute(text("DELETE FROM baseline_runs"))
        connection.execute(text("DELETE FROM baselines WHERE kind = 'device'"))
    assert learn(tiny, rules, NIGHT) == 1
    assert ask("SELECT learned_at FROM baselines WHERE kind = 'household'") == [before]
    assert ask("SELECT until FROM baseline_runs") == [NIGHT]


def test_a_clock_that_was_far_ahead_stops_no_learning(
    tiny: Engine, ask: Ask, rules: list[Rule]
) -> None:
    days_of_motion(tiny, NIGHT)
    assert learn(tiny, rules, NIGHT) == 1
    assert learn(tiny, rules, NIGHT + timedelta(days=400)) == 0
    assert ask(HOME) == []  # forgotten, as it was so long ago
    assert learn(tiny, rules, NIGHT + timedelta(hours=1)) == 1
    assert ask("SELECT until FROM baseline_runs") == [NIGHT]
    assert learn(tiny, rules, NIGHT + timedelta(hours=2)) == 0


def test_two_who_learn_at_once_make_one_version(tiny: Engine, ask: Ask, rules: list[Rule]) -> None:
    days_of_motion(tiny, NIGHT)
    workers = [threading.Thread(target=learn, args=(tiny, rules, NIGHT)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert ask(HOME) == [(1, NIGHT, 28)]


def test_a_home_that_said_nothing_is_skipped(tiny: Engine, ask: Ask, rules: list[Rule]) -> None:
    assert learn(tiny, rules, NIGHT) == 0
    assert ask("SELECT count(*) FROM baselines") == [0]
    assert ask("SELECT until FROM baseline_runs") == [NIGHT]


def test_a_young_home_tells_its_age_alone(tiny: Engine, rules: list[Rule]) -> None:
    days_of_motion(tiny, NIGHT, days=6)
    learn(tiny, rules, NIGHT)
    assert read(tiny, "pir", NIGHT.replace(hour=12)) == {"silence_days": 6}


def test_what_could_not_be_heard_is_no_silence(tiny: Engine, rules: list[Rule]) -> None:
    days_of_motion(tiny, NIGHT)
    blind = text(
        "INSERT INTO blind_periods (community_id, gateway_id, started_at, ended_at)"
        " SELECT community_id, id, :began, :ended FROM gateways"
    )
    with tiny.begin() as connection:
        for back in range(1, 29):
            began = NIGHT - timedelta(days=back, hours=4)
            given = {"began": began, "ended": began + timedelta(hours=7)}
            connection.execute(blind, given)
    learn(tiny, rules, NIGHT)
    assert read(tiny, "pir", NIGHT.replace(hour=23))["silence_p95"] == pytest.approx(1)


def test_numbers_are_learned_by_the_hour_if_a_rule_reads_them(
    tiny: Engine, ask: Ask, rules: list[Rule]
) -> None:
    start = to_millis(NIGHT) - 28 * DAY
    hourly = [(start + n * 15 * MINUTE, 20.0 + (n // 4 + 3) % 24) for n in range(28 * 96)]
    store(tiny, "climate-0", hourly, name="temperature")
    store(tiny, "climate-0", hourly, name="humidity")
    wrong = [(at, 900.0) for at, _ in hourly]
    store(tiny, "climate-0", wrong, name="temperature", flags=int(Flag.FUTURE))
    assert learn(tiny, rules, NIGHT) == 1
    assert ask("SELECT quantity FROM baselines") == ["temperature"]
    assert read(tiny, "climate-0", NIGHT.replace(hour=15))["temperature_median"] == 35
    assert learn(tiny, load_library(), NIGHT + timedelta(days=1)) == 0


def test_old_versions_are_deleted_and_who_is_gone_is_forgotten(
    tiny: Engine, ask: Ask, rules: list[Rule]
) -> None:
    days_of_motion(tiny, NIGHT)
    kept = repository.VERSIONS_KEPT
    for number in range(kept + 3):
        learn(tiny, rules, NIGHT + timedelta(days=number))
    assert [version for version, _, _ in ask(HOME)] == list(range(4, kept + 4))
    learn(tiny, rules, NIGHT + learning.FORGOTTEN + timedelta(days=90))
    assert ask(HOME) == []


def test_a_home_that_cannot_be_learned_keeps_nobody_else_from_it(
    tiny: Engine, ask: Ask, rules: list[Rule], caplog: pytest.LogCaptureFixture
) -> None:
    days_of_motion(tiny, NIGHT)
    store(tiny, "climate-0", [(to_millis(NIGHT) - HOUR, float("nan"))], name="temperature")
    with tiny.begin() as connection:
        connection.execute(
            text("ALTER TABLE baselines ADD CHECK (kind <> 'household' OR version > 9)")
        )
    store(tiny, "climate-1", [(to_millis(NIGHT) - HOUR, 20.0)], name="temperature")
    assert learn(tiny, rules, NIGHT) == 1
    assert ask("SELECT entity FROM baselines") == ["climate-1"]
    assert "cannot be learned" in caplog.text


def test_whoever_listens_is_told_and_a_baseline_nobody_can_read_is_left_out(
    tiny: Engine, database: str, rules: list[Rule]
) -> None:
    days_of_motion(tiny, NIGHT)
    with psycopg.connect(database, autocommit=True) as listener:
        listener.execute(f"LISTEN {repository.LEARNED_CHANNEL}".encode())
        learn(tiny, rules, NIGHT)
        (notice,) = listener.notifies(timeout=5, stop_after=1)
    assert int(notice.payload) == device(tiny, "pir").community_id
    with tiny.begin() as connection:
        connection.execute(text("UPDATE baselines SET profile = '{\"days\": 3}'"))
    assert read(tiny, "pir", NIGHT.replace(hour=12)) == {}


def test_the_learned_reaches_the_rules_and_silences_are_judged_anew(
    tiny: Engine, rules: list[Rule]
) -> None:
    eight = to_millis(NIGHT.replace(hour=8))
    with transaction(tiny) as session:
        registry = snapshot.load(session)
        known = registry.by_slug[COMMUNITY]
        world = World(registry, Latest.load(session), Coverage.load(session, eight))
        world.coverage.found(session, known.gateways["gw"], eight, None)
        book = Rulebook.load(session, rules, registry)
        book.watch(world, eight)
    days_of_motion(tiny, NIGHT)
    learn(tiny, rules, NIGHT)
    later = eight + 2 * HOUR
    book.tick(world, later)
    with transaction(tiny) as session:
        book.learn(session, world, [known.id + 1], later)
        quiet = book.next_due()
        book.learn(session, world, [known.id], later)
    assert quiet is not None
    assert quiet > later
    assert book.next_due() == later


def test_last_night_is_the_sites_own(engine: Engine) -> None:
    del engine
    assert last_night(NIGHT, "Asia/Shanghai") == NIGHT
    assert last_night(NIGHT - timedelta(seconds=1), "Asia/Shanghai") == NIGHT - timedelta(days=1)
    summer = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # the clocks of Berlin just went forward
    assert last_night(summer, "Europe/Berlin") == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_blind_times_may_overlap() -> None:
    blind = Blindness([(0, 10), (5, 20), (30, 40), (33, 35), (50, 50)])
    assert [blind.ms(a, b) for a, b in ((0, 100), (15, 34), (20, 30), (-9, 1))] == [30, 9, 0, 1]
    assert Blindness([]).ms(0, 9) == 0


QUIET_SINCE = timedelta(hours=2)


def remember_silence(engine: Engine) -> None:
    """Have the home silent for two hours, as an ingest that ran until now would remember it."""
    since = to_millis(now() - QUIET_SINCE)
    add = text(
        "INSERT INTO rule_states SELECT id, :rule, 'b1-101', :state, :due FROM communities"
    ).bindparams(bindparam("state", type_=JSONB))
    inactive = {"device": "pir", "state": {"key": "b1-101", "heard_at": since, "device": "pir"}}
    home = {"last_motion": since, "last_sign": since}
    with engine.begin() as connection:
        six_hours = from_millis(since + 6 * HOUR)
        connection.execute(add, {"rule": "elder-inactive", "state": inactive, "due": six_hours})
        connection.execute(add, {"rule": "home-state", "state": home, "due": None})


def test_a_running_ingest_takes_over_what_the_worker_learned(
    tiny: Engine, database: str, broker: Mosquitto, ask: Ask, tmp_path: Path
) -> None:
    last = last_night(now(), str(SITE))
    first = to_millis(last - timedelta(days=28))
    store(tiny, "pir", [(first + n * 20 * MINUTE, 1.0) for n in range(28 * 72)], name="motion")
    remember_silence(tiny)
    ingest = IngestProcess(database, broker.port, tmp_path / "ingest.log")
    sender = Sender(broker.port)
    try:
        sender.say(online=True)
        until(lambda: ask("SELECT online FROM gateways") == [True])
        rung = "SELECT severity FROM alerts WHERE rule_id = 'elder-inactive'"
        assert ask(rung) == []
        assert learn(tiny, load_library()) == 1
        until(lambda: ask(rung) == [3])
    finally:
        sender.stop()
        ingest.stop()


def test_a_profile_of_the_database_is_the_kernels(tiny: Engine, rules: list[Rule]) -> None:
    days_of_motion(tiny, NIGHT)
    learn(tiny, rules, NIGHT)
    with transaction(tiny) as session:
        ((_, key, stored),) = repository.current(session)
    assert key == ("household", "b1-101", "silence")
    assert len(stored["cells"]) == 7 * 24
    assert len(msgspec.json.encode(stored)) < 10_000
