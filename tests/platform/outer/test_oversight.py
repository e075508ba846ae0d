"""Who watches the platform: alerts about ourselves, once per outage, whoever looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from duty_desk import DutyDesk
from night_desk import Desk
from outer_site import Site, ago
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert, TimelineEntry
from anju_platform.database import now, transaction
from anju_platform.notifications.model import Notification
from anju_platform.oversight import Doubt, Doubts, Fault, Overseer
from anju_platform.rulebook.texts import CANARY_MISSED, INGEST_DOWN, ROTA_HOLE, WORKER_DOWN
from anju_platform.system import repository
from anju_platform.vitals import Figures

LogIn = Callable[..., httpx.Client]


class Watched:
    """The processes' rows as they would be, and overseers that look when told to."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.at = 1_000.0
        self._overseers: list[Overseer] = []

    def says(
        self, name: str, silent_s: float = 0.0, *, heard: bool = True, unheard_s: float = 0.0
    ) -> None:
        """Let a process have given its last word so many seconds ago."""
        figures = Figures(
            communities=[self.site.community_id] if heard else [], unheard_s=unheard_s
        )
        with transaction(self.site.engine) as session:
            repository.beat(
                session,
                name=name,
                kind=name.partition("-")[0],
                host="here",
                pid=1,
                started_at=now(),
                figures=figures,
            )
            session.execute(
                text("UPDATE processes SET at = at - make_interval(secs => :s) WHERE name = :n"),
                {"s": silent_s, "n": name},
            )

    def leaves(self, name: str) -> None:
        with transaction(self.site.engine) as session:
            repository.remove_process(session, name, "here", 1)

    def overseer(self) -> Overseer:
        self._overseers.append(Overseer(self.site.engine.url.render_as_string(hide_password=False)))
        return self._overseers[-1]

    def look(self, overseer: Overseer, *, for_s: float = 2.0) -> None:
        """Let an overseer look every two seconds for so long; nothing else moves."""
        for _ in range(round(for_s / 2)):
            self.at += 2
            overseer.look(self.at)

    def alerts(self, rule: str = INGEST_DOWN) -> list[Alert]:
        with Session(self.site.engine) as session:
            query = select(Alert).where(Alert.rule_id == rule).order_by(Alert.id)
            return list(session.scalars(query))

    def steps(self) -> list[str]:
        with Session(self.site.engine) as session:
            return list(session.scalars(select(TimelineEntry.kind).order_by(TimelineEntry.id)))

    def close(self) -> None:
        for overseer in self._overseers:
            overseer._engine.dispose()


@pytest.fixture
def watched(site: Site) -> Iterator[Watched]:
    watched = Watched(site)
    watched.says("worker-1")
    yield watched
    watched.close()


# -- when it is wrong ------------------------------------------------------------------------


def looked(*until: int) -> Doubts:
    """Doubts of somebody who looked every two seconds up to the first time, then at the others."""
    doubts = Doubts()
    for at in (*range(0, until[0] + 1, 2), *until[1:]):
        doubts.look(at)
    return doubts


def test_silence_counts_from_the_last_word_but_only_for_who_has_looked_on() -> None:
    assert looked(0).judge("one", 500, 0) == Doubt()
    assert looked(14).judge("one", 514, 14) == Doubt()
    assert looked(16).judge("one", 516, 16) == Fault(516, 2)
    assert looked(16).judge("one", 15, 16) is None


def test_who_could_not_look_for_a_while_begins_anew() -> None:
    """The database was away: nobody could give a sign of life."""
    assert looked(20, 26).judge("one", 20, 26) == Fault(20, 2)
    assert looked(20, 28).judge("one", 20, 28) == Doubt()


def test_what_is_written_nowhere_counts_from_when_it_was_first_missed() -> None:
    doubts = looked(20)
    assert doubts.judge("one", 0, 20) is None
    judged = {}
    for at in range(22, 44, 2):
        doubts.look(at)
        judged[at] = doubts.judge("one", None, at)
    assert judged[22] == judged[36] == Doubt()
    assert judged[38] == Fault(16, 2)


# -- what is made of it ----------------------------------------------------------------------


def test_an_ingest_that_is_gone_is_an_alert_for_guard_property_and_admin(
    watched: Watched, log_in: LogIn
) -> None:
    watched.says("ingest-1", 20)
    overseer = watched.overseer()
    watched.look(overseer, for_s=20)
    (alert,) = log_in("guard").get("/api/v1/alerts").json()
    assert (alert["rule_id"], alert["title"], alert["title_en"], alert["severity"]) == (
        INGEST_DOWN,
        "平台接收中断",
        "The platform receives nothing",
        2,
    )
    assert alert["condition"] == "active"
    with Session(watched.site.engine) as session:
        told = set(session.scalars(select(Notification.recipient)))
    assert told == {"role:guard", "role:property", "role:admin"}


def test_it_is_raised_once_and_clears_when_ingest_is_back(watched: Watched) -> None:
    watched.says("ingest-1", 20)
    overseer = watched.overseer()
    watched.look(overseer, for_s=60)
    assert [one.occurrences for one in watched.alerts()] == [1]
    watched.says("ingest-1")
    watched.look(overseer, for_s=6)
    assert [one.condition for one in watched.alerts()] == ["clear"]
    assert watched.steps() == ["raised", "cleared"]


def test_a_rota_by_which_nobody_is_on_duty_is_said_and_over_when_somebody_is(
    watched: Watched, desk: Desk
) -> None:
    duty, overseer = DutyDesk(desk), watched.overseer()
    duty.rota(("00:00", "00:00", "guard2"))
    watched.look(overseer, for_s=4)
    assert watched.alerts(ROTA_HOLE) == []
    duty.shut_out("guard2")
    watched.look(overseer, for_s=30)
    assert watched.alerts(ROTA_HOLE) == []  # once a minute
    watched.look(overseer, for_s=36)
    (alert,) = watched.alerts(ROTA_HOLE)
    assert (alert.severity, alert.condition, alert.occurrences) == (3, "active", 1)
    with transaction(duty.engine) as session:
        session.execute(text("UPDATE users SET disabled = false"))
    watched.look(overseer, for_s=62)
    (alert,) = watched.alerts(ROTA_HOLE)
    assert alert.condition == "clear"


def test_a_canary_that_is_missed_is_waited_for_once_more_and_then_said(watched: Watched) -> None:
    watched.says("ingest-1")
    overseer = watched.overseer()
    sung = (
        "INSERT INTO canaries (gateway_id, said_at, community_id, stored_at)"
        " SELECT id, :at, community_id, :at FROM gateways WHERE slug = 'gw-west'"
    )
    with transaction(watched.site.engine) as session:
        session.execute(
            text("UPDATE gateways SET online = true, status_at = :at"), {"at": ago(minutes=90)}
        )
        session.execute(text(sung), {"at": ago(minutes=20)})
    watched.look(overseer, for_s=350)
    assert watched.alerts(CANARY_MISSED) == []
    watched.look(overseer, for_s=30)
    (alert,) = watched.alerts(CANARY_MISSED)
    assert (alert.severity, alert.condition) == (2, "active")
    again = watched.overseer()
    with transaction(watched.site.engine) as session:
        session.execute(
            text("UPDATE alerts SET handling = 'closed', closed_at = now(), closed_by = :who"),
            {"who": watched.site.actor().user_id},
        )
    watched.look(again, for_s=400)  # another one looks, and knows that somebody closed it
    assert [one.handling for one in watched.alerts(CANARY_MISSED)] == ["closed"]
    with transaction(watched.site.engine) as session:
        session.execute(text("UPDATE alerts SET handling = 'acked', closed_at = NULL"))
    watched.says("ingest-1", 20)  # now nothing comes in at all: that is said, not this
    watched.look(overseer, for_s=20)
    assert len(watched.alerts(INGEST_DOWN)) == 1
    watched.says("ingest-1")
    with transaction(watched.site.engine) as session:
        session.execute(text(sung), {"at": now()})
    watched.look(overseer, for_s=4)
    assert [one.condition for one in watched.alerts(CANARY_MISSED)] == ["clear"]


def test_a_restart_shorter_than_the_limit_raises_nothing(watched: Watched) -> None:
    watched.says("ingest-1")
    overseer = watched.overseer()
    watched.look(overseer, for_s=30)
    watched.leaves("ingest-1")
    watched.look(overseer, for_s=10)
    watched.says("ingest-1", heard=False)  # it is back and waits for office
    watched.look(overseer, for_s=4)
    watched.says("ingest-1")
    watched.look(overseer, for_s=30)
    assert watched.alerts() == []


def test_another_worker_neither_doubles_nor_clears_it(watched: Watched) -> None:
    watched.says("ingest-1", 20)
    first = watched.overseer()
    watched.look(first, for_s=20)
    second = watched.overseer()  # the worker was started anew, in the middle of it
    watched.look(second, for_s=30)
    assert [(one.occurrences, one.condition) for one in watched.alerts()] == [(1, "active")]
    assert watched.steps() == ["raised"]


def test_many_that_look_at_the_same_moment_raise_one(watched: Watched) -> None:
    watched.says("ingest-1", 20)
    overseers = [watched.overseer() for _ in range(6)]
    for at in range(0, 16, 2):
        for overseer in overseers:
            overseer.look(watched.at + at)
    start = threading.Barrier(len(overseers))

    def look(overseer: Overseer) -> None:
        start.wait()
        overseer.look(watched.at + 16)

    with ThreadPoolExecutor(len(overseers)) as threads:
        list(threads.map(look, overseers))
    assert [one.occurrences for one in watched.alerts()] == [1]


def test_an_ingest_that_lives_but_hears_nothing_is_an_outage_too(watched: Watched) -> None:
    """No broker, or a network thread that stands still: the process says so itself."""
    watched.says("ingest-1", unheard_s=40)
    overseer = watched.overseer()
    watched.look(overseer, for_s=20)
    assert len(watched.alerts()) == 1


def test_another_ingest_that_took_over_is_no_outage(watched: Watched) -> None:
    watched.says("ingest-1", 300)
    watched.says("ingest-2")
    watched.look(watched.overseer(), for_s=40)
    assert watched.alerts() == []


def test_after_two_minutes_it_is_about_lives_and_tells_people_again(watched: Watched) -> None:
    watched.says("ingest-1", 20)
    overseer = watched.overseer()
    watched.look(overseer, for_s=20)
    watched.says("ingest-1", 121)
    watched.look(overseer, for_s=6)
    (alert,) = watched.alerts()
    assert alert.severity == 1
    assert watched.steps() == ["raised", "rose"]
    with Session(watched.site.engine) as session:
        assert session.query(Notification).count() == 6


def test_who_closes_it_while_it_lasts_is_not_told_again(watched: Watched) -> None:
    watched.says("ingest-1", 20)
    overseer = watched.overseer()
    watched.look(overseer, for_s=20)
    close(watched, watched.alerts()[0].id)
    watched.look(overseer, for_s=20)
    assert [one.handling for one in watched.alerts()] == ["closed"]
    watched.says("ingest-1")
    watched.look(overseer, for_s=4)
    with transaction(watched.site.engine) as session:  # it was closed long before the next outage
        session.execute(text("UPDATE alerts SET closed_at = closed_at - interval '1 hour'"))
    watched.says("ingest-1", 20)
    watched.look(overseer, for_s=4)
    assert [one.handling for one in watched.alerts()] == ["closed", "unacked"]


def close(watched: Watched, alert_id: UUID) -> None:
    user_id = watched.site.actor().user_id
    with transaction(watched.site.engine) as session:
        alert = session.get_one(Alert, alert_id)
        alert.handling, alert.closed_at, alert.closed_by = "closed", now(), user_id


def test_a_community_nobody_speaks_for_is_not_watched(watched: Watched) -> None:
    with transaction(watched.site.engine) as session:
        session.execute(text("DELETE FROM devices"))
        session.execute(text("DELETE FROM gateways"))
    watched.look(watched.overseer(), for_s=40)
    assert watched.alerts() == []


# -- nobody is told --------------------------------------------------------------------------


def test_a_worker_that_is_gone_is_told_by_who_is_left(watched: Watched) -> None:
    watched.says("ingest-1")
    watched.says("worker-1", 20)
    overseer = watched.overseer()
    watched.look(overseer, for_s=20)
    assert [one.title_en for one in watched.alerts(WORKER_DOWN)] == ["The platform tells nobody"]
    watched.says("worker-1")
    watched.look(overseer, for_s=2)
    assert [one.condition for one in watched.alerts(WORKER_DOWN)] == ["clear"]
    assert watched.alerts(INGEST_DOWN) == []


def test_a_worker_that_lives_but_sends_nothing_is_told(watched: Watched) -> None:
    watched.says("ingest-1")
    due(watched.site, minutes=2)
    watched.look(watched.overseer(), for_s=20)
    assert len(watched.alerts(WORKER_DOWN)) == 1


def test_what_was_taken_up_is_no_fault_of_the_worker(watched: Watched) -> None:
    watched.says("ingest-1")
    due(watched.site, minutes=2, routed_at=now())
    watched.look(watched.overseer(), for_s=20)
    assert watched.alerts(WORKER_DOWN) == []


def due(site: Site, *, minutes: float, routed_at: datetime | None = None) -> None:
    alert_id = site.alert()
    with transaction(site.engine) as session:
        session.add(
            Notification(
                community_id=site.community_id,
                alert_id=alert_id,
                transition=1,
                recipient="role:guard",
                channel="in_app",
                routed_at=routed_at,
                created_at=ago(minutes=minutes),
                next_attempt_at=ago(minutes=minutes),
                expires_at=now() + timedelta(hours=1),
            )
        )
