"""Who of a family goes there, and whom a family is told with."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from outer_site import Site, ago
from own_home import home_of, second_child
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.life import hand_back
from anju_platform.alerts.model import Alert
from anju_platform.alerts.service import AlertChangedError
from anju_platform.alerts.telling import meant, tell
from anju_platform.auth.model import Role, User
from anju_platform.database import now, transaction
from anju_platform.errors import ForbiddenError, NotFoundError
from anju_platform.escalation.escalating import escalate_due
from anju_platform.notifications.families import family_of
from anju_platform.notifications.model import Notification
from anju_platform.notifications.repository import add
from anju_platform.notifications.taking_up import NO_FAMILY, take_up

LogIn = Callable[..., httpx.Client]


# -- I'm going ---------------------------------------------------------------------------


def test_who_goes_is_seen_by_the_family_and_the_desk(site: Site, log_in: LogIn) -> None:
    son = second_child(site)
    alert_id = site.alert(severity=1)
    seen = log_in("family").put(f"/api/v1/alerts/{alert_id}/going").json()
    assert (seen["going"], seen["handling"]) == ("张敏", "unacked")
    with transaction(site.engine) as session, pytest.raises(AlertChangedError) as faster:
        service.go(session, son, alert_id, screen="family")
    assert faster.value.alert.going == "张敏"
    at_the_desk = log_in("guard").get(f"/api/v1/alerts/{alert_id}").json()
    assert at_the_desk["alert"]["going"] == "张敏"
    assert [step["kind"] for step in at_the_desk["timeline"]] == ["raised", "going"]


def test_a_life_stays_with_the_desk_though_a_daughter_goes(site: Site) -> None:
    alert_id = site.alert(severity=1)
    with transaction(site.engine) as session:
        service.go(session, site.actor(Role.FAMILY), alert_id, screen="family")
    with transaction(site.engine) as session:
        alert = session.get_one(Alert, alert_id)
        assert alert.handling == "unacked"
        alert.due_at = ago(seconds=1)
    assert escalate_due(site.engine) == 1


def test_anything_else_is_taken_on_and_given_back(site: Site) -> None:
    daughter, son = site.actor(Role.FAMILY), second_child(site)
    alert_id = site.alert(severity=3)
    with transaction(site.engine) as session:
        taken = service.go(session, daughter, alert_id, screen="family")
    assert (taken.handling, taken.owner, taken.going) == ("acked", "张敏", "张敏")
    with transaction(site.engine) as session:
        assert service.stay(session, son, alert_id, screen="family").going == "张敏"
        given = service.stay(session, daughter, alert_id, screen="family")
    assert (given.handling, given.owner, given.going) == ("unacked", None, None)
    with transaction(site.engine) as session:
        assert service.go(session, son, alert_id, screen="family").going == "张强"


def test_to_say_it_twice_is_the_same_as_once(site: Site) -> None:
    alert_id = site.alert()
    for _ in range(2):
        with transaction(site.engine) as session:
            service.go(session, site.actor(Role.FAMILY), alert_id, screen="family")
    with transaction(site.engine) as session:
        detail = service.alert_detail(session, site.actor(), alert_id)
    assert [step.kind for step in detail.timeline] == ["raised", "going"]


def test_what_a_life_may_hang_on_stays_with_the_desk_whatever_its_severity(site: Site) -> None:
    alert_id = site.alert(severity=2, latched=True)
    with transaction(site.engine) as session:
        gone = service.go(session, site.actor(Role.FAMILY), alert_id, screen="family")
    assert (gone.handling, gone.going) == ("unacked", "张敏")


def test_what_is_new_to_people_again_is_new_to_the_family(site: Site) -> None:
    daughter, son = site.actor(Role.FAMILY), second_child(site)
    alert_id = site.alert(severity=3)
    with transaction(site.engine) as session:
        service.go(session, daughter, alert_id, screen="family")
    with transaction(site.engine) as session:
        hand_back(session.get_one(Alert, alert_id), now())  # it rose, or she was gone too long
    with transaction(site.engine) as session:
        taken = service.go(session, son, alert_id, screen="family")
    assert (taken.handling, taken.going) == ("acked", "张强")


def test_who_was_held_up_is_relieved(site: Site) -> None:
    daughter, son = site.actor(Role.FAMILY), second_child(site)
    alert_id = site.alert(severity=1)
    with transaction(site.engine) as session:
        service.go(session, daughter, alert_id, screen="family")
        session.get_one(Alert, alert_id).going_at = ago(minutes=31)
    with transaction(site.engine) as session:
        assert service.go(session, son, alert_id, screen="family").going == "张强"


def test_who_relieves_somebody_has_what_they_had(site: Site) -> None:
    daughter, son = site.actor(Role.FAMILY), second_child(site)
    alert_id = site.alert(severity=3)
    with transaction(site.engine) as session:
        service.go(session, daughter, alert_id, screen="family")
        session.get_one(Alert, alert_id).going_at = ago(minutes=31)
    with transaction(site.engine) as session:
        relieved = service.go(session, son, alert_id, screen="family")
    assert (relieved.going, relieved.acked_by) == ("张强", "张强")
    with transaction(site.engine) as session:
        assert service.stay(session, daughter, alert_id, screen="family").going == "张强"
        assert service.stay(session, son, alert_id, screen="family").handling == "unacked"


def test_nobody_goes_to_what_is_over(site: Site) -> None:
    alert_id = site.alert(severity=3, condition="clear", cleared_at=now())
    with transaction(site.engine) as session, pytest.raises(AlertChangedError, match="over"):
        service.go(session, site.actor(Role.FAMILY), alert_id, screen="family")


def test_who_cannot_go_takes_it_from_nobody_who_was_sent(site: Site) -> None:
    daughter = site.actor(Role.FAMILY)
    alert_id = site.alert(severity=3)
    with transaction(site.engine) as session:
        seen = service.go(session, daughter, alert_id, screen="family")
        guard = site.actor().user_id
        service.dispatch(
            session, site.actor(), alert_id, user_id=guard, version=seen.version, screen="wall-1"
        )
    with transaction(site.engine) as session:
        after = service.stay(session, daughter, alert_id, screen="family")
    assert (after.handling, after.owner, after.going) == ("acked", "王磊", None)


def test_whoever_was_told_first_hears_that_she_cannot_go(site: Site) -> None:
    alert_id = site.alert(severity=3)
    with transaction(site.engine) as session:
        add(session, tell(session.get_one(Alert, alert_id), "raised", ("role:guard",)))
    daughter = site.actor(Role.FAMILY)
    with transaction(site.engine) as session:
        service.go(session, daughter, alert_id, screen="family")
    with transaction(site.engine) as session:
        after = service.stay(session, daughter, alert_id, screen="family")
    with Session(site.engine) as session:
        told = session.scalars(select(Notification).order_by(Notification.id)).all()
    assert [(one.recipient, one.payload["kind"]) for one in told] == [
        ("role:guard", "raised"),
        ("role:guard", "expired"),
    ]
    assert told[-1].transition == after.version


def test_nobody_goes_to_what_is_closed_or_anothers(site: Site) -> None:
    family = site.actor(Role.FAMILY)
    closed = site.alert(handling="closed", closed_at=now())
    elsewhere = site.alert("gate-south")
    with transaction(site.engine) as session:
        with pytest.raises(AlertChangedError, match="over"):
            service.go(session, family, closed, screen="family")
        with pytest.raises(NotFoundError):
            service.go(session, family, elsewhere, screen="family")
        with pytest.raises(ForbiddenError):
            service.go(session, site.actor(Role.GUARD), elsewhere, screen="family")


# -- telling -----------------------------------------------------------------------------


def test_a_family_is_told_of_its_own_home_alone(site: Site, reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = home_of(site)
    reached.rings(1, family_of(home))
    reached.turn()
    assert [one.json()["to"] for one in sink.received] == ["13900000001"]
    assert "/family/alerts/" in sink.received[0].json()["url"]
    assert meant(None, "role:family") is None
    assert meant(home, "role:family") == family_of(home)
    assert meant(home, "role:guard") == "role:guard"


def test_the_family_is_told_though_the_desk_has_it(
    site: Site, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = home_of(site)
    alert_id = reached.rings(1, family_of(home))
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert_id, version=1, screen="wall-1")
    reached.turn()
    assert reached.states() == [("voice", "accepted")]
    assert "已有人在处理" in sink.received[0].json()["say"]


def test_what_asks_the_desk_again_is_not_said_to_a_family_once_somebody_has_it(
    site: Site, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    family = family_of(home_of(site))
    alert_id = reached.rings(1, family, kind="escalated")
    reached.tells(alert_id, family, kind="expired")
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert_id, version=1, screen="wall-1")
    reached.turn()
    assert sink.received == []


def test_a_family_is_never_asked_to_take_it_on(site: Site, reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    reached.rings(1, family_of(home_of(site)), kind="escalated")
    reached.turn()
    assert "值班台已收到，尚无人接手" in sink.received[0].json()["say"]


def test_no_role_means_every_family_there_is(site: Site, reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = home_of(site)
    reached.rings(1, "role:family", f"family:{site.actor(Role.FAMILY).user_id}", f"king:{home}")
    reached.turn()
    assert sink.received == []


def test_a_plan_names_nobody_who_may_not_see_every_alert(site: Site, log_in: LogIn) -> None:
    family = site.actor(Role.FAMILY).user_id
    plan = {"steps": [{"after_s": 30, "to": [f"user:{family}"]}], "repeat_s": 60}
    answer = log_in("admin").put("/api/v1/escalation/1", json=plan)
    assert (answer.status_code, "see" in answer.json()["detail"]) == (422, True)


def test_one_relative_who_looks_speaks_for_no_other(
    site: Site, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = home_of(site)
    alert_id = reached.rings(3, family_of(home))
    second_child(site)
    with transaction(site.engine) as session:
        session.execute(
            update(Notification)
            .where(Notification.alert_id == alert_id)
            .values(delivered_at=now(), seen_at=now())
        )
    reached.later(11)
    reached.turn()
    assert reached.states() == [("voice", "accepted")]


def test_a_home_nobody_logs_in_for_is_said_to_be_one(site: Site) -> None:
    home = home_of(site)
    with transaction(site.engine) as session:
        session.execute(update(User).where(User.role == Role.FAMILY).values(disabled=True))
    alert_id = site.alert()
    with transaction(site.engine) as session:
        add(session, tell(session.get_one(Alert, alert_id), "raised", (family_of(home),)))
    take_up(site.engine, lambda *_: None)
    with Session(site.engine) as session:
        one = session.scalars(select(Notification)).one()
    assert (one.state, one.error) == ("cancelled", NO_FAMILY)


def test_escalation_names_the_family_of_that_home(site: Site) -> None:
    home = home_of(site)
    plan = {"steps": [{"after_s": 30, "to": ["role:family"]}], "repeat_s": 60}
    begun = plan | {"since": round(ago(minutes=5).timestamp() * 1000), "severity": 1}
    for slug, told in (
        ("b1-501-sos", {family_of(home), "role:property"}),  # a family alone can close nothing
        ("gate-south", {"role:property"}),
    ):
        alert_id = site.alert(slug, policy=begun, due_at=ago(seconds=1))
        escalate_due(site.engine)
        with Session(site.engine) as session:
            query = select(Notification.recipient).where(Notification.alert_id == alert_id)
            assert set(session.scalars(query)) == told
