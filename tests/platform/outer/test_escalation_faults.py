"""Calling people while several look at once, something fails, or the worker is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from night_desk import GUARD, STARTED, Desk, policy
from outer_site import Site
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.database import now, transaction
from anju_platform.escalation import escalating
from anju_platform.escalation.escalating import escalate_due
from anju_platform.escalation.model import EscalationPolicy
from anju_platform.notifications.outside.delivering import Deliverer
from anju_platform.oversight import Overseer
from anju_platform.rulebook.texts import NO_SCREEN, NOT_ESCALATED
from anju_platform.worker import Worker

LogIn = Callable[..., httpx.Client]

# -- several at once, and faults -------------------------------------------------------------


def test_many_that_look_at_the_same_moment_tell_once(desk: Desk) -> None:
    found = [desk.rings() for _ in range(5)]
    desk.look()
    desk.at += timedelta(seconds=60)
    start = threading.Barrier(6)

    def look() -> None:
        start.wait()
        escalate_due(desk.site.engine, desk.at)

    with ThreadPoolExecutor(6) as threads:
        for task in [threads.submit(look) for _ in range(6)]:
            task.result()
    assert [len(desk.steps(one)) for one in found] == [1] * 5


def test_an_alert_that_cannot_be_dealt_with_keeps_no_other_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = desk.rings(), desk.rings()
    ask = escalating.notifications.told_first

    def told_first(session: Session, alert: UUID) -> list[str]:
        if alert == bad:
            session.execute(text("SELECT 1 / 0"))
        return ask(session, alert)

    monkeypatch.setattr(escalating.notifications, "told_first", told_first)
    desk.look()
    desk.wait(60)
    assert (len(desk.steps(bad)), len(desk.steps(good))) == (0, 1)
    assert desk.messages(bad) == [(1, 0, GUARD)]
    assert escalate_due(desk.site.engine, desk.at) == 0  # the worker may rest meanwhile
    monkeypatch.undo()
    desk.look()
    assert len(desk.steps(bad)) == 1


def test_a_plan_nobody_can_read_is_replaced_by_the_products_own(desk: Desk, log_in: LogIn) -> None:
    alert = desk.rings()
    desk.look()
    desk.changes(alert, policy={"steps": "rubbish"})
    with transaction(desk.site.engine) as session:
        session.add(
            EscalationPolicy(
                community_id=desk.site.community_id,
                severity=1,
                policy={"steps": "rubbish"},
                changed_at=STARTED,
            )
        )
    assert log_in("guard").get(f"/api/v1/alerts/{alert}").json()["next_step"] is None
    assert log_in("property").get("/api/v1/escalation").status_code == 200
    desk.wait(130)
    assert len(desk.steps(alert)) == 1


def test_the_worst_are_told_first_however_many_wait(desk: Desk) -> None:
    many = [desk.rings(severity=4) for _ in range(escalating.AT_ONCE + 5)]
    worst = desk.rings()
    desk.look()
    assert desk.alert(worst).policy is not None
    assert sum(desk.alert(one).policy is None for one in many) == 6


@pytest.mark.parametrize(("severity", "minutes"), [(1, 5), (2, 30), (3, 240), (4, 1440)])
def test_an_acknowledgement_lasts_as_its_severity_says(
    desk: Desk, severity: int, minutes: int
) -> None:
    alert = desk.rings(severity=severity)
    with transaction(desk.site.engine) as session:
        service.acknowledge(session, desk.site.actor(), alert, version=1, screen="wall")
    left = desk.alert(alert).due_at - now()
    assert timedelta(minutes=minutes, seconds=-20) < left <= timedelta(minutes=minutes)


def test_what_the_release_before_acknowledged_lasts_as_long(desk: Desk) -> None:
    """It knows no due time: that is still the one of the next step."""
    alert = desk.rings()
    desk.look()
    desk.changes(alert, handling="acked", acked_at=desk.at, version=2)
    desk.wait(290)
    assert desk.alert(alert).handling == "acked"
    desk.wait(11)
    assert desk.alert(alert).handling == "unacked"


def test_what_falls_goes_on_by_the_plan_of_what_it_is_now(desk: Desk) -> None:
    alert = desk.rings()
    desk.look()
    desk.wait(60)
    desk.changes(alert, severity=3)
    desk.wait(300)
    assert [at for at, _ in desk.steps(alert)] == [60]


@pytest.fixture
def overseer(site: Site) -> Iterator[Overseer]:
    overseer = Overseer(site.engine.url.render_as_string(hide_password=False))
    for at in range(0, 20, 2):
        overseer.look(at)
    yield overseer
    overseer._engine.dispose()


def test_what_the_worker_should_have_told_is_told_by_who_watches_and_is_an_alert(
    site: Site, overseer: Overseer
) -> None:
    alert = site.alert(due_at=now() - timedelta(seconds=75))
    overseer.look(20)
    with Session(site.engine) as session:
        titles = select(Alert.title_en).where(Alert.rule_id == NOT_ESCALATED)
        assert list(session.scalars(titles)) == ["Nobody hears that an alert waits"]
        kinds = select(TimelineEntry.kind).where(TimelineEntry.alert_id == alert)
        assert "escalated" in session.scalars(kinds)
    overseer.look(22)
    with Session(site.engine) as session:
        own = session.scalars(select(Alert).where(Alert.rule_id == NOT_ESCALATED)).one()
        assert (own.condition, own.handling) == ("clear", "unacked")


def test_walls_that_are_all_off_are_an_alert_until_one_is_on_or_its_desk_is_gone(
    desk: Desk, overseer: Overseer, log_in: LogIn
) -> None:
    def look(at: float) -> list[tuple[str, str]]:
        overseer.look(at)
        with Session(desk.site.engine) as session:
            query = select(Alert).where(Alert.rule_id == NO_SCREEN).order_by(Alert.id)
            return [(one.condition, one.title_en) for one in session.scalars(query)]

    desk.wall_is_alive(now() - timedelta(seconds=40))
    assert look(20) == []
    desk.wall_is_alive(now() - timedelta(seconds=50))
    assert look(22) == [("active", "No wall is watched")]
    desk.wall_is_alive(now())
    assert look(24) == [("clear", "No wall is watched")]
    desk.wall_is_alive(now() - timedelta(seconds=50))
    assert look(26) == [("active", "No wall is watched")]
    assert log_in("property").delete("/api/v1/screens/posts/wall-1").status_code == 204
    assert look(28) == [("clear", "No wall is watched")]


def test_what_waits_for_its_time_is_no_fault(site: Site, overseer: Overseer) -> None:
    site.alert(due_at=now() + timedelta(seconds=30))
    site.alert(due_at=now() - timedelta(seconds=5))
    overseer.look(20)
    with Session(site.engine) as session:
        assert session.scalars(select(Alert).where(Alert.rule_id == NOT_ESCALATED)).all() == []


def test_the_worker_calls_people_in_time(desk: Desk, site: Site, log_in: LogIn) -> None:
    desk.wall_is_alive(now() + timedelta(minutes=1))
    log_in("admin").put("/api/v1/escalation/1", json=policy(2)).raise_for_status()
    worker = Worker(site.engine, Deliverer(site.engine, None, "http://127.0.0.1"))
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        alert = site.alert()
        raised = now()
        called = _wait_for_call(site, alert)
    finally:
        worker.stop()
        thread.join()
    assert 1.5 < (called - raised).total_seconds() < 6


def _wait_for_call(site: Site, alert: UUID) -> datetime:
    query = select(TimelineEntry.at).where(
        TimelineEntry.alert_id == alert, TimelineEntry.kind == "escalated"
    )
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with Session(site.engine) as session:
            found = session.scalar(query)
        if found is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("nobody was called")
