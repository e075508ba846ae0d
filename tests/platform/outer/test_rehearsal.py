"""Who would be called now: names and ways, and what is wrong with a plan, with nobody called."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from duty_desk import DutyDesk
from night_desk import Desk, policy
from reached_site import Reached
from sinks import Sink
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from anju_platform.database import now, transaction
from anju_platform.notifications.model import Address, Notification

LogIn = Callable[..., httpx.Client]


@pytest.fixture
def duty(desk: Desk) -> DutyDesk:
    return DutyDesk(desk)


def test_it_names_those_who_would_be_called_and_whether_their_ways_are_proven(
    duty: DutyDesk, reached: Reached, sink: Sink, log_in: LogIn
) -> None:
    reached.voice(sink)
    reached.phone("13611112222", "guard2")
    reached.phone("13611113333", "guard")
    with transaction(duty.engine) as session:
        proven = update(Address).where(Address.target == "13611112222")
        session.execute(proven.values(proven_at=now()))
        taken = update(Address).where(Address.target == "13611113333")
        session.execute(taken.values(ok_at=now()))  # by whom, nobody knows
    rota = duty.rota(("00:00", "00:00", "guard2"))
    duty.plan((30, [rota.target]), (60, ["first", "contacts:1", "contacts:2", "contacts:3"]))
    office = log_in("office")
    first, second = office.get("/api/v1/escalation/1/rehearsal?place=b1-501-bath").json()
    ways = [
        (one["name"], [(w["kind"], w["state"]) for w in one["ways"]]) for one in second["people"]
    ]
    assert [one["name"] for one in first["people"]] == ["赵云"]
    assert ways == [
        ("王磊", [("voice", "untried")]),
        ("赵云", [("voice", "proven")]),
        ("张敏", []),  # her account, which nothing outside reaches: so her telephone, too
        ("张敏", [("voice", "untried")]),
        ("周建国", [("voice", "untried")]),
    ]
    assert (second["by_hand"], second["missing"]) == ([], [3])
    looks = duty.desk.site.audited("care.read")
    assert [one.data for one in looks] == [{"rehearsal": 1}]
    with Session(duty.engine) as session:
        assert session.scalar(select(func.count()).select_from(Notification)) == 0


def test_whoever_may_not_read_a_homes_card_sees_no_names_of_its_people(
    duty: DutyDesk, reached: Reached, sink: Sink, log_in: LogIn
) -> None:
    reached.voice(sink)
    duty.plan((30, ["contacts:1", "contacts:2", "role:guard"]))
    (step,) = log_in("auditor").get("/api/v1/escalation/1/rehearsal?place=b1-501").json()
    assert {one["name"] for one in step["people"]} == {"", "王磊", "赵云"}


def test_it_says_what_is_wrong_with_a_plan(duty: DutyDesk, log_in: LogIn) -> None:
    rota = duty.rota(("00:00", "00:00", "guard2"))
    group = duty.group("夜班", "guard2")
    duty.plan((30, [rota.target]), (60, [group]))
    duty.shut_out("guard2")
    first, second = log_in("admin").get("/api/v1/escalation/1/rehearsal").json()
    assert (first["holes"], [one["role"] for one in first["people"]]) == (["night"], ["admin"])
    assert (second["nobody"], second["instead"]) == (["夜班"], True)


def test_it_looks_at_who_is_on_duty_at_the_time_of_each_step(duty: DutyDesk, log_in: LogIn) -> None:
    rota = duty.around("guard", "guard2", change_in=timedelta(minutes=30))
    duty.plan((60, [rota.target]), (120, [rota.target]))
    assert rota.coming is not None
    at = (rota.coming.at - timedelta(seconds=90)).isoformat()
    admin = log_in("admin")
    steps = admin.get("/api/v1/escalation/1/rehearsal", params={"at": at}).json()
    assert [[one["name"] for one in step["people"]] for step in steps] == [
        ["王磊"],
        ["王磊", "赵云"],  # nobody can know yet whether it will have been handed over
    ]
    far = {"at": (now() + timedelta(days=100)).isoformat()}
    assert admin.get("/api/v1/escalation/1/rehearsal", params=far).status_code == 422
    assert admin.get("/api/v1/escalation/1/rehearsal?place=moon").status_code == 404


def test_it_is_known_who_changed_which_plan_and_how(log_in: LogIn) -> None:
    admin = log_in("admin")
    admin.put("/api/v1/escalation/2?place=b1", json=policy(60)).raise_for_status()
    admin.put("/api/v1/escalation/2?place=b1", json=policy(90)).raise_for_status()
    admin.delete("/api/v1/escalation/2?place=b1").raise_for_status()
    gone, changed, made = log_in("auditor").get("/api/v1/escalation/changes").json()
    assert (made["by"], made["severity"], made["place"], made["before"]) == ("陈静", 2, "b1", None)
    assert [one["after"]["steps"][0]["after_s"] for one in (made, changed)] == [60, 90]
    assert (gone["removed"], changed["removed"]) == (True, False)
    assert (gone["before"]["steps"][0]["after_s"], gone["after"]) == (90, None)
