"""While work is done: nobody is called, all is kept and shown; at its end what lasts is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from night_desk import GUARD, PROPERTY
from outer_site import community_file
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session
from work_site import WorkSite

from anju_platform.alerts import service
from anju_platform.alerts.life import UNDER_WORK
from anju_platform.alerts.model import Alert
from anju_platform.alerts.windows import turning
from anju_platform.alerts.windows.model import Window
from anju_platform.alerts.windows.schemas import MaintenanceBody
from anju_platform.alerts.windows.turning import turn_windows
from anju_platform.auth.model import Role
from anju_platform.care.homes import home_view
from anju_platform.care.schemas import HomeState
from anju_platform.database import reading, transaction
from anju_platform.errors import ConflictError, InvalidRequestError, NotFoundError
from anju_platform.escalation.escalating import escalate_due
from anju_platform.provision import import_community
from anju_platform.registry.model import Community

LogIn = Callable[..., httpx.Client]


def forces(site: WorkSite, door: str = "b1-door") -> None:
    """Let a door be opened by nobody who may."""
    site.says(door, "opened")
    site.passes(2, steps=2)


def test_an_alert_of_it_is_muted_from_the_start_and_speaks_as_new_when_the_work_is_over(
    work: WorkSite,
) -> None:
    work.plans_work(60, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    assert (alert.overlays, alert.handling, alert.condition) == (
        ["maintenance"], "unacked", "active",
    )  # fmt: skip
    work.passes(3500, steps=20)
    assert work.told(alert) == []
    assert work.steps(alert.id) == []
    work.passes(120, steps=4)
    alert = work.of("door-forced")
    assert alert.overlays == []
    assert work.told(alert) == [GUARD, PROPERTY]
    assert work.kinds(alert)[:3] == ["raised", "unmuted", "speaks"]
    work.passes(200, steps=20)
    assert len(work.steps(alert.id)) == 2  # and then it is escalated as any other


def test_what_is_over_when_the_work_is_says_nothing(work: WorkSite) -> None:
    work.plans_work(60, device="b1-door")
    forces(work)
    work.says("b1-door", "closed")
    work.passes(3700, steps=10)
    alert = work.of("door-forced")
    assert (alert.overlays, alert.condition, work.told(alert)) == ([], "clear", [])


def test_all_below_a_place_is_under_work_and_nothing_beside_it(work: WorkSite) -> None:
    work.plans_work(place="b1")
    for door in ("b1-door", "gate-south"):
        forces(work, door)
    assert work.of("door-forced", "b1-door").overlays == ["maintenance"]
    assert work.of("door-forced", "gate-south").overlays == []
    assert work.told(work.of("door-forced", "gate-south")) == [GUARD, PROPERTY]


def test_no_work_on_a_building_mutes_an_sos_nor_what_homes_say(work: WorkSite) -> None:
    work.plans_work(place="b1")
    work.says("b1-501-sos", "pressed")
    work.says("b1-smoke", "alarm", alarm=True)
    for rule in ("sos-pressed", "smoke"):
        alert = work.of(rule)
        assert alert.overlays == []
        assert GUARD in work.told(alert)
    work.says("b1-501-sos", battery=5)
    work.says("b1-climate", battery=5)
    assert work.of("battery-low", "b1-501-sos").overlays == []
    assert work.of("battery-low", "b1-climate").overlays == ["maintenance"]


def test_work_in_a_home_mutes_what_that_home_says_but_nothing_a_life_hangs_on(
    work: WorkSite,
) -> None:
    work.plans_work(place="b1-501")
    work.says("b1-501-sos", battery=5)
    work.says("b1-501-smoke", "alarm", alarm=True)
    assert work.of("battery-low").overlays == ["maintenance"]
    assert work.of("smoke").overlays == []


def test_a_family_is_told_of_any_work_in_its_home_and_of_none_elsewhere(work: WorkSite) -> None:
    family = work.site.actor(Role.FAMILY)

    def seen() -> tuple[list[str], HomeState]:
        with transaction(work.site.engine) as session:
            home = home_view(session, family, "h-501", at=work.at)
        return [one.slug for one in home.muted], home.home.state

    work.plans_work(60, place="b1")
    assert seen()[0] == []
    work.plans_work(60, place="b1-501-bath")
    assert seen() == (["b1-501-sos"], HomeState.UNPROTECTED)
    work.plans_work(60, device="b1-501-pir")
    assert sorted(seen()[0]) == ["b1-501-pir", "b1-501-sos"]
    work.at += timedelta(hours=2)
    assert seen()[0] == []


def test_a_smoke_alarm_is_muted_by_name_alone_and_the_family_is_told(work: WorkSite) -> None:
    work.plans_work(60, device="b1-501-smoke", for_life=True)
    family = work.site.actor(Role.FAMILY)
    with transaction(work.site.engine) as session:
        home = home_view(session, family, "h-501")
    assert home.home.state is HomeState.UNPROTECTED
    assert [one.slug for one in home.muted] == ["b1-501-smoke"]
    work.says("b1-501-smoke", "alarm", alarm=True)
    alert = work.of("smoke")
    assert (alert.overlays, work.told(alert)) == (["maintenance"], [])
    work.passes(3601, steps=2)
    assert work.told(work.of("smoke")) == [GUARD, PROPERTY, f"family:h{alert.household_id}"]


def test_work_on_a_device_that_does_not_say_so_leaves_its_cries_for_help_alone(
    work: WorkSite,
) -> None:
    work.plans_work(60, device="b1-501-smoke")
    work.says("b1-501-smoke", "alarm", alarm=True)
    assert work.of("smoke").overlays == []


def test_an_alert_that_becomes_a_matter_of_life_is_muted_no_longer(work: WorkSite) -> None:
    work.plans_work(60, device="b1-climate")
    alert = work.rings(
        slug="b1-climate", severity=2, overlays=["maintenance"], evidence={"notify": ["guard"]}
    )
    work.passes(10)
    assert work.alert(alert).overlays == ["maintenance"]
    work.changes(alert, severity=1)
    work.passes(3600)
    assert work.alert(alert).overlays == []


def test_what_was_open_already_is_muted_when_planned_work_begins(work: WorkSite) -> None:
    work.plans_work(30, after_min=10, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    assert alert.overlays == []
    work.passes(595, steps=5)
    before = len(work.steps(alert.id))
    assert before > 0
    work.passes(10)
    assert work.of("door-forced").overlays == ["maintenance"]
    work.passes(1700, steps=5)
    assert len(work.steps(alert.id)) == before
    assert "muted" in work.kinds(alert)
    work.passes(110)
    assert work.kinds(alert)[-2:] == ["unmuted", "speaks"]


def test_work_that_is_ended_early_lets_it_speak_within_a_second(work: WorkSite) -> None:
    window = work.plans_work(60, device="b1-door")
    forces(work)
    work.ends(window)
    work.passes(1)
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]


def test_ingest_that_has_not_heard_of_the_end_mutes_nothing_for_longer_than_a_look(
    work: WorkSite,
) -> None:
    window = work.plans_work(60, device="b1-door")
    work.ends(window)  # and ingest's memory is old
    work.says("b1-door", "opened")
    work.passes(1)
    alert = work.of("door-forced")
    assert (alert.overlays, work.told(alert)) == ([], [GUARD, PROPERTY])


def test_ingest_that_has_not_heard_of_the_beginning_is_put_right_by_the_next_look(
    work: WorkSite, log_in: LogIn
) -> None:
    body = {"device": "b1-door", "reason": "x", "ends_at": str(work.at + timedelta(hours=1))}
    log_in("installer").post("/api/v1/windows/maintenance", json=body).raise_for_status()
    work.catches_up()
    forces(work)
    alert = work.of("door-forced")
    assert alert.overlays == ["maintenance"]
    work.passes(300, steps=10)
    assert work.steps(alert.id) == []


def test_a_restart_of_ingest_forgets_no_work(work: WorkSite) -> None:
    work.plans_work(60, device="b1-door")
    work.open_office()
    forces(work)
    assert work.of("door-forced").overlays == ["maintenance"]


def test_with_no_worker_left_it_speaks_all_the_same(work: WorkSite) -> None:
    work.plans_work(60, device="b1-door")
    forces(work)
    work.at += timedelta(minutes=61)
    escalate_due(work.site.engine, work.at)  # who watches the platform does so: nobody turned it
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]


def test_whoever_took_it_on_meanwhile_took_on_something_under_work(work: WorkSite) -> None:
    work.plans_work(60, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    work.acknowledges(alert.id)
    work.passes(3000, steps=3)
    assert work.alert(alert.id).handling == "acked"
    work.passes(700)
    assert work.alert(alert.id).handling == "unacked"
    assert work.told(alert) == [GUARD, PROPERTY]


def test_whoever_has_something_under_work_is_asked_soon_whether_it_still_is(
    work: WorkSite,
) -> None:
    work.plans_work(60, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    work.acknowledges(alert.id)
    assert work.alert(alert.id).due_at <= work.at + UNDER_WORK


def test_what_somebody_has_and_is_muted_then_is_looked_at_soon(work: WorkSite) -> None:
    forces(work)
    alert = work.of("door-forced")
    work.acknowledges(alert.id)
    work.plans_work(60, device="b1-door")
    muted = work.alert(alert.id)
    assert muted.overlays == ["maintenance"]
    assert muted.due_at <= work.at + UNDER_WORK


@pytest.mark.parametrize("other", ["shelved", "inhibited"])
def test_work_that_ends_under_something_else_ends_what_somebody_had_under_it(
    work: WorkSite, other: str
) -> None:
    work.says("b1-501-smoke", "alarm", alarm=True)
    work.plans_work(10, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    assert set(alert.overlays) == {"maintenance", "inhibited"}
    if other == "shelved":
        work.changes(work.of("smoke").id, condition="clear")
        later = round((work.at + timedelta(minutes=20)).timestamp() * 1000)
        work.changes(alert.id, overlays=["maintenance", "shelved"], shelf={"until": later})
    work.acknowledges(alert.id)
    work.passes(601, steps=2)
    found = work.alert(alert.id)
    assert (found.overlays, found.handling) == ([other], "unacked")
    assert work.told(alert) == []


def test_somebody_who_is_sent_meanwhile_does_not_stand_for_all_who_are_to_know(
    work: WorkSite,
) -> None:
    work.plans_work(10, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    sent = work.site.actor(username="guard2").user_id
    with transaction(work.site.engine) as session:
        service.dispatch(
            session,
            work.site.actor(),
            alert.id,
            user_id=sent,
            version=alert.version,
            screen="wall",
        )
    work.passes(601, steps=3)
    assert work.kinds(alert)[-1] == "speaks"
    assert work.told(alert) == [f"user:{sent}", GUARD, PROPERTY]


def test_an_end_is_not_over_while_somebody_is_at_one_of_its_alerts(work: WorkSite) -> None:
    work.plans_work(10, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    work.changes(alert.id, due_at=work.at + timedelta(hours=24))
    work.at += timedelta(minutes=11)
    with transaction(work.site.engine) as session:
        session.get_one(Alert, alert.id, with_for_update=True)
        turn_windows(work.site.engine, work.at)
    work.passes(1)
    work.passes(1)
    assert work.told(alert) == [GUARD, PROPERTY]
    with reading(work.site.engine) as session:
        assert session.scalars(select(Window.due_at)).all() == [None]


def test_a_window_that_cannot_end_keeps_no_other_from_it(
    work: WorkSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = work.plans_work(5, device="b1-climate")
    work.plans_work(10, device="b1-door")
    forces(work)
    real = turning.finish

    def finish(session: Session, window: Window, at: datetime, *, had_begun: bool) -> None:
        if window.id == broken.id:
            raise ValueError("nobody can read it")
        real(session, window, at, had_begun=had_begun)

    monkeypatch.setattr(turning, "finish", finish)
    work.passes(601)
    work.passes(1)
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]


def test_what_is_shelved_as_well_speaks_when_both_are_over(work: WorkSite) -> None:
    work.plans_work(10, device="b1-door")
    forces(work)
    alert = work.of("door-forced")
    later = round((work.at + timedelta(minutes=20)).timestamp() * 1000)
    work.changes(alert.id, overlays=["maintenance", "shelved"], shelf={"until": later})
    work.passes(601, steps=2)
    assert work.alert(alert.id).overlays == ["shelved"]
    assert work.told(alert) == []
    work.passes(700, steps=2)
    assert work.alert(alert.id).overlays == []
    assert work.told(alert) == [GUARD, PROPERTY]


def test_two_works_at_once_end_with_the_last(work: WorkSite) -> None:
    work.plans_work(10, device="b1-door")
    work.plans_work(30, place="b1")
    forces(work)
    work.passes(700, steps=2)
    alert = work.of("door-forced")
    assert alert.overlays == ["maintenance"]
    work.passes(1200, steps=2)
    assert work.told(alert) == [GUARD, PROPERTY]


@pytest.mark.parametrize(
    ("body", "minutes", "error"),
    [
        ({}, 60, InvalidRequestError),
        ({"place": "b1", "device": "b1-door"}, 60, InvalidRequestError),
        ({"place": "mars"}, 60, NotFoundError),
        ({"device": "mars"}, 60, NotFoundError),
        ({"place": "b1", "for_life": True}, 60, InvalidRequestError),
        ({"device": "b1-501-smoke", "for_life": True}, 241, InvalidRequestError),
        ({"place": "b1"}, 7 * 24 * 60 + 1, InvalidRequestError),
        ({"place": "b1"}, -1, InvalidRequestError),
        ({"place": "b1", "after_min": 91 * 24 * 60}, 60, InvalidRequestError),
    ],
)
def test_what_may_not_be_planned(
    work: WorkSite, body: dict[str, Any], minutes: float, error: type[Exception]
) -> None:
    with pytest.raises(error):
        work.plans_work(minutes, **body)


def test_a_smoke_alarm_is_not_muted_by_one_work_after_the_other(work: WorkSite) -> None:
    work.plans_work(240, device="b1-501-smoke", for_life=True)
    with pytest.raises(ConflictError):
        work.plans_work(60, after_min=240, device="b1-501-smoke", for_life=True)


def test_a_reason_is_needed() -> None:
    with pytest.raises(ValueError, match="reason"):
        MaintenanceBody.model_validate(
            {"place": "b1", "reason": "", "ends_at": "2030-01-01T00:00Z"}
        )


def test_of_another_community_nothing_is_seen_nor_ended(work: WorkSite, log_in: LogIn) -> None:
    window = work.plans_work(60, device="b1-door")
    with transaction(work.site.engine) as session:
        import_community(session, community_file("far"))
        far = select(Community.id).where(Community.slug == "far").scalar_subquery()
        session.execute(update(Window).values(community_id=far))
    client = log_in("guard")
    assert client.get("/api/v1/windows").json() == []
    assert client.post(f"/api/v1/windows/{window.id}/end").status_code == 404


def test_through_the_api_who_planned_and_ended_it_is_kept(work: WorkSite, log_in: LogIn) -> None:
    installer, guard = log_in("installer"), log_in("guard")
    body = {"device": "b1-501-smoke", "for_life": True, "reason": "更换电池",
            "ends_at": str(work.at + timedelta(hours=2))}  # fmt: skip
    made = installer.post("/api/v1/windows/maintenance", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["created_by"], made.json()["is_on"]) == ("赵工", True)
    ended = guard.post(f"/api/v1/windows/{made.json()['id']}/end").json()
    assert (ended["ended_by"], ended["is_on"], ended["is_over"]) == ("王磊", False, True)
    again = guard.post(f"/api/v1/windows/{made.json()['id']}/end").json()
    assert again["ended_at"] == ended["ended_at"]
    (kept,) = guard.get("/api/v1/windows").json()
    assert kept["reason"] == "更换电池"
    assert len(work.site.audited("maintenance.planned")) == 1
    assert len(work.site.audited("maintenance.ended")) == 1
    with reading(work.site.engine) as session:
        assert session.scalars(select(Window.due_at)).all() == [None]


def test_work_costs_an_alarms_transaction_no_statement(work: WorkSite) -> None:
    said: list[str] = []

    def note(*given: Any) -> None:
        said.append(given[2])

    def asked() -> list[str]:
        return [one for one in said if "alert_windows" in one or "RECURSIVE" in one]

    event.listen(work.site.engine, "before_cursor_execute", note)
    work.says("b1-501-sos", "pressed")
    assert asked() == []
    work.plans_work(60, place="b1")
    said.clear()
    work.says("b1-door", "access_denied")
    work.says("b1-501-sos", "pressed")
    assert asked() == []
    work.says("b1-smoke", "alarm", alarm=True)
    said.clear()
    work.says("b1-door", "opened")
    work.passes(2)
    assert asked() != []  # where something may explain it, that is asked for
    event.remove(work.site.engine, "before_cursor_execute", note)
