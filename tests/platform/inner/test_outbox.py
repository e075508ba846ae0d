from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from ingest_process import provide_community
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.database import connect, now, reading, transaction
from anju_platform.notifications.model import Notification
from anju_platform.notifications.outside.delivering import Deliverer
from anju_platform.notifications.planning import plan
from anju_platform.notifications.receipts import ReceiptKind, take
from anju_platform.notifications.repository import add
from anju_platform.notifications.taking_up import take_up
from anju_platform.registry.model import Community
from anju_platform.worker import Worker


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    provide_community(database)
    engine = connect(database)
    yield engine
    engine.dispose()


@pytest.fixture
def alert(engine: Engine) -> Alert:
    """An open alert."""
    at = now()
    with transaction(engine) as session:
        alert = Alert(
            id=uuid.uuid4(),
            community_id=session.scalars(select(Community.id)).one(),
            dedupe_key="r|e|",
            rule_id="r",
            rule_version=1,
            entity="e",
            title="求助",
            title_en="SOS",
            icon="sos",
            severity=1,
            condition="active",
            observed_at=at,
            detected_at=at,
            activated_at=at,
        )
        session.add(alert)
    return alert


@pytest.fixture
def guard(alert: Alert) -> Actor:
    """A guard who looks at a screen."""
    return Actor(
        user_id=1,
        username="guard",
        name="王磊",
        role=Role.GUARD,
        community_id=alert.community_id,
        locale="zh_CN",
        session_csrf="",
        token_hash="",
    )


def tell(session: Session, alert: Alert, transition: int = 1) -> None:
    planned = plan(
        community_id=alert.community_id,
        alert_id=alert.id,
        transition=transition,
        severity=alert.severity,
        recipients=("role:guard", "role:property", "role:guard"),
        payload={"kind": "raised"},
    )
    add(session, planned)


class Notes:
    """Who was noted as told, across threads."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def __call__(self, _session: Session, told: Sequence[Notification]) -> None:
        self.told += [one.id for one in told]


def states(engine: Engine) -> list[Any]:
    with reading(engine) as session:
        return list(session.scalars(select(Notification.state).order_by(Notification.id)))


def test_planning_the_same_transition_again_changes_nothing(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
        tell(session, alert)
        tell(session, alert, transition=2)
    assert states(engine) == ["queued"] * 4


def test_a_message_is_taken_up_once(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
    notes = Notes()
    assert take_up(engine, notes) == 2
    assert take_up(engine, notes) == 0
    assert len(notes.told) == 2
    assert states(engine) == ["accepted", "accepted"]


def test_workers_side_by_side_share_the_work(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        for transition in range(1, 201):
            tell(session, alert, transition)
    notes = Notes()

    def work() -> None:
        while take_up(engine, notes):
            pass

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result(60)
    work()
    assert sorted(notes.told) == sorted(set(notes.told))
    assert len(notes.told) == 400


def test_a_receipt_may_come_before_the_worker(engine: Engine, alert: Alert, guard: Actor) -> None:
    with transaction(engine) as session:
        tell(session, alert)
    with transaction(engine) as session:
        assert take(session, guard, [alert.id], ReceiptKind.SEEN) == 1
    notes = Notes()
    assert take_up(engine, notes) == 2
    assert len(notes.told) == 2
    assert states(engine) == ["seen", "accepted"]


def test_what_a_worker_of_the_release_before_took_up_is_not_noted_twice(
    engine: Engine, alert: Alert
) -> None:
    with transaction(engine) as session:
        tell(session, alert)
        session.execute(update(Notification).values(state="accepted", attempts=1))
    notes = Notes()
    assert take_up(engine, notes) == 2
    assert notes.told == []
    assert states(engine) == ["accepted", "accepted"]


def test_the_worker_and_a_screen_never_wait_for_each_other_in_a_circle(
    engine: Engine, alert: Alert, guard: Actor
) -> None:
    with transaction(engine) as session:
        tell(session, alert, transition=2)
        tell(session, alert, transition=1)
    with transaction(engine) as session:  # a row that was changed is found behind the others
        first = session.scalars(select(Notification).order_by(Notification.id)).first()
        assert first is not None
        first.error = "moved"

    def look() -> int:
        with transaction(engine) as session:
            return take(session, guard, [alert.id], ReceiptKind.SEEN)

    pool = ThreadPoolExecutor()
    with transaction(engine) as session:
        mine = session.scalars(
            select(Notification)
            .where(Notification.recipient == "role:guard")
            .order_by(Notification.id)
        ).all()
        session.execute(update(Notification).where(Notification.id == mine[0].id).values(error=""))
        seen = pool.submit(look)
        time.sleep(0.3)
        session.execute(update(Notification).where(Notification.id == mine[1].id).values(error=""))
    assert seen.result(10) == 2


def test_what_is_no_longer_worth_telling_has_expired(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
        session.execute(update(Notification).values(expires_at=now() - timedelta(seconds=1)))
    notes = Notes()
    take_up(engine, notes)
    assert states(engine) == ["expired", "expired"]
    assert notes.told == []


def test_a_crash_before_the_end_takes_nothing_up(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)

    def crash(_session: Session, _told: Sequence[Notification]) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        take_up(engine, crash)
    assert states(engine) == ["queued", "queued"]
    with reading(engine) as session:
        taken = select(func.count()).where(Notification.routed_at.is_not(None))
        assert session.scalar(taken) == 0


def test_the_worker_is_woken_and_writes_who_was_told(engine: Engine, alert: Alert) -> None:
    worker = Worker(engine, Deliverer(engine, None, "http://127.0.0.1"))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        time.sleep(0.3)
        with transaction(engine) as session:
            tell(session, alert)
        started = time.monotonic()
        while states(engine) != ["accepted", "accepted"]:
            assert time.monotonic() - started < 5
            time.sleep(0.005)
        assert time.monotonic() - started < 0.5
    finally:
        worker.stop()
        thread.join()
    with reading(engine) as session:
        entries = session.scalars(select(TimelineEntry).where(TimelineEntry.kind == "told")).all()
        assert {entry.data["recipient"] for entry in entries} == {"role:guard", "role:property"}
