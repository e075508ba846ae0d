from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from ingest_process import provide_community
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.database import connect, now, reading, transaction
from anju_platform.notifications.delivery import Channel, InApp, UndeliverableError, deliver_due
from anju_platform.notifications.model import Notification
from anju_platform.notifications.planning import IN_APP, plan
from anju_platform.notifications.receipts import ReceiptKind, take
from anju_platform.notifications.repository import add
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


def ignore(_session: Session, _accepted: Sequence[Notification]) -> None:
    """Note nothing."""


def states(engine: Engine) -> list[Any]:
    with reading(engine) as session:
        return list(session.scalars(select(Notification.state).order_by(Notification.id)))


class Counting:
    """A channel that counts, and does what it is told."""

    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.delivered: list[int] = []
        self._act = act

    def deliver(self, notification: Notification) -> None:
        self.delivered.append(notification.id)
        self._act()


def fail(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_planning_the_same_transition_again_changes_nothing(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
        tell(session, alert)
        tell(session, alert, transition=2)
    assert states(engine) == ["queued"] * 4


def test_a_message_is_accepted_once(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
    channel = Counting()
    assert deliver_due(engine, {IN_APP: channel}, ignore) == 2
    assert deliver_due(engine, {IN_APP: channel}, ignore) == 0
    assert len(channel.delivered) == 2
    assert states(engine) == ["accepted", "accepted"]


def test_deliverers_side_by_side_share_the_work(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        for transition in range(1, 101):
            tell(session, alert, transition)
    channel = Counting(lambda: time.sleep(0.001))
    threads = [
        threading.Thread(target=lambda: [deliver_due(engine, {IN_APP: channel}, ignore)] * 3)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(channel.delivered) == len(set(channel.delivered))


def test_the_worker_and_a_screen_never_wait_for_each_other_in_a_circle(
    engine: Engine, alert: Alert
) -> None:
    with transaction(engine) as session:
        tell(session, alert, transition=2)
        tell(session, alert, transition=1)
    with transaction(engine) as session:  # a row that was changed is found behind the others
        first = session.scalars(select(Notification).order_by(Notification.id)).first()
        assert first is not None
        first.error = "moved"
    guard = Actor(
        user_id=1,
        username="guard",
        name="王磊",
        role=Role.GUARD,
        community_id=alert.community_id,
        locale="zh_CN",
        session_csrf="",
        token_hash="",
    )

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


def test_a_message_not_accepted_is_tried_again_until_it_is_no_longer_worth_it(
    engine: Engine, alert: Alert
) -> None:
    with transaction(engine) as session:
        tell(session, alert)
    broken: Channel = Counting(fail(ConnectionError("no way")))
    deliver_due(engine, {IN_APP: broken}, ignore)
    assert states(engine) == ["retry", "retry"]
    with transaction(engine) as session:
        session.execute(update(Notification).values(expires_at=now() - timedelta(seconds=1)))
    deliver_due(engine, {IN_APP: broken}, ignore)
    assert states(engine) == ["expired", "expired"]


def test_a_message_that_can_never_be_accepted_is_dead(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
    deliver_due(engine, {IN_APP: Counting(fail(UndeliverableError("gone")))}, ignore)
    assert states(engine) == ["dead", "dead"]


def test_a_lease_of_a_killed_worker_runs_out(engine: Engine, alert: Alert) -> None:
    with transaction(engine) as session:
        tell(session, alert)
        session.execute(
            update(Notification).values(
                state="leased", attempts=1, leased_until=now() - timedelta(seconds=1)
            )
        )
    assert deliver_due(engine, {IN_APP: InApp()}, ignore) == 2
    assert states(engine) == ["accepted", "accepted"]


def test_the_worker_is_woken_and_writes_who_was_told(engine: Engine, alert: Alert) -> None:
    worker = Worker(engine, {IN_APP: InApp()})
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
