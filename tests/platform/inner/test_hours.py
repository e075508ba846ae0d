"""A community's own hours: when its zones are armed, and which days are holidays."""

from __future__ import annotations

from typing import Any

import pytest
from ingest_process import provide_community
from sqlalchemy import Engine
from wire_sender import COMMUNITY, GATEWAY, community_file

from anju_devices.messages import Reading
from anju_platform.database import transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.provision import import_community
from anju_platform.registry import snapshot
from anju_platform.registry.coverage import Coverage
from anju_platform.rulebook.book import Rulebook, World
from anju_platform.telemetry.writing import Latest, Taken
from anju_rules import Rule, load_library
from anju_rules.loading import read_rules

EIGHT = 1_767_225_600_000
"""Thursday the first of January 2026, in Shanghai."""
HOUR, DAY = 3_600_000, 86_400_000
WORKDAYS = """
id: intruder
title: {zh: 有人, en: Somebody}
icon: device-cctv
severity: 2
models: [camera]
when: m.event == "zone_entered"
schedule: {hours: "07:00-17:00", holidays: never}
"""


def found(engine: Engine, rules: list[Rule], *times: int, **head: Any) -> list[int]:
    """Give the times at which somebody who enters a zone is told of."""
    document = community_file()
    document["community"] |= head
    with transaction(engine) as session:
        import_community(session, document)
    with transaction(engine) as session:
        registry = snapshot.load(session)
        gateway = registry.gateway(COMMUNITY, GATEWAY)
        assert gateway is not None
        world = World(registry, Latest.load(session), Coverage.load(session, EIGHT))
        book = Rulebook.load(session, rules, registry)
        said = {"zone": "fence", "zone_kind": "intrusion"}
        return [
            at
            for at in times
            for reading in [Reading(device="cam", at=at, event="zone_entered", data=said)]
            if book.evaluate(Taken(gateway.devices["cam"], reading, at, at, 0), world, at)
        ]


@pytest.fixture(autouse=True)
def community(database: str) -> None:
    provide_community(database)


def test_zones_are_armed_in_the_hours_the_community_says(engine: Engine) -> None:
    rules = [rule for rule in load_library() if rule.id == "zone-intrusion"]
    times = (EIGHT, EIGHT + 14 * HOUR, EIGHT + 21 * HOUR, EIGHT + 22 * HOUR)
    night = {"hours": "22:00-06:00"}
    assert found(engine, rules, *times, armed=night) == [EIGHT + 14 * HOUR, EIGHT + 21 * HOUR]


def test_zones_are_always_armed_where_no_hours_are_given(engine: Engine) -> None:
    rules = [rule for rule in load_library() if rule.id == "zone-intrusion"]
    assert found(engine, rules, EIGHT, EIGHT + 12 * HOUR) == [EIGHT, EIGHT + 12 * HOUR]


def test_a_rule_rests_on_the_holidays_of_its_community(engine: Engine) -> None:
    rules = read_rules(WORKDAYS, "intruder.yaml")
    days = (EIGHT, EIGHT + DAY, EIGHT + 2 * DAY)
    assert found(engine, rules, *days, holidays=["2026-01-01", "2026-01-03"]) == [EIGHT + DAY]


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ({"holidays": ["new year"]}, "holidays"),
        ({"armed": {"hours": "night"}}, "hours 'night'"),
        ({"armed": {"hour": "22:00-06:00"}}, "unknown field"),
    ],
)
def test_hours_that_cannot_be_read_are_refused(
    engine: Engine, head: dict[str, Any], fault: str
) -> None:
    document = community_file()
    document["community"] |= head
    with transaction(engine) as session, pytest.raises(InvalidRequestError, match=fault):
        import_community(session, document)
