"""Homes as their families see them: the truth in one state, away, who looked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from outer_site import Site, ago, community_file
from own_home import HOME, all_report, home_of, view
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from stored_points import store

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert
from anju_platform.audit.model import AuditEntry
from anju_platform.auth.model import HomeScope, LoginSession, Role, User
from anju_platform.care import homes
from anju_platform.care.schemas import HomeState
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError, NotFoundError
from anju_platform.people.model import Household
from anju_platform.provision import import_community
from anju_platform.registry.model import Device, Gateway
from anju_platform.rulebook.model import RuleState

LogIn = Callable[..., httpx.Client]


# -- the state ---------------------------------------------------------------------------


def test_a_home_of_which_nothing_was_heard_is_not_called_well(site: Site) -> None:
    seen = view(site)
    assert seen.home.state is HomeState.UNPROTECTED
    assert [one.slug for one in seen.unheard] == ["b1-501-sos"]
    assert (seen.reporting, len(seen.devices), seen.last_sign_at) == (0, 3, None)
    site.says("b1-501-sos", now(), battery=90)
    assert view(site).home.state is HomeState.UNKNOWN


def test_an_ordinary_day_is_said_to_be_one(site: Site) -> None:
    all_report(site)
    seen = view(site)
    assert seen.home.state is HomeState.ORDINARY
    assert (seen.reporting, seen.unheard, seen.alerts) == (3, (), ())
    assert seen.last_sign_at is not None
    assert now() - seen.last_sign_at < timedelta(minutes=9)
    assert seen.home.residents == ("张桂兰",)
    assert seen.home.relation == "女儿"


def test_old_news_is_no_news(site: Site) -> None:
    all_report(site)
    assert view(site, at=now() + timedelta(minutes=20)).home.state is HomeState.ORDINARY
    with transaction(site.engine) as session:
        session.execute(
            update(RuleState).values(state={"last_sign": round(ago(hours=25).timestamp() * 1000)})
        )
    assert view(site).home.state is HomeState.UNKNOWN


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
    assert view(site).home.state is HomeState.UNPROTECTED
    site.says("b1-501-sos", now(), battery=90)
    assert view(site).home.state is HomeState.ORDINARY
    with transaction(site.engine) as session:  # a lost gateway: nobody would hear the button
        session.execute(update(Gateway).values(online=False))
    assert view(site).home.state is HomeState.UNPROTECTED


@pytest.mark.parametrize(
    ("severity", "state"),
    [(1, HomeState.ALARM), (2, HomeState.ALARM), (3, HomeState.ATTENTION), (4, HomeState.ORDINARY)],
)
def test_an_alert_says_how_it_is(site: Site, severity: int, state: HomeState) -> None:
    all_report(site)
    alert_id = site.alert(severity=severity)
    assert view(site).home.state is state
    if severity == 4:
        return
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert_id, version=1, screen="wall-1")
    seen = view(site)
    assert (seen.home.state, seen.alerts[0].has_it) == (HomeState.HANDLED, "王磊")


def test_the_worst_alert_speaks_for_all(site: Site) -> None:
    all_report(site)
    with transaction(site.engine) as session:
        service.acknowledge(
            session, site.actor(), site.alert(severity=2), version=1, screen="wall-1"
        )
    assert view(site).home.state is HomeState.HANDLED
    site.alert(severity=1)
    assert view(site).home.state is HomeState.ALARM


def acked(site: Site, severity: int, **changed: Any) -> None:
    alert_id = site.alert(severity=severity, **changed)
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert_id, version=1, screen="wall-1")


@pytest.mark.parametrize(
    ("had", "waits", "state"),
    [
        (1, 2, HomeState.ALARM),
        (2, 3, HomeState.ATTENTION),
        (1, 3, HomeState.ATTENTION),
        (3, None, HomeState.HANDLED),
        (1, None, HomeState.HANDLED),
    ],
)
def test_what_somebody_has_hides_nothing_that_nobody_has(
    site: Site, had: int, waits: int | None, state: HomeState
) -> None:
    all_report(site)
    acked(site, had)
    if waits is not None:
        site.alert(severity=waits)
    assert view(site).home.state is state


def test_that_protection_is_off_stays_said_though_somebody_has_it(site: Site) -> None:
    all_report(site)
    site.says("b1-501-sos", ago(days=3), battery=90)
    site.alert(severity=3, rule_id="protection-off")
    assert view(site).home.state is HomeState.UNPROTECTED
    acked(site, 3)
    assert view(site).home.state is HomeState.UNPROTECTED


def test_what_is_over_or_put_aside_is_not_urgent(site: Site) -> None:
    all_report(site)
    over = site.alert(severity=2, condition="clear", cleared_at=now())
    assert view(site).home.state is HomeState.ATTENTION
    with transaction(site.engine) as session:
        session.get_one(Alert, over).condition = "active"
    assert view(site).home.state is HomeState.ALARM
    with transaction(site.engine) as session:
        session.get_one(Alert, over).overlays = ["shelved"]
    seen = view(site)
    assert (seen.home.state, seen.alerts[0].muted) == (HomeState.ATTENTION, True)


def test_what_latches_is_not_over_before_somebody_has_looked(site: Site) -> None:
    all_report(site)
    site.alert(severity=1, condition="clear", cleared_at=now(), latched=True)
    site.says("b1-501-sos", ago(days=3), battery=90)  # and what rang has burnt
    seen = view(site)
    assert (seen.home.state, seen.alerts[0].over) == (HomeState.ALARM, False)


def test_nobody_is_told_that_all_is_well_while_the_platform_hears_nothing(site: Site) -> None:
    all_report(site)
    own = site.alert(None, rule_id="platform-ingest-down", severity=2)
    seen = view(site)
    assert (seen.home.state, seen.deaf, seen.alerts) == (HomeState.UNPROTECTED, True, ())
    with transaction(site.engine) as session:
        session.get_one(Alert, own).condition = "clear"
    assert view(site).home.state is HomeState.ORDINARY


def test_where_nothing_sees_movement_nobody_says_all_is_well(site: Site) -> None:
    all_report(site)
    for slug in ("b1-501-pir", "b1-501-bed"):
        site.says(slug, ago(days=3), battery=90)
    site.says("b1-501-sos", ago(days=3), battery=90)
    assert view(site).home.state is HomeState.UNPROTECTED
    with transaction(site.engine) as session:  # and where they were taken away
        session.execute(
            update(Device).where(Device.household_id == home_of(site)).values(state="retired")
        )
    seen = view(site)
    assert (seen.home.state, seen.devices) == (HomeState.UNKNOWN, ())


def test_tests_of_devices_and_silent_cries_are_not_shown(site: Site) -> None:
    all_report(site)
    site.alert(mode="test")
    site.alert(rule_id="door-duress")
    site.alert("gate-south")  # not of this home
    assert view(site).alerts == ()
    site.alert(mode="drill")
    seen = view(site)
    assert [one.mode for one in seen.alerts] == ["drill"]
    assert seen.home.state is HomeState.ORDINARY  # an exercise says nothing of the home


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
    assert client.get(f"/api/v1/homes/{HOME}").json()["home"]["state"] == "away"
    with Session(site.engine) as session:
        attributes = session.scalars(select(Household)).one().attributes
    assert attributes["lives_alone"] is True
    assert datetime.fromisoformat(attributes["away"]) == datetime.fromisoformat(until)
    assert client.delete(f"/api/v1/homes/{HOME}/away").status_code == 204
    assert client.get(f"/api/v1/homes/{HOME}").json()["home"]["state"] == "ordinary"
    assert len(site.audited("home.away")) == len(site.audited("home.back")) == 1


def test_away_ends_by_itself(site: Site) -> None:
    all_report(site)
    with transaction(site.engine) as session:
        actor = site.actor(Role.FAMILY)
        homes.declare_away(session, actor, HOME, now() + timedelta(hours=4))
    assert view(site).home.state is HomeState.AWAY
    later = view(site, at=now() + timedelta(hours=5))
    assert (later.away, later.away_until) == (False, None)


def test_who_is_away_without_an_end_is_said_to_be_and_may_come_back(site: Site) -> None:
    all_report(site)
    with transaction(site.engine) as session:
        home = session.scalars(select(Household)).one()
        home.attributes = home.attributes | {"away": True}
    seen = view(site)
    assert (seen.home.state, seen.away, seen.away_until) == (HomeState.AWAY, True, None)
    with transaction(site.engine) as session:
        homes.declare_back(session, site.actor(Role.FAMILY), HOME)
    assert view(site).away is False


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


def test_a_page_that_is_open_is_one_look_and_one_of_a_quarter_of_an_hour_ago_another(
    site: Site, log_in: LogIn
) -> None:
    family = log_in("family")
    for _ in range(3):
        family.get(f"/api/v1/homes/{HOME}")
    assert len(site.audited("care.read")) == 1
    with transaction(site.engine) as session:
        session.execute(update(AuditEntry).values(at=AuditEntry.at - timedelta(minutes=16)))
    family.get(f"/api/v1/homes/{HOME}")
    assert len(site.audited("care.read")) == 2


def test_who_looked_does_not_tell_that_a_silent_cry_was_heard(site: Site, log_in: LogIn) -> None:
    guard, office, family = log_in("guard"), log_in("property"), log_in("family")

    def told() -> list[tuple[str, Any]]:
        found = family.get(f"/api/v1/homes/{HOME}/looks").json()
        return [(one["name"], one["alert"]) for one in found]

    office.get(f"/api/v1/households/{HOME}")
    other = site.alert()
    assert guard.get(f"/api/v1/alerts/{other}").status_code == 200
    before = [("王磊", str(other)), ("李强", None)]
    assert told() == before
    cry = site.alert(rule_id="door-duress", severity=1)
    assert guard.get(f"/api/v1/alerts/{cry}").status_code == 200
    office.get(f"/api/v1/households/{HOME}")
    family.get(f"/api/v1/homes/{HOME}")
    assert len(site.audited("care.read")) > len(before) + 2
    assert told() == [("张敏", None), *before]
    with transaction(site.engine) as session:
        session.execute(update(Alert).where(Alert.id == cry).values(handling="closed"))
    assert told() == [("张敏", None), ("李强", None), *before]


def test_looks_at_what_stood_elsewhere_stay_there(site: Site, log_in: LogIn) -> None:
    guard, family = log_in("guard"), log_in("family")
    guard.get("/api/v1/devices/b1-501-pir")
    guard.get("/api/v1/devices/b1-501-pir/series?field=motion")
    with transaction(site.engine) as session:
        session.execute(update(Device).values(household_id=None))
        session.execute(update(Device).where(Device.slug == "gate-south").values(household_id=1))
    guard.get("/api/v1/devices/b1-501-pir")
    looks = family.get(f"/api/v1/homes/{HOME}/looks").json()
    assert [one["subject"] for one in looks] == ["device:b1-501-pir"] * 2


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
        worst = homes.own_homes(session, family)
        assert [(home.slug, home.state) for home in worst] == [
            ("h-9", HomeState.ALARM),
            (HOME, HomeState.UNPROTECTED),
        ]
        assert homes.home_of_alert(session, family, alert_id) == "h-9"
        stranger = dataclasses.replace(family, homes=frozenset())
        assert service.go(session, family, alert_id, screen="family").going == "张敏"
        with pytest.raises(NotFoundError):
            service.stay(session, stranger, alert_id, screen="family")
