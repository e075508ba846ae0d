"""A gateway's canary walks the whole way, is an alert to nobody, and is missed when it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ingest_process import IngestProcess
from sqlalchemy import Engine, text
from wire_sender import GATEWAY, Sender, now_ms

from anju_devices.messages import Lane, Reading
from anju_platform.canary import repository
from anju_platform.database import now, transaction

Ask = Callable[[str], list[Any]]


def sing(sender: Sender, *ago_s: float) -> None:
    for seconds in ago_s:
        at = now_ms() - round(seconds * 1000)
        sender.put(Lane.EVENTS, Reading(device=GATEWAY, at=at, event="canary", id=f"c-{at}"))
    sender.wait()


def test_it_goes_through_the_rules_to_worker_and_screens_and_rings_nowhere(
    sender: Sender, ask: Ask, engine: Engine
) -> None:
    sing(sender, 300, 0.2)
    assert ask("SELECT told_at FROM canaries") == [None, None]
    assert set(ask("SELECT ref FROM feed WHERE kind = 'canary'")) == {GATEWAY}
    assert ask("SELECT count(*) FROM alerts") == [0]
    assert ask("SELECT count(*) FROM notifications") == [0]
    assert ask("SELECT count(*) FROM device_events WHERE event = 'canary'") == [0]
    repository.tell(engine)
    with transaction(engine) as session:
        (community,) = ask("SELECT id FROM communities")
        (walk,) = repository.walks(session, community, now()).values()
    assert walk.stored_s is not None
    assert walk.told_s is not None
    assert 0.2 <= walk.stored_s <= walk.told_s < 300
    assert (walk.walks, walk.missed, walk.shown_s) == (2, False, None)
    assert walk.p95_s is not None
    assert walk.p95_s > 250  # the other was said five minutes before it was heard


def test_two_who_write_down_the_same_canary_wait_for_nobody(
    sender: Sender, ask: Ask, engine: Engine
) -> None:
    sing(sender, 0.1)
    with transaction(engine) as session:
        session.execute(text("SELECT 1 FROM canaries FOR UPDATE"))
        session.execute(text("SELECT set_config('lock_timeout', '1s', false)"))
        repository.tell(engine)
        assert ask("SELECT told_at FROM canaries") == [None]
    repository.tell(engine)
    assert ask("SELECT told_at IS NULL FROM canaries") == [False]


def test_a_killed_ingest_counts_it_once(sender: Sender, ask: Ask, ingest: IngestProcess) -> None:
    sing(sender, 30)
    ingest.kill()
    sender.put(Lane.EVENTS, Reading(device=GATEWAY, at=now_ms(), event="canary", id="c-2"))
    ingest.start()
    sender.wait()
    assert ask("SELECT count(*) FROM canaries") == [2]


def test_it_is_judged_and_not_just_stored(sender: Sender, ask: Ask) -> None:
    """What is said again within ten seconds is the same pulse to a rule."""
    sing(sender, 0.4, 0.2)
    assert ask("SELECT count(*) FROM canaries") == [1]


@pytest.mark.parametrize(
    ("last_min", "online", "is_missed"),
    [
        (16, True, True),
        (14, True, False),
        (60, False, False),  # is away, which has a rule of its own
        (None, True, False),  # its agent knows no canary
    ],
)
def test_it_is_missed_while_its_gateway_is_there(
    sender: Sender,
    ask: Ask,
    engine: Engine,
    *,
    last_min: int | None,
    online: bool,
    is_missed: bool,
) -> None:
    del sender
    with transaction(engine) as session:
        session.execute(text("UPDATE gateways SET online = :online"), {"online": online})
        if last_min is not None:
            session.execute(
                text(
                    "INSERT INTO canaries (gateway_id, said_at, community_id, stored_at)"
                    " SELECT id, :at, community_id, :at FROM gateways"
                ),
                {"at": now() - timedelta(minutes=last_min)},
            )
    (community,) = ask("SELECT id FROM communities")
    with transaction(engine) as session:
        missed = repository.missed_s(session, now())
        walks = repository.walks(session, community, now())
    assert (community in missed) is is_missed
    if is_missed:
        assert round(missed[community] / 60) == last_min
        assert walks[GATEWAY].missed


def test_a_gateways_last_walk_is_never_forgotten(sender: Sender, ask: Ask, engine: Engine) -> None:
    sing(sender, 200, 100, 0)
    with transaction(engine) as session:
        repository.prune(session, now() + timedelta(days=1))
    (left,) = ask("SELECT said_at FROM canaries")
    assert now() - left < timedelta(seconds=60)
