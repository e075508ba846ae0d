"""What rules remember outlives the device that spoke last."""

from __future__ import annotations

from ingest_process import provide_community
from sqlalchemy import Engine, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from wire_sender import COMMUNITY, GATEWAY

from anju_devices.messages import Reading
from anju_platform.database import from_millis, transaction
from anju_platform.registry import snapshot
from anju_platform.registry.coverage import Coverage
from anju_platform.rulebook.book import Rulebook, World
from anju_platform.telemetry.writing import Latest, Taken
from anju_rules import load_library

EIGHT = 1_767_225_600_000
"""In the morning, in Shanghai."""
HOUR = 3_600_000


def test_a_home_stays_watched_though_the_device_that_spoke_last_is_taken_out(
    database: str, engine: Engine
) -> None:
    provide_community(database)
    with transaction(engine) as session:
        registry = snapshot.load(session)
        gateway = registry.gateway(COMMUNITY, GATEWAY)
        assert gateway is not None
        world = World(registry, Latest.load(session), Coverage.load(session, EIGHT))
        world.coverage.found(session, gateway, EIGHT, None)
        book = Rulebook.load(session, load_library(), registry)
        book.watch(world, EIGHT)
        motion = Reading(device="pir", at=EIGHT, values={"motion": True})
        book.evaluate(Taken(gateway.devices["pir"], motion, EIGHT, EIGHT, 0), world, EIGHT)

        session.execute(text("UPDATE devices SET state = 'retired' WHERE slug = 'pir'"))
        session.expire_all()
        registry = snapshot.load(session)
        world = World(registry, world.latest, world.coverage)
        book.adopt(registry)
        book.watch(world, EIGHT + HOUR)
        found = book.tick(world, EIGHT + 7 * HOUR)
    rung = [(one.finding.entity, one.finding.severity) for one in found if one.rule.steps]
    assert rung == [("b1-101", 3)]


def test_a_memory_that_cannot_be_read_takes_nobody_elses_along(
    database: str, engine: Engine
) -> None:
    provide_community(database)
    add = text(
        "INSERT INTO rule_states SELECT id, :rule, 'sos', :state, :due FROM communities"
    ).bindparams(bindparam("state", type_=JSONB))
    due = from_millis(EIGHT)
    with transaction(engine) as session:
        for rule, state in (
            ("device-silent", {"device": "sos", "state": {"recent": 5}}),
            ("battery-low", {}),
            ("home-state", {"last_motion": "never"}),
            ("protection-off", {"device": "sos", "state": {"key": "sos", "heard_at": 1}}),
        ):
            session.execute(add, {"rule": rule, "state": state, "due": due})
        book = Rulebook.load(session, load_library(), snapshot.load(session))
    assert book.next_due() == EIGHT


def test_the_last_word_of_a_device_is_stored_once_and_outlives_a_restart(
    database: str, engine: Engine
) -> None:
    """Not every heartbeat rewrites the row of each rule that waits for it."""
    provide_community(database)
    minute = 60_000
    rows = text(
        "SELECT state FROM rule_states WHERE rule_id = 'device-silent' AND entity = 'quick'"
    )
    with transaction(engine) as session:
        registry = snapshot.load(session)
        gateway = registry.gateway(COMMUNITY, GATEWAY)
        assert gateway is not None
        quick = gateway.devices["quick"]
        world = World(registry, Latest.load(session), Coverage.load(session, EIGHT))
        world.coverage.found(session, gateway, EIGHT, None)
        book = Rulebook.load(session, load_library(), registry)
        book.watch(world, EIGHT)
        book.save(session)
        begun = session.scalar(rows)
        for n in range(1, 61):
            at = EIGHT + n * minute
            said = Taken(
                quick, Reading(device="quick", at=at, values={"temperature": 20}), at, at, 0
            )
            world.latest.observe(said)
            assert not book.evaluate(said, world, at)
        book.save(session)
        world.latest.save(session)
        assert session.scalar(rows) == begun
    with transaction(engine) as session:
        world = World(registry, Latest.load(session), Coverage.load(session, EIGHT))
        anew = Rulebook.load(session, load_library(), registry)
        anew.catch_up(world)
        last = EIGHT + HOUR
        rung = [one for one in anew.tick(world, last + 1_000) if one.finding.entity == "quick"]
        assert not rung
        rung = [one for one in anew.tick(world, last + HOUR) if one.finding.entity == "quick"]
    assert [one.finding.rule_id for one in rung] == ["device-silent"]
