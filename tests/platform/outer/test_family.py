"""Homes as their families see them: the truth in one state, who goes, who looked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from outer_site import PASSWORD_HASH, Site, ago, community_file
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from stored_points import store

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert
from anju_platform.alerts.service import AlertChangedError
from anju_platform.alerts.telling import meant, tell
from anju_platform.auth.model import HomeScope, LoginSession, Role, User
from anju_platform.care import homes
from anju_platform.care.schemas import HomeState, HomeView
from anju_platform.database import now, transaction
from anju_platform.errors import ForbiddenError, InvalidRequestError, NotFoundError
from anju_platform.escalation.escalating import escalate_due
from anju_platform.notifications.model import Notification
from anju_platform.notifications.repository import add
from anju_platform.notifications.taking_up import NO_FAMILY, take_up
from anju_platform.people.model import Household
from anju_platform.provision import import_community
from anju_platform.registry.model import Device, Gateway
from anju_platform.rulebook.model import RuleState

LogIn = Callable[..., httpx.Client]
HOME = "h-501"


def view(site: Site, **given: Any) -> HomeView:
    with transaction(site.engine) as session:
        return homes.home_view(session, site.actor(Role.FAMILY), HOME, **given)


def all_report(site: Site) -> None:
    for slug in ("b1-501-sos", "b1-501-bed", "b1-501-pir"):
        site.says(slug, now(), battery=90)
    moved(site, ago(minutes=8))


def moved(site: Site, at: datetime) -> None:
    with transaction(site.engine) as session:
        session.add(
            RuleState(
                community_id=site.community_id,
                rule_id="home-state",
                entity=HOME,
                state={"last_motion": round(at.timestamp() * 1000)}
                | {"last_sign": round(at.timestamp() * 1000)},
                due_at=None,
            )
        )


def second_child(site: Site, relation: str = "儿子") -> Any:
    with transaction(site.engine) as session:
        user = User(
            username="son",
            name="张强",
            role=Role.FAMILY,
            community_id=site.community_id,
            password_hash=PASSWORD_HASH,
        )
        session.add(user)
        session.flush()
        home = session.scalars(select(Household.id)).one()
        session.add(HomeScope(user_id=user.id, household_id=home, relation=relation))
    return site.actor(username="son")


# -- the state ---------------------------------------------------------------------------


def test_a_home_of_which_nothing_was_heard_is_not_called_well(site: Site) -> None:
    seen = view(site)
    assert seen.state is HomeState.UNPROTECTED
    assert [one.slug for one in seen.unheard] == ["b1-501-sos"]
    assert (seen.reporting, len(seen.devices), seen.last_sign_at) == (0, 3, None)
    site.says("b1-501-sos", now(), battery=90)
    assert view(site).state is HomeState.UNKNOWN


def test_an_ordinary_day_is_said_to_be_one(site: Site) -> None:
    all_report(site)
    seen = view(site)
    assert seen.state is HomeState.ORDINARY
    assert (seen.reporting, seen.unheard, seen.alerts) == (3, (), ())
    assert seen.last_sign_at is not None
    assert now() - seen.last_sign_at < timedelta(minutes=9)
    assert seen.home.residents == ("张桂兰",)
    assert seen.home.relation == "女儿"


def test_old_news_is_no_news(site: Site) -> None:
    all_report(site)
    assert view(site, at=now() + timedelta(minutes=20)).state is HomeState.ORDINARY
    with transaction(site.engine) as session:
        session.execute(
            update(RuleState).values(state={"last_sign": round(ago(hours=25).timestamp() * 1000)})
        )
    assert view(site).state is HomeState.UNKNOWN


def test_who_has_gone_out_is_said_to_be(site: Site) -> None:
    all_report(site)
    assert view(site).presence == "in"
    closed = round(ago(minutes=5).timestamp() * 1000)
    with transaction(site.engine) as session:
        state = session.scalars(select(RuleState)).one()
        state.state = state.state | {"last_closed": closed}
    assert view(site).presence == "unknown"
    assert view(site, at=now() + timedelta(minutes=15)).presence == "out"


def test_protection_that_is_off_is_said_to_be(site: Site) -> None:
    all_report(site)
    site.says("b1-501-sos", ago(days=3), battery=90)
    assert view(site).state is HomeState.UNPROTECTED
    site.says("b1-501-sos", now(), battery=90)
    assert view(site).state is HomeState.ORDINARY
    with transaction(site.engine) as session:  # a lost gateway: nobody would hear the button
        session.execute(update(Gateway).values(online=False))
    assert view(site).state is HomeState.UNPROTECTED


@pytest.mark.parametrize(
    ("severity", "state"),
    [(1, HomeState.ALARM), (2, HomeState.ALARM), (3, HomeState.ATTENTION), (4, HomeState.ORDINARY)],
)
def test_an_alert_says_how_it_is(site: Site, severity: int, state: HomeState) -> None:
    all_report(site)
    alert_id = site.alert(severity=severity)
    assert view(site).state is state
    if severity == 4:
        return
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert_id, version=1, screen="wall-1")
    seen = view(site)
    assert (seen.state, seen.alerts[0].acked_by) == (HomeState.HANDLED, "王磊")


def test_the_worst_alert_speaks_for_all(site: Site) -> None:
    all_report(site)
    with transaction(site.engine) as session:
        service.acknowledge(
            session, site.actor(), site.alert(severity=2), version=1, screen="wall-1"
        )
    assert view(site).state is HomeState.HANDLED
    site.alert(severity=1)
    assert view(site).state is HomeState.ALARM


def test_tests_of_devices_and_silent_cries_are_not_shown(site: Site) -> None:
    all_report(site)
    site.alert(mode="test")
    site.alert(rule_id="door-duress")
    site.alert("gate-south")  # not of this home
    assert view(site).alerts == ()
    site.alert(mode="drill")
    assert [one.mode for one in view(site).alerts] == ["drill"]


def test_the_day_is_shown_beside_a_usual_one(site: Site) -> None:
    noon = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)  # 20:30 on the site
    points = [(noon - timedelta(minutes=20 + m), 1.0) for m in range(3)]
    points += [(noon - timedelta(hours=3), 1.0), (noon - timedelta(hours=2), 0.0)]
    points += [(noon - timedelta(hours=13), 1.0)]  # 07:30, the same day there
    points += [(noon - timedelta(hours=21), 1.0)]  # 23:30 of the day before
    store(site.engine, site.device("b1-501-pir"), "motion", points)
    seen = view(site, at=noon)
    assert seen.activity is not None
    assert {h: n for h, n in enumerate(seen.activity.today) if n} == {7: 1, 17: 1, 20: 3}
    assert seen.activity.usual is None


# -- away --------------------------------------------------------------------------------


def test_away_is_declared_and_taken_back(site: Site, log_in: LogIn) -> None:
    all_report(site)
    client = log_in("family")
    until = (now() + timedelta(days=2)).isoformat()
    answer = client.put(f"/api/v1/homes/{HOME}/away", json={"until": until})
    assert answer.status_code == 204
    assert client.get(f"/api/v1/homes/{HOME}").json()["state"] == "away"
    with Session(site.engine) as session:
        attributes = session.scalars(select(Household)).one().attributes
    assert attributes["lives_alone"] is True
    assert datetime.fromisoformat(attributes["away"]) == datetime.fromisoformat(until)
    assert client.delete(f"/api/v1/homes/{HOME}/away").status_code == 204
    assert client.get(f"/api/v1/homes/{HOME}").json()["state"] == "ordinary"
    assert len(site.audited("home.away")) == len(site.audited("home.back")) == 1


def test_away_ends_by_itself(site: Site) -> None:
    all_report(site)
    with transaction(site.engine) as session:
        actor = site.actor(Role.FAMILY)
        homes.declare_away(session, actor, HOME, now() + timedelta(hours=4))
    assert view(site).state is HomeState.AWAY
    assert view(site, at=now() + timedelta(hours=5)).away_until is None


@pytest.mark.parametrize("days", [-1, 91])
def test_nobody_is_away_in_the_past_or_for_ever(site: Site, days: int) -> None:
    with pytest.raises(InvalidRequestError, match="90 days"), transaction(site.engine) as session:
        homes.declare_away(session, site.actor(Role.FAMILY), HOME, now() + timedelta(days=days))


def test_who_is_away_stays_away_when_the_community_is_imported_again(site: Site) -> None:
    with transaction(site.engine) as session:
        homes.declare_away(session, site.actor(Role.FAMILY), HOME, now() + timedelta(days=1))
    with transaction(site.engine) as session:
        import_community(session, community_file())
    assert view(site).away_until is not None


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


def test_nobody_goes_to_what_is_closed_or_anothers(site: Site) -> None:
    family = site.actor(Role.FAMILY)
    closed = site.alert(handling="closed", closed_at=now())
    elsewhere = site.alert("gate-south")
    with transaction(site.engine) as session:
        with pytest.raises(AlertChangedError, match="closed"):
            service.go(session, family, closed, screen="family")
        with pytest.raises(NotFoundError):
            service.go(session, family, elsewhere, screen="family")
        with pytest.raises(ForbiddenError):
            service.go(session, site.actor(Role.GUARD), elsewhere, screen="family")


# -- who looked --------------------------------------------------------------------------


def test_the_family_sees_who_looked(log_in: LogIn) -> None:
    log_in("property").get(f"/api/v1/households/{HOME}")
    log_in("guard").get("/api/v1/devices/b1-501-pir")
    log_in("guard").get("/api/v1/devices/b1-door")
    family = log_in("family")
    family.get(f"/api/v1/homes/{HOME}")
    found = family.get(f"/api/v1/homes/{HOME}/looks").json()
    assert [(one["name"], one["role"], one["subject"]) for one in found] == [
        ("张敏", "family", "household:h-501"),
        ("王磊", "guard", "device:b1-501-pir"),
        ("李强", "property", "household:h-501"),
    ]


def test_a_family_sees_its_own_home_alone(site: Site, log_in: LogIn) -> None:
    with transaction(site.engine) as session:
        known = community_file()
        known["households"].append({"slug": "h-502", "place": "b1"})
        import_community(session, known)
    family = log_in("family")
    assert [home["slug"] for home in family.get("/api/v1/homes").json()] == [HOME]
    for path in ("", "/looks"):
        assert family.get(f"/api/v1/homes/h-502{path}").status_code == 404
    away = {"until": (now() + timedelta(days=1)).isoformat()}
    assert family.put("/api/v1/homes/h-502/away", json=away).status_code == 404


# -- telling -----------------------------------------------------------------------------


def test_a_family_is_told_of_its_own_home_alone(site: Site, reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = site.device("b1-501-sos").household_id
    reached.rings(1, f"family:{home}")
    reached.turn()
    assert [one.json()["to"] for one in sink.received] == ["13900000001"]
    assert sink.received[0].json()["url"].endswith("/family")
    assert meant(None, "role:family") is None
    assert meant(home, "role:family") == f"family:{home}"
    assert meant(home, "role:guard") == "role:guard"


def test_the_family_is_told_though_the_desk_has_it(
    site: Site, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = site.device("b1-501-sos").household_id
    alert_id = reached.rings(1, f"family:{home}")
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert_id, version=1, screen="wall-1")
    reached.turn()
    assert reached.states() == [("voice", "accepted")]


def test_one_relative_who_looks_speaks_for_no_other(
    site: Site, reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.phone("13900000001", "family")
    home = site.device("b1-501-sos").household_id
    alert_id = reached.rings(3, f"family:{home}")
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
    home = site.device("b1-501-sos").household_id
    with transaction(site.engine) as session:
        session.execute(update(User).where(User.role == Role.FAMILY).values(disabled=True))
    alert_id = site.alert()
    with transaction(site.engine) as session:
        add(session, tell(session.get_one(Alert, alert_id), "raised", (f"family:{home}",)))
    take_up(site.engine, lambda *_: None)
    with Session(site.engine) as session:
        one = session.scalars(select(Notification)).one()
    assert (one.state, one.error) == ("cancelled", NO_FAMILY)


def test_escalation_names_the_family_of_that_home(site: Site) -> None:
    home = site.device("b1-501-sos").household_id
    plan = {"steps": [{"after_s": 30, "to": ["role:family"]}], "repeat_s": 60}
    begun = plan | {"since": round(ago(minutes=5).timestamp() * 1000), "severity": 1}
    for slug, told in (("b1-501-sos", f"family:{home}"), ("gate-south", "role:property")):
        alert_id = site.alert(slug, policy=begun, due_at=ago(seconds=1))
        escalate_due(site.engine)
        with Session(site.engine) as session:
            query = select(Notification.recipient).where(Notification.alert_id == alert_id)
            assert session.scalars(query).all() == [told]


# -- staying logged in -------------------------------------------------------------------


def test_a_family_stays_logged_in_for_weeks_and_a_guard_does_not(site: Site, log_in: LogIn) -> None:
    family, guard = log_in("family"), log_in("guard")
    with transaction(site.engine) as session:
        session.execute(update(LoginSession).values(last_used_at=ago(days=20)))
    assert family.get(f"/api/v1/homes/{HOME}").status_code == 200
    assert guard.get("/api/v1/alerts").status_code == 401
    with transaction(site.engine) as session:
        session.execute(update(LoginSession).values(last_used_at=ago(days=31)))
    assert family.get(f"/api/v1/homes/{HOME}").status_code == 401


def test_a_family_of_many_homes_reaches_each(site: Site) -> None:
    with transaction(site.engine) as session:
        device = session.scalars(select(Device).where(Device.slug == "gate-south")).one()
        other = Household(
            community_id=site.community_id, place_id=device.place_id, slug="h-9", attributes={}
        )
        session.add(other)
        session.flush()
        device.household_id = other.id
        user = session.scalars(select(User).where(User.role == Role.FAMILY)).one()
        session.add(HomeScope(user_id=user.id, household_id=other.id, relation="侄女"))
    family = site.actor(Role.FAMILY)
    with transaction(site.engine) as session:
        own = homes.own_homes(session, family)
        assert [(home.slug, home.relation) for home in own] == [(HOME, "女儿"), ("h-9", "侄女")]
        alert_id = site.alert("gate-south")
        assert service.go(session, family, alert_id, screen="family").going == "张敏"
        stranger = dataclasses.replace(family, homes=frozenset())
        with pytest.raises(NotFoundError):
            service.stay(session, stranger, alert_id, screen="family")
