from __future__ import annotations

from collections.abc import Iterator

import pytest
from ingest_process import provide_community
from sqlalchemy.orm import Session
from wire_sender import COMMUNITY, GATEWAY, now_ms

from anju_platform.database import connect, transaction
from anju_platform.registry import snapshot
from anju_platform.registry.coverage import KEPT_MS, Coverage
from anju_platform.registry.snapshot import KnownGateway
from anju_platform.telemetry.writing import clock_behind


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    provide_community(database)
    engine = connect(database)
    with transaction(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def gateway(session: Session) -> KnownGateway:
    found = snapshot.load(session).gateway(COMMUNITY, GATEWAY)
    assert found is not None
    return found


def test_blind_time_is_counted_once_where_periods_overlap(
    session: Session, gateway: KnownGateway
) -> None:
    now = now_ms()
    coverage = Coverage.load(session, now)
    coverage.lost(session, gateway, now - 10_000)
    coverage.found(session, gateway, now - 6_000, None)
    coverage.was_deaf(session, [gateway.community_id], now - 8_000, now - 4_000)
    for known in (coverage, Coverage.load(session, now)):
        assert known.blind_ms(gateway.id, now - 60_000, now) == 6_000
        assert known.blind_ms(gateway.id, now - 5_000, now) == 1_000
        assert known.blind_ms(None, now - 60_000, now) == 4_000
        assert known.is_online(gateway.id)


def test_a_gateway_that_is_away_is_blind_up_to_now(session: Session, gateway: KnownGateway) -> None:
    now = now_ms()
    coverage = Coverage.load(session, now)
    coverage.found(session, gateway, now - 9_000, "1.0")
    coverage.lost(session, gateway, now - 3_000)
    coverage.lost(session, gateway, now - 1_000)
    assert coverage.blind_ms(gateway.id, now - 60_000, now) == 3_000
    assert not coverage.is_online(gateway.id)


def test_a_gateway_that_never_came_is_blind_since_it_is_known(
    session: Session, gateway: KnownGateway
) -> None:
    now = now_ms()
    coverage = Coverage.load(session, now)
    coverage.knows(snapshot.load(session), session, now - 2_000)
    coverage.knows(snapshot.load(session), session, now)
    assert coverage.blind_ms(gateway.id, now - 60_000, now) == 2_000


def test_what_no_rule_looks_back_to_is_forgotten(session: Session, gateway: KnownGateway) -> None:
    now = now_ms()
    coverage = Coverage.load(session, now)
    for at in (now - KEPT_MS - 9_000, now - 9_000):
        coverage.lost(session, gateway, at)
        coverage.found(session, gateway, at + 2_000, None)
        coverage.was_deaf(session, [gateway.community_id], at + 2_000, at + 5_000)
    assert coverage.blind_ms(gateway.id, now - 2 * KEPT_MS, now) == 5_000


def test_a_clock_is_known_to_be_behind_except_just_after_we_were_away(
    session: Session, gateway: KnownGateway
) -> None:
    now, minute = now_ms(), 60_000
    coverage = Coverage.load(session, now)
    coverage.was_deaf(session, [gateway.community_id], now - 9 * minute, now - 8 * minute)
    slow = now - 40 * minute
    assert clock_behind(slow, now, coverage) == 40 * minute
    assert clock_behind(now - minute, now, coverage) == 0
    coverage.was_deaf(session, [gateway.community_id], now - minute, now - minute // 2)
    assert clock_behind(slow, now, coverage) == 0  # the broker may have kept it
    years = 3 * 365 * 24 * 60 * minute
    assert clock_behind(now - years, now, coverage) == years  # no broker keeps so long


def test_while_the_broker_is_away_nobody_can_be_heard(
    session: Session, gateway: KnownGateway
) -> None:
    now = now_ms()
    coverage = Coverage.load(session, now)
    coverage.found(session, gateway, now - 9_000, "1.0")
    assert coverage.can_hear(gateway.id)
    coverage.deaf_since = now - 4_000
    assert not coverage.can_hear(gateway.id)
    assert not coverage.can_hear(None)
    assert coverage.blind_ms(gateway.id, now - 60_000, now) == 4_000
    assert coverage.blind_ms(None, now - 1_000, now) == 1_000
    coverage.deaf_since = None
    assert coverage.can_hear(gateway.id)
    assert coverage.blind_ms(gateway.id, now - 60_000, now) == 0
