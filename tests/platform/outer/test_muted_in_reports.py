"""What work, what explains it, or a drill kept from calling is held against nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
from outer_site import Site
from sqlalchemy.orm import Session
from work_site import WorkSite

from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import add_entry
from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.reports.periods import Span
from anju_platform.reports.report import report, rows
from anju_platform.reports.schemas import AnswersView

RAISED = now() - timedelta(hours=30)


def after(seconds: float) -> datetime:
    return RAISED + timedelta(seconds=seconds)


def rang(site: Site, *steps: tuple[float, str, dict[str, Any]], **changed: Any) -> None:
    """Let an alert (P2) have been raised, and what has happened since, seconds later."""
    times = dict.fromkeys(("observed_at", "detected_at", "activated_at"), RAISED)
    alert_id = site.alert("gate-south", **({"severity": 2} | times | changed))
    guard = site.actor().user_id
    with transaction(site.engine) as session:
        alert = session.get_one(Alert, alert_id)
        for seconds, kind, data in steps:
            who = guard if kind in {"acked", "closed"} else None
            add_entry(session, alert, kind, after(seconds), user_id=who, data=data)


def answers(site: Site, severity: int = 2, moment: datetime = RAISED) -> AnswersView:
    with Session(site.engine) as session:
        found = report(session, site.actor(Role.PROPERTY), Span.DAY, moment)
    return found.answers[severity - 1]


WORK = {"overlay": "maintenance"}
MUTED = (0.0, "raised", {"muted": ["maintenance"]})
UNMUTED = (3600.0, "unmuted", WORK)
SPEAKS = (3600.0, "speaks", {})


def test_what_never_called_anybody_is_counted_apart(site: Site) -> None:
    rang(site, MUTED)
    rang(site, MUTED, (500, "acked", {}))
    found = answers(site)
    assert (found.alerts, found.muted, found.answered, found.waiting) == (2, 2, 0, 0)
    assert (found.targets[0].kept, found.unowned_min, found.median_s) == (None, 0.0, None)


def test_who_answers_what_speaks_again_is_measured_from_then(site: Site) -> None:
    rang(site, MUTED, UNMUTED, SPEAKS, (3640, "acked", {}))
    rang(site, MUTED, UNMUTED, SPEAKS, (4000, "acked", {}))
    found = answers(site)
    assert (found.muted, found.answered, found.median_s, found.slowest_s) == (0, 2, 220, 400)
    assert found.targets[0].kept == 0.5
    assert found.unowned_min == round(440 / 60, 1)


def test_an_answer_under_work_does_not_answer_what_is_told_anew(site: Site) -> None:
    rang(site, MUTED, (100, "acked", {}), UNMUTED, SPEAKS)
    found = answers(site)
    assert (found.answered, found.waiting, found.targets[0].kept) == (0, 1, 0.0)


def test_what_called_before_it_was_muted_is_no_better_for_it(site: Site) -> None:
    rang(site, (170, "muted", WORK), (5000, "acked", {}))
    rang(site, (600, "muted", WORK), (5000, "acked", {}))
    found = answers(site)
    assert (found.muted, found.targets[0].kept) == (0, 0.5)
    assert (found.median_s, found.slowest_s) == (385, 600)


def test_of_two_things_that_mute_the_last_one_counts(site: Site) -> None:
    both = {"muted": ["maintenance", "inhibited"]}
    told = (900, "unmuted", {"overlay": "inhibited"}), (900, "speaks", {}), (930, "acked", {})
    rang(site, (0, "raised", both), (300, "unmuted", WORK), *told)
    assert answers(site).slowest_s == 30


def test_what_goes_on_after_a_drill_is_measured_from_its_end(site: Site) -> None:
    rang(site, (0, "raised", {"drill": True}), (3600, "drill_over", {}), (3610, "acked", {}))
    drilled = {"drill": True}
    rang(site, (0, "raised", drilled), (60, "rose", {"drill_over": True}), (80, "acked", {}))
    rang(site, (0, "raised", {"drill": True}), mode="drill")
    found = answers(site)
    assert (found.alerts, found.muted, found.median_s) == (2, 0, 15)


def test_what_rises_to_a_matter_of_life_calls_at_once(site: Site) -> None:
    rang(site, MUTED, (60, "rose", {"unmuted": ["maintenance"]}), (70, "acked", {}), severity=1)
    found = answers(site, severity=1)
    assert (found.muted, found.slowest_s, found.targets[0].kept) == (0, 10, 1.0)


def test_an_answer_before_a_rise_that_lifts_all_does_not_answer_it(site: Site) -> None:
    rose = (60, "rose", {"unmuted": ["maintenance"]})
    rang(site, MUTED, (30, "acked", {}), rose, severity=1)
    rang(site, MUTED, (30, "acked", {}), rose, (960, "acked", {}), severity=1)
    drilled = {"drill": True}
    over = (60, "reactivated", {"drill_over": True})
    rang(site, (0, "raised", drilled), (30, "acked", {}), over, severity=1)
    found = answers(site, severity=1)
    assert (found.alerts, found.answered, found.waiting, found.slowest_s) == (3, 1, 2, 900)


def test_what_is_reopened_after_the_work_calls(site: Site) -> None:
    rang(site, MUTED, (300, "closed", {}), (400, "reopened", {}))
    found = answers(site)
    assert (found.muted, found.answered, found.waiting) == (0, 0, 1)


def test_what_called_before_it_was_reopened_under_work_was_answered_late(site: Site) -> None:
    again = (500, "reopened", {"muted": ["maintenance"]})
    rang(site, (0, "raised", {}), (300, "acked", {}), (400, "closed", {}), again)
    found = answers(site)
    assert (found.muted, found.slowest_s) == (0, 300)


def test_what_speaks_in_a_drill_is_an_exercise_all_the_same(site: Site) -> None:
    both = {"muted": ["maintenance"], "drill": True}
    over = (3600, "drill_over", {})
    rang(site, (0, "raised", both), (60, "speaks", {}), (90, "acked", {}), over)
    found = answers(site)
    assert (found.answered, found.waiting) == (0, 1)


def test_the_table_says_when_it_was_muted(site: Site, log_in: Any) -> None:
    rang(site, MUTED, UNMUTED, SPEAKS, (3640, "acked", {}))
    with Session(site.engine) as session:
        (one,) = rows(session, site.actor(Role.PROPERTY), Span.DAY, RAISED)
    assert one.quiet == ((RAISED, after(3600)),)
    client: httpx.Client = log_in("property")
    query = {"at": RAISED.isoformat()}
    head, line = client.get("/api/v1/reports/day/alerts.csv", params=query).text.splitlines()
    assert head.split(",")[-1] == "muted_from"
    assert line.split(",")[-1].startswith(RAISED.isoformat(timespec="seconds"))


def test_work_as_it_really_goes(work: WorkSite) -> None:
    """The steps that ingest and the worker write are those that reports read."""
    work.plans_work(60, device="b1-door")
    work.says("b1-door", "opened")
    work.passes(2, steps=2)
    began = work.at
    work.passes(3600, steps=20)
    alert = work.of("door-forced")
    assert work.kinds(alert)[:3] == ["raised", "unmuted", "speaks"]
    with Session(work.site.engine) as session:
        listed = rows(session, work.site.actor(Role.PROPERTY), Span.DAY, began)
    (one,) = [each for each in listed if each.rule_id == "door-forced"]
    ((since, until),) = one.quiet
    assert since == one.detected_at
    assert until is not None
    assert abs((until - since).total_seconds() - 3600) < 300
