"""Who may read what a sensor in a home says: every word, viewer and moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from consented_home import (
    ELDER,
    PIR,
    Clock,
    keep_secrets,
    move_in,
    say,
    say_nothing,
    set_state,
    tell,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outer_site import Site
from own_home import all_report, view
from sqlalchemy import delete, select

from anju_platform.alerts.explaining import Said, explain
from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import add_entry
from anju_platform.alerts.service import alert_detail
from anju_platform.auth.model import Role
from anju_platform.console import administrator
from anju_platform.database import now, reading, to_millis, transaction
from anju_platform.people.model import Resident
from anju_platform.registry.privacy import device_grounds
from anju_platform.sharing.repository import Grounds
from anju_platform.telemetry.model import TelemetryPoint

LogIn = Callable[..., httpx.Client]
DAY, YEAR = timedelta(days=1), timedelta(days=365)


def grounds(site: Site, role: Role = Role.GUARD, slug: str = PIR) -> Grounds:
    with reading(site.engine) as session:
        return device_grounds(session, site.actor(role), site.device(slug))


def reads(site: Site, role: Role = Role.GUARD, slug: str = PIR) -> bool:
    return grounds(site, role, slug).values is not None


@pytest.mark.parametrize("role", list(Role))
def test_of_what_nobody_said_anything_nothing_is_shared(site: Site, role: Role) -> None:
    say_nothing(site)
    assert grounds(site, role) == Grounds(in_home=True)
    assert grounds(site, role, "gate-south") == Grounds(in_home=False)


@pytest.mark.parametrize(
    ("words", "shared"),
    [
        ([{}], True),
        ([{"viewer": "role:office"}], False),
        ([{"purpose": "statistics", "viewer": "everybody"}], False),
        ([{"sensors": "kind:pir"}], True),
        ([{"sensors": "kind:bed_mat"}], False),
        ([{"sensors": f"device:{PIR}"}], True),
        ([{"sensors": "device:b1-501-bed"}], False),
        ([{"sensors": "health"}], False),
        ([{"begins": DAY}], False),
        ([{"ends": DAY}], True),
        ([{"begins": -2 * DAY, "ends": -DAY}], False),
        # the newest word of the same counts, and what it replaced does not come back
        ([{}, {"given": False}], False),
        ([{"given": False}, {}], True),
        ([{"ends": YEAR}, {"begins": -2 * DAY, "ends": -DAY}], False),
        ([{}, {"given": False, "begins": DAY}], True),
        # what is named more closely counts before what is named in general, whenever it was said
        ([{}, {"given": False, "sensors": f"device:{PIR}"}], False),
        ([{"given": False, "sensors": f"device:{PIR}"}, {}], False),
        ([{"given": False}, {"sensors": "kind:pir"}], True),
        ([{"sensors": "kind:pir", "given": False}, {"sensors": f"device:{PIR}"}], True),
        ([{"given": False, "sensors": "kind:pir", "ends": -DAY, "begins": -YEAR}, {}], True),
        # that nothing is measured goes before everything
        ([{}, {"purpose": "measuring", "viewer": "everybody", "given": False}], False),
        ([{}, {"purpose": "measuring", "viewer": "everybody"}], True),
        # another's word is not hers
        ([{"person": "王奶奶"}], False),
    ],
)
def test_words_say_who_may_read(site: Site, words: list[dict[str, Any]], shared: bool) -> None:
    say_nothing(site)
    for word in words:
        say(site, **word)
    assert reads(site) is shared


@pytest.mark.parametrize(
    ("own", "of_the_role", "shared"),
    [(True, None, True), (False, True, False), (True, False, True), (None, False, False)],
)
def test_what_is_said_of_a_person_counts_before_what_is_said_of_their_role(
    site: Site, own: bool | None, of_the_role: bool | None, shared: bool
) -> None:
    say_nothing(site)
    person = f"user:{site.actor().user_id}"
    for viewer, word in ((person, own), ("role:guard", of_the_role)):
        if word is not None:
            say(site, viewer, given=word)
    assert reads(site) is shared
    assert not reads(site, Role.OFFICE)


def test_a_right_is_needed_besides_consent(site: Site) -> None:
    say_nothing(site)
    for role in Role:
        say(site, f"role:{role}")
    assert {role for role in Role if reads(site, role)} == {
        Role.GUARD,
        Role.PROPERTY,
        Role.OFFICE,
        Role.FAMILY,
        Role.ADMIN,
    }


def test_health_values_are_named_on_their_own(site: Site) -> None:
    say_nothing(site)
    say(site, "role:admin")
    found = grounds(site, Role.ADMIN, "b1-501-bed")
    assert (found.values is not None, found.health) == (True, None)
    say(site, "role:admin", sensors="health")
    assert grounds(site, Role.ADMIN, "b1-501-bed").health is not None


def test_where_two_live_both_must_agree(site: Site) -> None:
    say_nothing(site)
    say(site)
    assert reads(site)
    move_in(site, "张国强")
    assert not reads(site)
    say(site, person="张国强")
    assert reads(site)
    say(site, person=ELDER, given=False)
    assert not reads(site)


def test_where_no_elder_is_known_whoever_said_something_counts(site: Site) -> None:
    say_nothing(site)
    with transaction(site.engine) as session:
        session.execute(delete(Resident))
    assert not reads(site)
    say(site, person="")
    assert reads(site)


def test_where_no_elder_lives_the_word_of_who_moved_out_counts_no_more(site: Site) -> None:
    say_nothing(site)
    say(site)
    with transaction(site.engine) as session:
        session.scalars(select(Resident)).one().elder = False
    assert reads(site)
    with transaction(site.engine) as session:
        session.scalars(select(Resident)).one().name = "李四"
    assert not reads(site)
    say(site, person="李四")
    assert reads(site)
    say(site, given=False)
    assert reads(site)


def test_a_look_at_a_health_value_is_on_record_as_one(site: Site, log_in: LogIn) -> None:
    say_nothing(site)
    say(site, "role:admin", sensors="health")
    for username in ("admin", "guard"):
        log_in(username).get("/api/v1/devices/b1-501-bed")
    looks = [(one.actor, one.data["purpose"]) for one in site.audited("care.read")]
    assert looks == [("陈静", "care"), ("王磊", "upkeep")]


def test_the_family_reads_no_notes_of_the_office(site: Site, log_in: LogIn) -> None:
    say(site, note="in the green folder")
    assert "green folder" in log_in("admin").get("/api/v1/households/h-501/consents").text
    family = log_in("family").get("/api/v1/homes/h-501/consents")
    assert (family.status_code, "green folder" in family.text) == (200, False)


@pytest.mark.parametrize("state", ["retired", "stopped", "approved"])
def test_what_was_not_shared_stays_so_when_its_sensor_is_gone(site: Site, state: str) -> None:
    all_report(site)
    assert view(site).last_sign_at is not None
    say(site, "role:family", sensors=f"device:{PIR}", given=False)
    set_state(site, PIR, state)
    assert (view(site).shared, view(site).last_sign_at) == (False, None)


def test_of_a_homes_alert_the_words_of_each_sensor_are_shared_for_themselves(site: Site) -> None:
    said = {"values": {"lux": 4711.25}, "data": {"where": "corner"}, "device": PIR}
    alert_id = site.alert("b1-501-sos", severity=3, evidence=said)
    with transaction(site.engine) as session:
        alert = session.get_one(Alert, alert_id)
        for by in ({"device": PIR}, {"device": "b1-501-sos"}, {}):
            add_entry(session, alert, "reactivated", now(), data={"values": {"lux": 1.0}, **by})

    def shown() -> tuple[bool, bool, list[bool]]:
        with transaction(site.engine) as session:
            found = alert_detail(session, site.actor(), alert_id)
        steps = [bool(step.data["values"]) for step in found.timeline if "values" in step.data]
        return bool(found.values), bool(found.data), steps

    for words, expected in (
        ((), (False, False, [False, False, False])),
        (("kind:sos_button",), (False, False, [False, True, False])),
        (("kind:pir",), (True, True, [True, False, False])),
        (("kind:sos_button", "kind:pir"), (True, True, [True, True, True])),
    ):
        say_nothing(site)
        for sensors in words:
            say(site, sensors=sensors)
        assert shown() == expected, words


def test_who_mends_reads_for_as_long_as_is_said(site: Site) -> None:
    say_nothing(site)
    say(site, "role:installer", purpose="support", ends=DAY)
    assert grounds(site, Role.INSTALLER).reason == {"purpose": "support"}
    assert not reads(site, Role.PROPERTY)
    assert not reads(site, Role.GUARD)


# -- the clock ---------------------------------------------------------------------------


def test_consent_begins_and_ends_by_the_databases_clock(site: Site, log_in: LogIn) -> None:
    say_nothing(site)
    say(site, begins=DAY, ends=3 * DAY)
    clock = Clock(site)
    guard = log_in("guard")

    def shown() -> bool:
        answer = guard.get(f"/api/v1/devices/{PIR}").json()
        named = {field["name"] for field in answer["fields"]}
        assert ("motion" in named) is not ("motion" in answer["not_shared"])
        return "motion" in named

    for ahead, shared in ((0 * DAY, False), (DAY, True), (2.99 * DAY, True), (3 * DAY, False)):
        clock.move(ahead)
        assert shown() is shared, ahead
        assert guard.get(f"/api/v1/devices/{PIR}/series?field=motion").json()["shared"] is shared


# -- emergencies -------------------------------------------------------------------------


def test_an_emergency_opens_the_home_to_whom_was_told_until_it_ends(
    site: Site, log_in: LogIn
) -> None:
    say_nothing(site)
    alert_id = site.alert()
    assert not reads(site)
    tell(site, alert_id, "role:guard")
    tell(site, alert_id, f"family:h{site.device(PIR).household_id}")
    assert grounds(site).reason == {"purpose": "emergency", "alert": str(alert_id)}
    assert reads(site, Role.FAMILY)
    assert not reads(site, Role.OFFICE)
    guard = log_in("guard")
    guard.get(f"/api/v1/devices/{PIR}/series?field=motion")
    [entry] = site.audited("care.read")
    assert (entry.data["purpose"], entry.data["alert"]) == ("emergency", str(alert_id))
    close = {"version": 1, "cause": "true"}
    assert guard.post(f"/api/v1/alerts/{alert_id}/close", json=close).status_code == 200
    assert not reads(site)
    assert not reads(site, Role.FAMILY)


@pytest.mark.parametrize(
    ("alert", "opens"),
    [
        ({"severity": 1}, True),
        ({"severity": 3, "latched": True}, True),
        ({"severity": 2}, False),
        ({"severity": 1, "mode": "drill"}, False),
        ({"severity": 1, "mode": "test"}, False),
        ({"severity": 1, "handling": "closed"}, False),
        ({"severity": 1, "slug": "gate-south"}, False),
    ],
)
def test_only_what_a_life_may_hang_on_opens_a_home(
    site: Site, alert: dict[str, Any], opens: bool
) -> None:
    say_nothing(site)
    tell(site, site.alert(**alert), "role:guard")
    assert reads(site) is opens


def test_who_takes_an_emergency_on_or_goes_there_was_told(site: Site) -> None:
    say_nothing(site)
    site.alert(acked_by=site.actor(Role.OFFICE).user_id, handling="acked")
    assert reads(site, Role.OFFICE)
    site.alert(going_by=site.actor(Role.FAMILY).user_id)
    assert reads(site, Role.FAMILY)
    assert not reads(site)


def test_an_elder_may_want_no_eyes_on_it_in_an_emergency_either(site: Site) -> None:
    say_nothing(site)
    tell(site, site.alert(), "role:guard")
    say(site, purpose="emergency", sensors="kind:pir", given=False)
    assert not reads(site)
    assert reads(site, slug="b1-501-bed")


def test_an_explanation_holds_what_is_shared_alone(site: Site) -> None:
    say_nothing(site)
    alert_id = keep_secrets(site)
    with transaction(site.engine) as session:
        alert = session.get_one(Alert, alert_id)
        [at] = session.scalars(select(TelemetryPoint.observed_at))
        because = [{"device": PIR, "at": to_millis(at)}]
        said = {"at": to_millis(at), "severity": 3, "because": because}
        add_entry(session, alert, "raised", at, data=said)

    def explained() -> Said:
        with reading(site.engine) as session:
            found = explain(session, administrator(site.community_id), alert_id)
        [step] = found.steps
        return step.because[0]

    assert (explained().values, explained().event, explained().is_shared) == ({}, None, False)
    say(site, "role:admin")
    assert explained().values["lux"] == 4711.25
    assert explained().is_shared


# -- the same, in other words ------------------------------------------------------------

_WORD = st.fixed_dictionaries(
    {
        "viewer": st.sampled_from(["role:guard", "role:office"]),
        "sensors": st.sampled_from(["all", "kind:pir", f"device:{PIR}", "kind:bed_mat"]),
        "given": st.booleans(),
        "begins": st.sampled_from([-3, -1, 2]),
        "ends": st.sampled_from([None, -2, 1, 5]),
    }
)


def told(words: list[dict[str, Any]], viewer: str) -> bool:
    """Tell in plain words what the newest, closest word that counts says."""
    ranks = {f"device:{PIR}": 0, "kind:pir": 1, "all": 2}
    counting = {}
    for word in words:
        if word["viewer"] == viewer and word["sensors"] in ranks and word["begins"] <= 0:
            counting[word["sensors"]] = word
    alive = [w for w in counting.values() if w["ends"] is None or w["ends"] > 0]
    closest = min(alive, key=lambda word: ranks[word["sensors"]], default=None)
    return closest is not None and closest["given"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_WORD, max_size=6))
def test_however_much_was_said_the_closest_newest_word_counts(
    site: Site, words: list[dict[str, Any]]
) -> None:
    say_nothing(site)
    for word in words:
        ends = word["ends"] if word["ends"] is None else timedelta(days=word["ends"])
        say(site, **(word | {"begins": timedelta(days=word["begins"]), "ends": ends}))
    for role in (Role.GUARD, Role.OFFICE):
        assert reads(site, role) is told(words, f"role:{role}")
