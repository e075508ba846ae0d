"""A drill rings as the real thing does, marked as one; what is no part of it stays real."""

from __future__ import annotations

from uuid import uuid4

import pytest
from night_desk import GUARD, PROPERTY
from work_site import WorkSite

from anju_platform.alerts import service
from anju_platform.alerts.model import Cause
from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.notifications.model import Channel, Delivery
from anju_platform.notifications.outside.repository import Errand
from anju_platform.notifications.outside.wording import message
from anju_platform.reports.report import report


def burns(work: WorkSite, device: str = "b1-501-smoke") -> None:
    work.says(device, "alarm", alarm=True)


def test_what_rings_in_it_is_marked_told_and_escalated(work: WorkSite) -> None:
    work.plans_drill(place="b1")
    burns(work)
    alert = work.of("smoke")
    assert (alert.mode, alert.overlays) == ("drill", [])
    assert GUARD in work.told(alert)
    work.passes(120, steps=12)
    assert len(work.steps(alert.id)) == 2


def test_what_is_outside_of_it_is_real(work: WorkSite) -> None:
    work.plans_drill(place="b1", rules=("smoke",))
    work.says("gate-south", "opened")
    work.says("b1-501-sos", "pressed")
    work.passes(2, steps=2)
    assert work.of("door-forced").mode == "actual"
    assert work.of("sos-pressed").mode == "actual"  # there, but not what is exercised


def test_what_was_open_before_is_real_though_it_comes_again(work: WorkSite) -> None:
    burns(work)
    work.plans_drill(place="b1")
    work.passes(301, steps=3)
    burns(work)
    alert = work.of("smoke")
    assert (alert.mode, alert.occurrences) == ("actual", 2)


def test_the_whole_community_exercises_but_not_the_platform_itself(work: WorkSite) -> None:
    work.plans_drill()
    burns(work)
    own = work.rings(slug=None, rule_id="platform-worker-down")
    work.passes(1)
    assert work.of("smoke").mode == "drill"
    assert work.alert(own).mode == "actual"


def test_what_goes_on_when_it_ends_is_real_and_new(work: WorkSite) -> None:
    work.plans_drill(30, place="b1")
    burns(work)
    alert = work.of("smoke")
    work.acknowledges(alert.id)
    before = len(work.messages(alert.id))
    work.passes(1801, steps=4)
    found = work.alert(alert.id)
    assert (found.mode, found.handling) == ("actual", "unacked")
    assert "drill_over" in work.kinds(alert)
    told = {who for _, _, who in work.messages(alert.id)[before:]}
    assert {GUARD, PROPERTY, f"family:h{alert.household_id}"} <= told


def test_it_may_be_ended_at_once_when_it_has_become_real(work: WorkSite) -> None:
    drill = work.plans_drill(30, place="b1")
    burns(work)
    work.ends(drill)
    work.passes(1)
    assert work.of("smoke").mode == "actual"


def test_what_happens_again_after_it_is_another_alert(work: WorkSite) -> None:
    work.plans_drill(2, place="b1")
    burns(work)
    drilled = work.of("smoke")
    with transaction(work.site.engine) as session:
        service.close(
            session,
            work.site.actor(),
            drilled.id,
            version=drilled.version,
            cause=Cause.TEST,
            screen="wall",
        )
    work.catches_up()
    work.passes(5)
    work.says("b1-501-smoke", "alarm_cleared", alarm=False)
    work.passes(130, steps=2)
    burns(work)
    alert = work.of("smoke")
    assert (alert.mode, alert.previous_id) == ("actual", drilled.id)


def test_reports_count_no_exercise(work: WorkSite) -> None:
    work.plans_drill(place="b1")
    burns(work)
    work.says("gate-south", "opened")
    work.passes(2, steps=2)
    with transaction(work.site.engine) as session:
        day = report(session, work.site.actor(Role.PROPERTY), "day", now())
    assert [one.rule_id for one in day.rules] == ["door-forced"]


@pytest.mark.parametrize(("locale", "marker"), [("zh", "【演练】"), ("en", "DRILL ")])
def test_each_message_says_that_it_is_one(locale: str, marker: str) -> None:
    errand = Errand(
        delivery=Delivery(alert_id=uuid4(), receipt="r", expires_at=now()),
        channel=Channel(),
        address=None,
        letter=None,
        kind="raised",
        role=Role.GUARD,
        locale=locale,
        title="烟雾报警",
        title_en="Smoke alarm",
        place="1 栋",
        place_en="Building 1",
        severity=1,
        mode="drill",
        handling="unacked",
        detected_at=now(),
        timezone="Asia/Shanghai",
        desk_phone="",
        needless=False,
    )
    assert message(errand, "https://anju.example", now()).title.startswith(marker)
