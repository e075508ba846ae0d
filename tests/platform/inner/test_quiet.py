"""Devices that say nothing new cost little, and nothing that rings is different for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import msgspec
import psycopg
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_process import provide_community
from sqlalchemy import Engine, text
from wire_sender import COMMUNITY, GATEWAY

from anju_devices.messages import Reading
from anju_platform.database import transaction
from anju_platform.registry import snapshot
from anju_platform.registry.coverage import Coverage
from anju_platform.registry.snapshot import KnownDevice, Registry
from anju_platform.rulebook.book import Found, Rulebook, World
from anju_platform.rulebook.quiet import QuietDevices
from anju_platform.telemetry import repository
from anju_platform.telemetry.model import Flag
from anju_platform.telemetry.writing import (
    SENT_AT_ONCE,
    Latest,
    PointStream,
    Taken,
    record_points,
)
from anju_platform.walk import TICKS_MOST
from anju_rules import Rule
from anju_rules.fitting import decode

EIGHT = 1_767_225_600_000
"""In the morning, in Shanghai."""
HEAD = "title: {zh: 它, en: It}\nicon: flame\nseverity: 4\nmodels: [climate]\n"
RULES = {
    "plain": "when: m.temperature >= 30\n",
    "between": "when: m.temperature >= 30\nclear: m.temperature < 25\nclear_for: 4s\n",
    "hold": "when: m.temperature >= 30\nfor: 8s\nmax_gap: 20s\n",
    "level": "when: m.temperature >= 30\nsteps: [{severity: 2, when: m.humidity >= 80}]\n",
    "count": "when: m.temperature >= 30\ncount: {n: 2, within: 20s}\nrepeat_after: 10s\n",
    "rate": "when: m.humidity >= 0\nrate: {of: humidity, within: 20s, above: 30}\n",
    "sequence": (
        "when: m.temperature >= 30\nsequence: {after: [m.temperature < 5], within: 40s}\n"
    ),
    "excused": "when: m.temperature >= 30\nunless: {when: m.humidity >= 80, within: 10s}\n",
    "at-once": "when: m.temperature >= 30\nfor: 9s\nat_once: m.humidity >= 80\n",
    "cleared-by-value": (
        "when: m.event == 'hot'\nclear: m.humidity < 12\nfor: 3s\nquiet_for: 60s\n"
    ),
    "of-place": "entity: place\nwhen: m.temperature >= 30\nfor: 3s\n",
    "context": 'when: m.temperature >= 30 && s.home != "out"\n',
    "silent": "when: 'true'\nabsent_for: {for: 20s}\n",
    "cold-silent": "when: m.temperature < 5\nabsent_for: {for: 30s}\n",
}


def _rule(name: str) -> Rule:
    text = f"id: {name}\n{HEAD}{RULES[name]}"
    return msgspec.convert(yaml.safe_load(text), Rule, dec_hook=decode)


class Wakeful(QuietDevices):
    """Asks every rule at every reading."""

    def hear(self, *_: object) -> None:
        return None


@dataclass
class Run:
    """A rulebook, and what it found: (what was going on, findings in one order)."""

    book: Rulebook
    world: World
    found: list[tuple[int, list[object]]] = field(default_factory=list)

    def take(self, found: Iterable[Found], now: int) -> None:
        said = [msgspec.structs.replace(one.finding, because=()) for one in found]
        if said:
            self.found.append((now, sorted(said, key=repr)))


@pytest.fixture
def world(database: str, engine: Engine) -> World:
    return _world(database, engine)


def _world(database: str, engine: Engine, climates: int = 4) -> World:
    provide_community(database, climates)
    with transaction(engine) as session:
        registry = snapshot.load(session)
        gateway = registry.gateway(COMMUNITY, GATEWAY)
        assert gateway is not None
        world = World(registry, Latest.load(session), Coverage.load(session, EIGHT))
        world.coverage.found(session, gateway, EIGHT, None)
    return world


def _device(world: World, slug: str) -> KnownDevice:
    gateway = world.registry.gateway(COMMUNITY, GATEWAY)
    assert gateway is not None
    return gateway.devices[slug]


def _run(world: World, names: Iterable[str], *, wakeful: bool) -> Run:
    book = Rulebook([_rule(name) for name in names], world.registry)
    if wakeful:
        book._quiet = Wakeful(book._memory)
    run = Run(book, world)
    book.watch(world, EIGHT)
    return run


SAID = st.tuples(
    st.sampled_from(["climate-0", "climate-1"]),
    st.sampled_from([1, 20, 20, 20, 22, 22, 24, 26, 30, 31]),
    st.sampled_from([10, 10, 12, 50, 85]),
    st.sampled_from(["both", "both", "both", "temperature", "humidity"]),
    st.sampled_from([1, 1, 1, 2, 3, 7]),  # seconds since the last
    st.sampled_from([0, 0, 0, 0, 1, 4, 6]),  # seconds it is late
    st.sampled_from([0, 0, 0, 0, 0, int(Flag.RETAINED)]),
    st.sampled_from([None, None, None, None, None, "hot"]),
)
"""Mostly nothing; now and then too warm, in another shape, late, retained."""


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.sets(st.sampled_from(sorted(set(RULES) - {"silent"})), min_size=1, max_size=4),
    stream=st.lists(SAID, min_size=5, max_size=60),
    calm=st.integers(0, 40),
)
def test_what_rings_is_the_same_as_when_every_rule_is_asked(
    world: World,
    names: set[str],
    stream: list[tuple[str, int, int, str, int, int, int, str | None]],
    calm: int,
) -> None:
    runs = [_run(world, sorted(names), wakeful=wakeful) for wakeful in (False, True)]
    now = EIGHT
    nothing = [("climate-0", 20, 10 + n % 3, "both", 1, 0, 0, None) for n in range(calm)]
    for slug, temperature, humidity, shape, gap, late, flags, event in nothing + stream:
        now += 1_000 * gap
        values = {"temperature": temperature, "humidity": humidity}
        said = {name: value for name, value in values.items() if shape in {"both", name}}
        reading = Reading(device=slug, at=now - 1_000 * late, values=said, event=event)
        one = Taken(_device(world, slug), reading, reading.at, now, flags)
        for run in runs:
            run.take(run.book.evaluate(one, world, now), now)
            run.take(run.book.tick(world, now), now)
    for _ in range(60):
        now += 1_000
        for run in runs:
            run.take(run.book.tick(world, now), now)
    assert runs[0].found == runs[1].found


def test_a_device_that_was_quiet_for_long_is_missed_as_soon_as_any(world: World) -> None:
    """A timer that was left alone looks at the last word, not at when it was set."""
    run = _run(world, ["silent"], wakeful=False)
    climate = _device(world, "climate-0")
    now = EIGHT
    for _ in range(100):
        now += 1_000
        reading = Reading(device=climate.slug, at=now, values={"temperature": 20})
        assert not run.book.evaluate(Taken(climate, reading, now, now, 0), world, now)
        run.take([f for f in run.book.tick(world, now) if f.device is climate], now)
    assert not run.found
    last = now
    while not run.found:
        now += 500
        run.take([f for f in run.book.tick(world, now) if f.device is climate], now)
    assert 20_000 <= now - last <= 22_000
    # and its next word ends it
    reading = Reading(device=climate.slug, at=now, values={"temperature": 20})
    (ended,) = run.book.evaluate(Taken(climate, reading, now, now, 0), world, now)
    assert ended.finding.kind == "cleared"


def test_what_was_quiet_is_known_to_a_rule_that_is_changed(world: World) -> None:
    """A registry that is loaded anew wakes nobody; other rules in force wake all they are for."""
    run = _run(world, ["hold"], wakeful=False)
    climate = _device(world, "climate-0")
    quiet = run.book._quiet

    def say(temperature: int, at: int) -> None:
        reading = Reading(device=climate.slug, at=at, values={"temperature": temperature})
        run.take(run.book.evaluate(Taken(climate, reading, at, at, 0), world, at), at)

    say(20, EIGHT)  # the first time every rule is asked
    run.book._memory.clear()
    say(20, EIGHT + 1_000)
    assert climate.id in quiet._quiet
    assert not run.book._memory.keys() & {(climate.community_id, "hold", climate.slug)}
    run.book.adopt(world.registry)
    assert climate.id in quiet._quiet
    community = world.registry.communities[climate.community_id]
    communities = {community.id: replace(community, timezone="Europe/Berlin")}
    run.book.adopt(replace(world.registry, communities=communities))
    assert climate.id not in quiet._quiet
    memory = run.book._memory[climate.community_id, "hold", climate.slug]
    assert memory.state.newest.at == EIGHT + 1_000


def test_a_device_that_is_taken_out_is_not_kept(world: World) -> None:
    run = _run(world, ["hold"], wakeful=False)
    climate = _device(world, "climate-0")
    for at in (EIGHT, EIGHT + 1):
        reading = Reading(device=climate.slug, at=at, values={"temperature": 20})
        run.book.evaluate(Taken(climate, reading, at, at, 0), world, at)
    assert run.book._quiet._quiet
    community = world.registry.communities[climate.community_id]
    left = {slug: one for slug, one in community.devices.items() if slug != climate.slug}
    communities = {community.id: replace(community, devices=left)}
    run.book.adopt(replace(world.registry, communities=communities))
    assert not run.book._quiet._quiet
    assert not run.book._quiet._asked


def test_a_shorter_interval_holds_from_the_next_word_on(world: World) -> None:
    """A timer that stands at tomorrow must not wait for tomorrow."""
    text = f"id: it\n{HEAD}when: 'true'\nabsent_for: {{for: 10m, interval: interval_s}}\n"
    rule = msgspec.convert(yaml.safe_load(text), Rule, dec_hook=decode)
    slow = _device(world, "climate-0")
    slow = replace(slow, attributes={**slow.attributes, "interval_s": 86_400})
    book = Rulebook([rule], _with(world.registry, slow))
    world = replace(world, registry=_with(world.registry, slow))
    book.watch(world, EIGHT)

    def say(device: KnownDevice, at: int) -> None:
        reading = Reading(device=device.slug, at=at, values={"temperature": 20})
        assert not book.evaluate(Taken(device, reading, at, at, 0), world, at)

    for n in range(3):
        say(slow, EIGHT + 1_000 * n)
    quick = replace(slow, attributes={**slow.attributes, "interval_s": 60})
    world = replace(world, registry=_with(world.registry, quick))
    book.adopt(world.registry)
    for n in range(3):
        say(quick, EIGHT + 60_000 + 1_000 * n)
    rung = [one for one in book.tick(world, EIGHT + 200_000) if one.device is quick]
    assert [one.finding.kind for one in rung] == ["active"]


def _with(registry: Registry, device: KnownDevice) -> Registry:
    """Give a registry in which a device is as given."""
    before = registry.communities[device.community_id]
    community = replace(before, devices={**before.devices, device.slug: device})
    return Registry({community.id: community}, {community.slug: community})


def test_of_very_many_timers_some_are_left_for_the_next_time(database: str, engine: Engine) -> None:
    """Alarms wait no longer than for some hundred of them."""
    world = _world(database, engine, climates=TICKS_MOST + 100)
    (community,) = world.registry.communities.values()
    climates = [one for one in community.devices.values() if one.model.name == "climate"]
    book = Rulebook([_rule("silent")], world.registry)
    book.watch(world, EIGHT)
    due = EIGHT + 60_000
    first = book.tick(world, due, TICKS_MOST)
    assert len(first) == TICKS_MOST
    assert (book.next_due() or 0) <= due
    assert len(book.tick(world, due, TICKS_MOST)) == len(climates) - TICKS_MOST


def _a_message(engine: Engine, at: int) -> list[Taken]:
    """Give readings of one device that are worth a message to the database of their own."""
    with transaction(engine) as session:
        device = snapshot.load(session).communities[1].devices["climate-0"]
    reading = Reading(device=device.slug, at=at, values={"temperature": 20})
    return [Taken(device, reading, at, at, 0)] * SENT_AT_ONCE


def _is_stored_after_all(engine: Engine, taken: list[Taken]) -> None:
    with transaction(engine) as session:
        assert record_points(session, taken) == SENT_AT_ONCE
        assert session.scalar(text("SELECT count(*) FROM telemetry")) == SENT_AT_ONCE


def _store_and(engine: Engine, act: Callable[[PointStream], object]) -> None:
    with transaction(engine) as session, PointStream(session) as points:
        act(points)


def test_points_on_their_way_when_something_raises_do_not_hold_the_transaction(
    database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver would wait for itself, and the writer with it, for good."""
    provide_community(database)
    taken = _a_message(engine, EIGHT)
    later = _a_message(engine, EIGHT + 1)

    def keep_up(points: PointStream) -> None:
        points.keep_up(taken)
        monkeypatch.setattr(repository, "_rows", _out_of_memory)
        points.keep_up(taken + later)

    with pytest.raises(MemoryError):
        _store_and(engine, keep_up)
    monkeypatch.undo()
    _is_stored_after_all(engine, taken)


def test_what_raises_while_the_last_points_are_stored_is_told_and_nothing_is_kept(
    database: str, engine: Engine
) -> None:
    provide_community(database)
    taken = _a_message(engine, EIGHT)

    def finish(points: PointStream) -> None:
        points.finish(taken)
        raise MemoryError

    with pytest.raises(MemoryError):
        _store_and(engine, finish)
    _is_stored_after_all(engine, taken)


def test_points_the_database_refuses_at_the_end_are_told_and_nothing_is_kept(
    database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    provide_community(database)
    taken = _a_message(engine, EIGHT)
    monkeypatch.setattr(repository, "_rows", lambda _: b"no rows")
    with pytest.raises(psycopg.DataError):
        _store_and(engine, lambda points: points.finish(taken))
    monkeypatch.undo()
    _is_stored_after_all(engine, taken)


def _out_of_memory(_: object) -> bytes:
    raise MemoryError
