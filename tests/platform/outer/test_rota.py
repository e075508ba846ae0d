"""Groups and duty rotas: whoever is there when a step is due is called, and never nobody."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from duty_desk import DutyDesk, local
from night_desk import ADMIN, PROPERTY, Desk
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.database import now, transaction
from anju_platform.duty import rotas
from anju_platform.duty.model import Rota, RotaOverride
from anju_platform.duty.on_duty import hole_s
from anju_platform.duty.shifts import (
    Holidays,
    Override,
    Pattern,
    Shift,
    change_at,
    check,
    duties,
    holes,
)
from anju_platform.errors import InvalidRequestError

LogIn = Callable[..., httpx.Client]
BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAILY = tuple(range(7))
ANYBODY = range(100)


@pytest.fixture
def duty(desk: Desk) -> DutyDesk:
    return DutyDesk(desk)


def pattern(*shifts: Shift, zone: ZoneInfo = SHANGHAI, **changed: object) -> Pattern:
    known = {"overrides": (), "zone": zone, "holidays": frozenset()}
    return Pattern(shifts=shifts, **(known | changed))  # type: ignore[arg-type]


# -- shifts ------------------------------------------------------------------------------------


def test_a_shift_lasts_over_midnight_and_the_next_begins_where_it_ends() -> None:
    week = pattern(Shift(DAILY, "20:00", "08:00", (1,)), Shift(DAILY, "08:00", "20:00", (2,)))
    found = duties(week, local("2026-12-01", "00:00"), local("2026-12-02", "00:00"), ANYBODY)
    assert [(one.start, sorted(one.people)) for one in found] == [
        (local("2026-12-01", "00:00"), [1]),
        (local("2026-12-01", "08:00"), [2]),
        (local("2026-12-01", "20:00"), [1]),
    ]
    assert holes(found) == ()


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 11), ("2026-10-24", 13)])
def test_on_the_night_clocks_change_a_shift_is_an_hour_shorter_or_longer(
    day: str, hours: int
) -> None:
    week = pattern(
        Shift(DAILY, "20:00", "08:00", (1,)), Shift(DAILY, "08:00", "20:00", (2,)), zone=BERLIN
    )
    start = local(day, "20:00", BERLIN)
    night, morning = duties(week, start, start + timedelta(hours=20), ANYBODY)
    assert night.end - night.start == timedelta(hours=hours)
    assert (night.people, morning.people) == ({1}, {2})


@pytest.mark.parametrize(("day", "at"), [("2026-03-28", "02:30"), ("2026-10-24", "02:30")])
def test_shifts_that_meet_when_clocks_change_leave_no_hole(day: str, at: str) -> None:
    week = pattern(Shift(DAILY, at, "14:00", (1,)), Shift(DAILY, "14:00", at, (2,)), zone=BERLIN)
    start = local(day, "00:00", BERLIN)
    assert holes(duties(week, start, start + timedelta(days=3), ANYBODY)) == ()


def test_a_shift_without_end_lasts_a_day_and_weekdays_are_those_it_begins_on() -> None:
    week = pattern(Shift((5,), "09:00", "09:00", (1,)))  # from Saturday to Sunday morning
    start, end = local("2026-12-04", "00:00"), local("2026-12-07", "00:00")
    found = duties(week, start, end, ANYBODY)
    assert [(one.start, one.end) for one in found if one.people] == [
        (local("2026-12-05", "09:00"), local("2026-12-06", "09:00"))
    ]


def test_an_exception_takes_the_place_of_the_pattern_for_its_time_only() -> None:
    week = pattern(
        Shift(DAILY, "00:00", "00:00", (1,)),
        overrides=(Override(date(2026, 12, 1), "22:00", "02:00", (3,)),),
    )
    found = duties(week, local("2026-12-01", "12:00"), local("2026-12-02", "12:00"), ANYBODY)
    assert [(one.start, sorted(one.people)) for one in found] == [
        (local("2026-12-01", "12:00"), [1]),
        (local("2026-12-01", "22:00"), [3]),
        (local("2026-12-02", "02:00"), [1]),
    ]


def test_holidays_have_people_of_their_own() -> None:
    week = pattern(
        Shift(DAILY, "00:00", "00:00", (1,), Holidays.NOT),
        Shift(DAILY, "00:00", "00:00", (2,), Holidays.ONLY),
        holidays=frozenset({"2026-10-01"}),
    )
    found = duties(week, local("2026-09-30", "00:00"), local("2026-10-03", "00:00"), ANYBODY)
    assert [sorted(one.people) for one in found] == [[1], [2], [1]]


def test_whoever_was_shut_out_leaves_a_hole() -> None:
    week = pattern(Shift(DAILY, "00:00", "12:00", (1,)), Shift(DAILY, "12:00", "00:00", (2,)))
    start = local("2026-12-01", "00:00")
    found = duties(week, start, start + timedelta(days=1), able={2})
    assert [(one.start, one.end) for one in holes(found)] == [(start, start + timedelta(hours=12))]


def test_whoever_only_joins_or_leaves_the_others_takes_nothing_over() -> None:
    week = pattern(
        Shift(DAILY, "00:00", "00:00", (1,)),
        Shift(DAILY, "08:00", "16:00", (2,)),
    )
    start = local("2026-12-01", "00:00")
    found = duties(week, start, start + timedelta(days=1), ANYBODY)
    assert change_at(found, start + timedelta(hours=9)) is None
    assert change_at(found, start + timedelta(hours=17)) is None


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (Shift((), "08:00", "20:00", (1,)), "shift 1: choose its days"),
        (Shift((7,), "08:00", "20:00", (1,)), "shift 1: choose its days"),
        (Shift((0,), "8", "20:00", (1,)), "shift 1 begins at '8'"),
        (Shift((0,), "08:00", "24:00", (1,)), "shift 1 ends at '24:00'"),
        (Shift((0,), "08:00", "20:00", ()), "shift 1 names nobody"),
    ],
)
def test_a_shift_that_will_not_do_is_refused(shift: Shift, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        check([shift])


# -- who is called -------------------------------------------------------------------------------


def test_a_group_is_called_person_by_person(duty: DutyDesk) -> None:
    group = duty.group("夜班", "guard2", "property")
    duty.plan((30, [group]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [duty.user("property"), duty.user("guard2")]}]


def test_a_step_goes_to_whoever_is_on_duty_when_it_is_due(duty: DutyDesk) -> None:
    rota = duty.around("guard", "guard2", change_in=timedelta(minutes=3))
    duty.plan((60, [rota.target]), (290, [rota.target]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(290)
    # the shift changed between the steps, and nobody has taken it over yet
    assert duty.said(alert) == [
        {"to": [duty.user("guard")]},
        {"to": sorted([duty.user("guard"), duty.user("guard2")]), "overlaps": ["night"]},
    ]


def test_somebody_shut_out_since_the_alert_began_is_not_called(duty: DutyDesk) -> None:
    group = duty.group("夜班", "guard2", "property")
    duty.plan((30, [group]), (60, [group, duty.user("guard2")]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(30)
    duty.shut_out("guard2")
    duty.desk.wait(30)
    assert [to for _, to in duty.desk.steps(alert)][1] == [duty.user("property")]


def test_a_group_of_which_everybody_was_shut_out_reaches_somebody_else(duty: DutyDesk) -> None:
    group = duty.group("夜班", "guard2")
    duty.plan((30, [group]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.shut_out("guard2")
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [PROPERTY], "nobody": ["夜班"]}]


def test_where_nobody_is_on_duty_the_fallback_is_called_and_the_timeline_says_so(
    duty: DutyDesk,
) -> None:
    rota = duty.rota(("00:00", "00:00", "guard2"))
    duty.plan((30, [rota.target]))
    duty.shut_out("guard2")
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [ADMIN], "holes": ["night"]}]


def test_a_rota_removed_after_an_alert_began_reaches_somebody_else(
    duty: DutyDesk, log_in: LogIn
) -> None:
    rota = duty.rota(("00:00", "00:00", "guard2"))
    duty.plan((30, [rota.target]))
    alert = duty.desk.rings()
    duty.desk.look()
    admin = log_in("admin")
    refused = admin.delete(f"/api/v1/rotas/{rota.id}")
    assert (refused.status_code, "the plan of P1" in refused.text) == (409, True)
    admin.delete("/api/v1/escalation/1").raise_for_status()
    assert admin.delete(f"/api/v1/rotas/{rota.id}").status_code == 204
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [PROPERTY], "nobody": ["night"]}]


# -- handing over --------------------------------------------------------------------------------


def hand_over(log_in: LogIn, who: str, rota: int, at: str, **said: object) -> httpx.Response:
    body = {"starts_at": at, **said}
    return log_in(who).post(f"/api/v1/rotas/{rota}/hand-overs", json=body)


def test_after_taking_over_only_whoever_came_on_is_called(duty: DutyDesk, log_in: LogIn) -> None:
    rota = duty.around("guard", "guard2", change_in=timedelta(minutes=3))
    duty.plan((60, [rota.target]), (290, [rota.target]))
    alert = duty.desk.rings()
    duty.desk.look()
    assert rota.coming is not None
    early = hand_over(log_in, "guard2", rota.id, rota.coming.at.isoformat())
    assert early.status_code == 201
    duty.desk.wait(290)
    # until the shift has changed both are there; then nobody is asked who went home
    assert [sorted(to) for _, to in duty.desk.steps(alert)] == [
        sorted([duty.user("guard"), duty.user("guard2")]),
        [duty.user("guard2")],
    ]


def changed_just_now(duty: DutyDesk) -> tuple[int, str]:
    """Make a rota whose shift changed a minute ago from guard to guard2 and property."""
    with transaction(duty.engine) as session:
        rota = duty.around("guard", "guard2", change_in=timedelta(minutes=-1))
        session.get_one(Rota, rota.id).made_at = now() - timedelta(days=1)
    with Session(duty.engine) as session:
        change = rotas.rota(session, duty.admin, rota.id).open_change
    assert change is not None
    return rota.id, change.at.isoformat()


def test_who_takes_over_has_what_those_who_leave_had(duty: DutyDesk, log_in: LogIn) -> None:
    rota, at = changed_just_now(duty)
    theirs, others = duty.desk.rings(), duty.desk.rings()
    duty.desk.acknowledges(theirs)
    with transaction(duty.engine) as session:
        property_ = duty.actor("property")
        service.acknowledge(session, property_, others, version=1, screen="wall")
    guard2 = log_in("guard2")
    listed = guard2.get(f"/api/v1/rotas/{rota}/hand-overs/open").json()
    assert [one["id"] for one in listed] == [str(theirs)]
    body = {"starts_at": at, "handed_by": duty.id("guard"), "note": "门禁在修"}
    made = guard2.post(f"/api/v1/rotas/{rota}/hand-overs", json=body).json()
    assert (made["taken_by"], made["handed_by"], made["note"]) == ("赵云", "王磊", "门禁在修")
    assert made["alerts"] == [str(theirs)]
    found = duty.desk.alert(theirs)
    assert (found.acked_by, found.version) == (duty.id("guard2"), 3)
    assert found.due_at > now() + timedelta(minutes=4)
    assert duty.said(theirs, "handed_over") == [{"from": duty.id("guard")}]
    assert duty.desk.alert(others).acked_by == property_.user_id
    (entry,) = duty.desk.site.audited("rota.taken_over")
    assert (entry.actor, entry.data["handed_by"]) == ("赵云", duty.id("guard"))
    stands = guard2.get("/api/v1/rotas").json()[0]
    assert (stands["open_change"], stands["taken"]["taken_by"]) == (None, "赵云")


def test_of_two_who_take_over_at_once_one_does_and_the_other_is_told(
    duty: DutyDesk, log_in: LogIn
) -> None:
    rota, at = changed_just_now(duty)
    with transaction(duty.engine) as session:
        found = session.get_one(Rota, rota)
        both = [duty.id("guard2"), duty.id("property")]
        found.shifts = [
            {**one, "people": both} if one["people"] == [duty.id("guard2")] else one
            for one in found.shifts
        ]
    clients = [log_in("guard2"), log_in("property")]
    path = f"/api/v1/rotas/{rota}/hand-overs"
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda one: one.post(path, json={"starts_at": at}), clients))
    assert sorted(one.status_code for one in answers) == [201, 409]
    (winner,) = (one.json()["taken_by"] for one in answers if one.status_code == 201)
    (loser,) = (one for one in answers if one.status_code == 409)
    assert f"{winner} has taken it over already" in loser.text
    again = clients[answers.index(loser) - 1].post(path, json={"starts_at": at})
    assert (again.status_code, again.json()["taken_by"]) == (201, winner)
    assert len(duty.desk.site.audited("rota.taken_over")) == 1


def test_only_those_who_come_on_take_over_and_from_those_who_leave(
    duty: DutyDesk, log_in: LogIn
) -> None:
    rota, at = changed_just_now(duty)
    assert hand_over(log_in, "guard", rota, at).status_code == 409
    other = hand_over(log_in, "guard2", rota, (now() - timedelta(hours=1)).isoformat())
    assert other.status_code == 409
    stranger = hand_over(log_in, "guard2", rota, at, handed_by=duty.id("admin"))
    assert (stranger.status_code, "those who leave" in stranger.text) == (422, True)


# -- by the API ----------------------------------------------------------------------------------


def test_groups_are_made_changed_and_removed(duty: DutyDesk, log_in: LogIn) -> None:
    boss = log_in("property")
    people = [duty.id("guard"), duty.id("guard2")]
    made = boss.post("/api/v1/groups", json={"name": "夜班", "members": people}).json()
    (group,) = made
    assert [one["name"] for one in group["members"]] == ["王磊", "赵云"]
    path = f"/api/v1/groups/{group['id']}"
    for body, status in (
        ({"name": "夜班", "members": []}, 422),
        ({"name": " ", "members": people}, 422),
        ({"name": "夜班", "members": [duty.id("family")]}, 422),
        ({"name": "夜班", "members": [10**6]}, 422),
    ):
        assert boss.put(path, json=body).status_code == status
    assert boss.post("/api/v1/groups", json={"name": "夜班", "members": people}).status_code == 409
    duty.plan((30, [group["target"]]))
    assert boss.get("/api/v1/groups").json()[0]["used_by"] == ["P1"]
    refused = boss.delete(path)
    assert (refused.status_code, "plan of P1" in refused.text) == (409, True)
    log_in("admin").delete("/api/v1/escalation/1").raise_for_status()
    assert boss.delete(path).status_code == 204
    assert boss.get("/api/v1/groups").json() == []
    actions = [f"group.{one}" for one in ("added", "removed")]
    assert [len(duty.desk.site.audited(one)) for one in actions] == [1, 1]


def test_a_rota_shows_its_holes_and_two_who_change_it_do_not_undo_each_other(
    duty: DutyDesk, log_in: LogIn
) -> None:
    rota = duty.rota(("08:00", "20:00", "guard2"))
    boss = log_in("property")
    seen = boss.get("/api/v1/rotas").json()[0]
    assert len(seen["holes"]) in {14, 15}
    shifts = [
        {"days": list(range(7)), "starts": "08:00", "ends": "08:00", "people": [duty.id("guard")]}
    ]
    body = {"name": "night", "shifts": shifts, "version": seen["version"]}
    path = f"/api/v1/rotas/{rota.id}"
    changed = boss.put(path, json=body).json()
    assert (changed["holes"], changed["version"]) == ([], 2)
    assert boss.put(path, json=body).status_code == 409
    assert boss.put(path, json={**body, "version": 2, "fallback": "king"}).status_code == 422


def test_an_exception_is_for_its_time_and_taken_back(duty: DutyDesk, log_in: LogIn) -> None:
    rota = duty.rota(("00:00", "00:00", "guard"))
    boss, day = log_in("property"), (now().astimezone(SHANGHAI) + timedelta(days=2)).date()
    body = {"day": f"{day}", "starts": "20:00", "ends": "08:00", "people": [duty.id("guard2")]}
    path = f"/api/v1/rotas/{rota.id}"
    made = boss.post(f"{path}/overrides", json=body)
    assert made.status_code == 201
    span = {"start": local(f"{day}", "00:00").isoformat(), "end": None}
    span["end"] = (local(f"{day}", "00:00") + timedelta(days=2)).isoformat()
    seen = boss.get(f"{path}/duties", params=span).json()
    assert [[one["name"] for one in each["people"]] for each in seen] == [
        ["王磊"], ["赵云"], ["王磊"],
    ]  # fmt: skip
    clash = {**body, "starts": "07:00", "ends": "09:00", "day": f"{day + timedelta(days=1)}"}
    assert boss.post(f"{path}/overrides", json=clash).status_code == 409
    past = {**body, "day": "2020-01-01"}
    assert boss.post(f"{path}/overrides", json=past).status_code == 422
    (override,) = made.json()["overrides"]
    gone = boss.delete(f"{path}/overrides/{override['id']}")
    assert (gone.status_code, gone.json()["overrides"]) == (200, [])
    assert boss.delete(f"{path}/overrides/{override['id']}").status_code == 404


def test_a_rota_that_is_not_handed_over_calls_nobody_who_left(duty: DutyDesk) -> None:
    rota = duty.around("guard", "guard2", change_in=timedelta(minutes=3))
    with transaction(duty.engine) as session:
        session.get_one(Rota, rota.id).handed_over = False
    duty.plan((60, [rota.target]), (290, [rota.target]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(290)
    assert duty.said(alert) == [{"to": [duty.user("guard")]}, {"to": [duty.user("guard2")]}]


def test_a_rota_that_nobody_can_read_is_a_hole(duty: DutyDesk) -> None:
    rota = duty.rota(("00:00", "00:00", "guard2"))
    with transaction(duty.engine) as session:
        session.get_one(Rota, rota.id).shifts = [{"of a": "later release"}]
    duty.plan((30, [rota.target]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [ADMIN], "holes": ["night"]}]
    with Session(duty.engine) as session:
        assert rotas.rota(session, duty.admin, rota.id).shifts == ()


def test_a_rota_that_cannot_be_read_is_a_hole_and_blinds_no_other(duty: DutyDesk) -> None:
    broken = duty.rota(("00:00", "00:00", "guard"), name="broken")
    whole = duty.rota(("00:00", "00:00", "guard2"), name="whole")
    with transaction(duty.engine) as session:
        today = duty.desk.at.astimezone(SHANGHAI).date()
        said = {"day": today, "starts": "25:99", "ends": "26:00", "people": [1]}
        session.add(RotaOverride(rota_id=broken.id, made_at=now(), made_by=None, **said))
    duty.plan((30, [broken.target, whole.target]))
    alert = duty.desk.rings()
    duty.desk.look()
    duty.desk.wait(30)
    assert duty.said(alert) == [{"to": [ADMIN, duty.user("guard2")], "holes": ["broken"]}]


def test_a_hole_counts_from_when_the_latest_of_them_began(duty: DutyDesk) -> None:
    duty.rota(("00:00", "00:00", "guard2"), name="long empty")
    duty.around("guard", "guard2", change_in=timedelta(minutes=3))
    duty.shut_out("guard2")
    with Session(duty.engine) as session:
        before = hole_s(session, duty.desk.at)
        (since_s,) = hole_s(session, duty.desk.at + timedelta(minutes=5)).values()
    assert min(before.values()) > 86_400
    assert 0 < since_s <= 240
