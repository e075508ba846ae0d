"""What happens when nobody takes an alert on: every step in time, told once, to somebody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from night_desk import ADMIN, GUARD, PROPERTY, STARTED, Desk, policy
from outer_site import Site
from sqlalchemy import update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.policy import DEFAULTS, Policy, Step, check
from anju_platform.auth.model import Role, User
from anju_platform.database import now, transaction
from anju_platform.errors import InvalidRequestError
from anju_platform.escalation import escalating

LogIn = Callable[..., httpx.Client]

# -- nobody answers --------------------------------------------------------------------------


def test_each_step_of_a_p1_is_told_in_its_second_up_to_the_last_and_then_ever_again(
    desk: Desk,
) -> None:
    alert = desk.rings()
    desk.look()
    desk.wait(600)
    assert desk.steps(alert) == [
        (60, [GUARD, PROPERTY]),
        (120, [GUARD, PROPERTY, ADMIN]),
        (180, [GUARD, PROPERTY, ADMIN]),
        (300, [GUARD, PROPERTY, ADMIN]),
        (540, [GUARD, PROPERTY, ADMIN]),
    ]
    assert desk.messages(alert) == [
        (1, 0, GUARD),
        *((1, 1, who) for who in (GUARD, PROPERTY)),
        *((1, step, who) for step in (2, 3, 4, 5) for who in (GUARD, PROPERTY, ADMIN)),
    ]
    assert desk.alert(alert).version == 1  # whoever looks at it may still take it on


@pytest.mark.parametrize(("severity", "expected"), [(2, [144, 180]), (3, [720, 900])])
def test_of_less_urgent_ones_the_lead_hears_at_80_percent_and_the_office_at_the_end(
    desk: Desk, severity: int, expected: list[int]
) -> None:
    alert = desk.rings(severity=severity)
    desk.look()
    desk.wait(expected[1])
    assert [(at, len(to)) for at, to in desk.steps(alert)] == list(
        zip(expected, (2, 3), strict=True)
    )


def test_repetitions_wait_ever_longer_but_no_more_than_an_hour() -> None:
    policy, at = DEFAULTS[1], STARTED
    waits = [policy.due(number, STARTED, at) - at for number in range(2, 40)]
    assert [round(one.total_seconds()) for one in waits[:8]] == [
        60, 120, 240, 480, 960, 1920, 3600, 3600,
    ]  # fmt: skip
    assert waits[-1] == timedelta(hours=1)


def test_after_an_outage_what_was_missed_is_told_once_not_many_times(desk: Desk) -> None:
    alert = desk.rings()
    desk.at += timedelta(hours=2)
    desk.look()
    desk.look()
    assert [len(to) for _, to in desk.steps(alert)] == [3]
    desk.wait(60)
    assert [len(to) for _, to in desk.steps(alert)] == [3, 3]


def test_those_of_steps_that_were_missed_are_called_too(desk: Desk, log_in: LogIn) -> None:
    steps = [{"after_s": 60, "to": [PROPERTY]}, {"after_s": 120, "to": [ADMIN]}]
    text_ = {"steps": steps, "repeat_s": 600}
    log_in("admin").put("/api/v1/escalation/1", json=text_).raise_for_status()
    alert = desk.rings()
    desk.look()
    desk.at += timedelta(seconds=200)
    desk.look()
    assert desk.steps(alert) == [(200, [PROPERTY, ADMIN])]


def test_many_that_fail_hide_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = [desk.rings() for _ in range(escalating.AT_ONCE + 2)]
    good = desk.rings()
    for _ in range(3):
        desk.look()
    ask = escalating.notifications.told_first

    def told_first(session: Session, alert: UUID) -> list[str]:
        if alert in bad:
            raise RuntimeError("cannot be told")
        return ask(session, alert)

    monkeypatch.setattr(escalating.notifications, "told_first", told_first)
    desk.at += timedelta(seconds=61)
    desk.look()
    assert len(desk.steps(good)) == 1


def test_a_step_that_names_nobody_who_is_there_reaches_somebody_else(desk: Desk) -> None:
    with transaction(desk.site.engine) as session:
        session.execute(update(User).where(User.role != Role.ADMIN).values(disabled=True))
    alert = desk.rings()
    desk.look()
    desk.wait(60)
    assert desk.steps(alert) == [(60, [ADMIN])]


# -- somebody answers ------------------------------------------------------------------------


def test_an_acknowledgement_stops_it(desk: Desk) -> None:
    alert = desk.rings()
    desk.look()
    desk.wait(59)
    desk.acknowledges(alert)
    desk.wait(200)
    assert desk.steps(alert) == []


def test_an_acknowledgement_ends_while_it_lasts_and_all_begins_anew(
    desk: Desk, log_in: LogIn
) -> None:
    alert = desk.rings()
    desk.acknowledges(alert)
    desk.wait(299)
    assert desk.alert(alert).handling == "acked"
    desk.wait(1)
    found = desk.alert(alert)
    assert (found.handling, found.acked_by, found.version) == ("unacked", None, 3)
    guard = desk.site.actor()
    assert desk.messages(alert)[1:] == [(3, 0, GUARD), (3, 0, f"user:{guard.user_id}")]
    desk.wait(60)
    assert desk.steps(alert) == [(360, [GUARD, f"user:{guard.user_id}", PROPERTY])]
    detail = log_in("guard").get(f"/api/v1/alerts/{alert}").json()
    assert [step["kind"] for step in detail["timeline"]][-3:] == ["acked", "expired", "escalated"]
    assert detail["next_step"]["to"] == ["first", "role:property", "role:admin"]


def test_an_acknowledgement_of_what_is_over_does_not_end(desk: Desk) -> None:
    alert = desk.rings(latched=True)
    desk.acknowledges(alert)
    desk.changes(alert, condition="clear")
    desk.wait(400)
    assert desk.alert(alert).handling == "acked"


def test_whoever_writes_a_note_has_not_left_it(desk: Desk) -> None:
    alert = desk.rings()
    desk.acknowledges(alert)
    desk.changes(alert, due_at=STARTED)
    with transaction(desk.site.engine) as session:
        service.comment(session, desk.site.actor(), alert, text="on my way", screen="wall")
    assert desk.alert(alert).due_at > now() + timedelta(minutes=4)


# -- who is not called -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "quiet",
    [{"mode": "test"}, {"condition": "clear"}],
    ids=["test", "over by itself"],
)
def test_nobody_is_called_of_what_is(desk: Desk, quiet: dict[str, Any]) -> None:
    alert = desk.rings(**quiet)
    desk.look()
    desk.wait(300)
    assert desk.steps(alert) == []
    desk.changes(alert, mode="actual", condition="active")
    desk.wait(60)
    assert len(desk.steps(alert)) == 1


def test_what_is_over_but_latches_goes_on(desk: Desk) -> None:
    alert = desk.rings(latched=True, condition="clear")
    desk.look()
    desk.wait(60)
    assert len(desk.steps(alert)) == 1


# -- nobody watches --------------------------------------------------------------------------


@pytest.mark.parametrize("severity", [1, 2])
def test_what_no_wall_shows_is_told_at_once(desk: Desk, severity: int) -> None:
    desk.wall_is_alive(STARTED - timedelta(seconds=16))
    alert = desk.rings(severity=severity)
    desk.look()
    assert desk.steps(alert) == [(0, [GUARD, PROPERTY])]
    desk.wait(180)
    assert len(desk.steps(alert)) == {1: 3, 2: 2}[severity]


@pytest.mark.parametrize(("severity", "told"), [(1, 1), (2, 0)])
def test_what_a_life_hangs_on_needs_a_wall_that_can_sound(
    desk: Desk, severity: int, told: int
) -> None:
    desk.wall_is_alive(STARTED, sounds=False)
    alert = desk.rings(severity=severity)
    desk.look()
    assert len(desk.steps(alert)) == told


def test_what_is_not_urgent_waits_for_a_wall(desk: Desk) -> None:
    desk.wall_is_alive(STARTED - timedelta(seconds=16))
    alert = desk.rings(severity=3)
    desk.look()
    assert desk.steps(alert) == []


def test_a_wall_that_was_alive_a_moment_ago_is_waited_for(desk: Desk) -> None:
    desk.wall_is_alive(STARTED - timedelta(seconds=14))
    alert = desk.rings()
    desk.look()
    assert desk.steps(alert) == []


# -- whose plan ------------------------------------------------------------------------------


def test_the_nearest_place_with_a_plan_decides(desk: Desk, log_in: LogIn) -> None:
    admin = log_in("admin")
    for query, own in (("", policy(30)), ("?place=b1", policy(20)), ("?place=gate", policy(10))):
        assert admin.put(f"/api/v1/escalation/1{query}", json=own).status_code == 200
    in_the_house, at_the_gate, nowhere = (
        desk.rings(slug=slug) for slug in ("b1-501-sos", "gate-south", "far-pir")
    )
    desk.look()
    desk.wait(40)
    assert [desk.steps(one) for one in (in_the_house, at_the_gate, nowhere)] == [
        [(20, [ADMIN])],
        [(10, [ADMIN])],
        [(30, [ADMIN])],
    ]


def test_an_alert_goes_on_by_the_plan_it_began_with(desk: Desk, log_in: LogIn) -> None:
    before = desk.rings()
    desk.look()
    log_in("admin").put("/api/v1/escalation/1", json=policy(5)).raise_for_status()
    after = desk.rings()
    desk.look()
    desk.wait(60)
    assert [at for at, _ in desk.steps(before)] == [60]
    assert [at for at, _ in desk.steps(after)] == [5]


def test_plans_are_read_changed_and_put_back_and_audited(site: Site, log_in: LogIn) -> None:
    admin = log_in("admin")
    plans = log_in("property").get("/api/v1/escalation").json()
    assert [(one["severity"], one["ours"]) for one in plans] == [(n, False) for n in (1, 2, 3, 4)]
    changed = admin.put("/api/v1/escalation/2?place=b1", json=policy(60, 90)).json()
    assert [(one["severity"], one["place"]) for one in changed if one["ours"]] == [(2, "b1")]
    assert admin.delete("/api/v1/escalation/2?place=b1").json() == plans
    assert admin.delete("/api/v1/escalation/2?place=b1").status_code == 404
    (entry,) = site.audited("escalation.changed")
    assert entry.subject == "escalation:P2"
    assert (entry.data["place"], entry.data["before"]) == ("b1", None)
    assert [step["after_s"] for step in entry.data["after"]["steps"]] == [60, 90]
    assert len(site.audited("escalation.removed")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"steps": [], "repeat_s": 60}, "1 to 20 steps"),
        ({"steps": [{"after_s": 60, "to": []}], "repeat_s": 60}, "step 1 tells nobody"),
        (policy(60, 60), "step 2 comes after 60 s"),
        (policy(301), "step 1 of a P1 comes within 300 s"),
        ({**policy(60), "repeat_s": 1}, "repeat_s must be 30 s"),
        ({"steps": [{"after_s": 6, "to": ["role:admin"] * 21}], "repeat_s": 60}, "tells 21"),
        ({"steps": [{"after_s": 6, "to": ["role:king"]}], "repeat_s": 60}, "'role:king'"),
        ({"steps": [{"after_s": 6, "to": ["user:999999"]}], "repeat_s": 60}, "no such person"),
    ],
)
def test_a_plan_that_would_reach_nobody_is_refused(
    log_in: LogIn, text: dict[str, Any], said: str
) -> None:
    answer = log_in("admin").put("/api/v1/escalation/1", json=text)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_plan_of_no_place_or_severity_is_refused(log_in: LogIn) -> None:
    admin = log_in("admin")
    assert admin.put("/api/v1/escalation/1?place=moon", json=policy(9)).status_code == 404
    assert admin.put("/api/v1/escalation/5", json=policy(9)).status_code == 422


@pytest.mark.parametrize("severity", DEFAULTS)
def test_the_products_own_plans_are_such_as_are_accepted(severity: int) -> None:
    check(DEFAULTS[severity], severity)


def test_a_plan_is_of_steps_in_order() -> None:
    with pytest.raises(InvalidRequestError, match="step 2 comes after 5 s"):
        check(Policy((Step(9, (ADMIN,)), Step(5, (ADMIN,))), 60), 1)
