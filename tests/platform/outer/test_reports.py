"""How a shift, a day or a month went."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from outer_site import Site
from sqlalchemy.orm import Session

from anju_platform.alerts.model import Alert
from anju_platform.alerts.repository import add_entry
from anju_platform.auth.model import Role
from anju_platform.database import transaction
from anju_platform.registry.model import BlindPeriod
from anju_platform.reports.periods import Span, period
from anju_platform.reports.report import report
from anju_platform.reports.schemas import ReportView

LogIn = Callable[..., httpx.Client]
ZONE = ZoneInfo("Asia/Shanghai")
DAY = datetime(2026, 11, 20, 0, 0, tzinfo=ZONE)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return (DAY + timedelta(hours=hour, minutes=minute, seconds=second)).astimezone(UTC)


def rang(site: Site, moment: datetime, answered_s: float | None = None, **changed: Any) -> UUID:
    """Let an alert have been raised, and answered so long after."""
    times = dict.fromkeys(("observed_at", "detected_at", "activated_at"), moment)
    alert_id = site.alert(**(times | changed))
    if answered_s is not None:
        with transaction(site.engine) as session:
            alert = session.get_one(Alert, alert_id)
            answered = moment + timedelta(seconds=answered_s)
            alert.handling, alert.acked_at = "acked", answered
            guard = site.actor().user_id
            add_entry(session, alert, "acked", answered, user_id=guard, screen="wall-1")
    return alert_id


def of_the_day(site: Site, span: Span = Span.DAY, moment: datetime | None = None) -> ReportView:
    with Session(site.engine) as session:
        return report(session, site.actor(Role.PROPERTY), span, moment or at(12))


# -- periods -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        (Span.SHIFT, (2026, 11, 20, 8), (2026, 11, 20, 16)),
        (Span.DAY, (2026, 11, 20, 0), (2026, 11, 21, 0)),
        (Span.MONTH, (2026, 11, 1, 0), (2026, 12, 1, 0)),
    ],
)
def test_a_period_is_of_the_sites_own_time(
    span: Span, start: tuple[int, int, int, int], end: tuple[int, int, int, int]
) -> None:
    found = period(span, at(15, 59), ZONE)
    assert found.start == datetime(*start, tzinfo=ZONE)
    assert found.end == datetime(*end, tzinfo=ZONE)
    assert period(span, found.before, ZONE).end == found.start
    assert len(found.buckets) == {Span.SHIFT: 8, Span.DAY: 24, Span.MONTH: 30}[span]


def test_the_last_shift_ends_at_midnight_and_a_day_may_have_23_hours() -> None:
    night = period(Span.SHIFT, at(23, 59), ZONE)
    assert night.end == datetime(2026, 11, 21, tzinfo=ZONE)
    amsterdam = ZoneInfo("Europe/Amsterdam")
    spring = period(Span.DAY, datetime(2026, 3, 29, 12, tzinfo=amsterdam), amsterdam)
    assert len(spring.buckets) == 23
    assert period(Span.MONTH, datetime(2026, 12, 31, 23, tzinfo=ZONE), ZONE).end.year == 2027


# -- answers -----------------------------------------------------------------------------


def test_answers_are_measured_from_detection_to_the_first_person(site: Site) -> None:
    for hour, seconds in ((1, 10), (2, 50), (3, 100), (4, 400)):
        rang(site, at(hour), seconds)
    again = rang(site, at(5), 20)
    with transaction(site.engine) as session:  # it ran out, and somebody took it on once more
        alert = session.get_one(Alert, again)
        add_entry(session, alert, "acked", at(5, 30), user_id=site.actor().user_id, screen="x")
    life, urgent, *_ = of_the_day(site).answers
    assert (life.severity, life.alerts, life.answered, life.waiting) == (1, 5, 5, 0)
    assert [(each.seconds, each.goal, each.kept) for each in life.targets] == [
        (60, 0.975, 0.6),
        (180, 0.99, 0.8),
    ]
    assert (life.median_s, life.p95_s, life.slowest_s) == (50, 400, 400)
    assert life.unowned_min == round((10 + 50 + 100 + 400 + 20) / 60, 1)
    assert (urgent.alerts, urgent.targets[0].kept, urgent.median_s) == (0, None, None)


def test_what_nobody_answered_counts_against_the_target_unless_it_was_over(site: Site) -> None:
    rang(site, at(1), 10, severity=3)
    rang(site, at(2), severity=3, handling="closed", cleared_at=at(2, 5), closed_at=at(2, 5))
    rang(site, at(23), severity=3)
    third = of_the_day(site).answers[2]
    assert (third.alerts, third.answered, third.alone, third.waiting) == (3, 1, 1, 1)
    assert third.targets[0].kept == 0.5
    assert third.unowned_min == round((10 / 60) + 5 + 60, 1)  # open at the period's end


def test_what_was_over_too_late_or_is_young_is_judged_as_it_should_be(site: Site) -> None:
    late = {"handling": "closed", "cleared_at": at(2, 20), "closed_at": at(2, 20)}
    rang(site, at(2), severity=3, **late)  # over after 20 min, and nobody had come in 15
    rang(site, at(23, 50), severity=3)  # ten minutes old when the day ends
    rang(site, at(3), 600, severity=3)
    assert of_the_day(site).answers[2].targets[0].kept == 0.5


def test_tests_and_exercises_and_other_times_and_communities_are_left_out(site: Site) -> None:
    rang(site, at(1), mode="test")
    rang(site, at(1), mode="drill")
    rang(site, DAY.astimezone(UTC) - timedelta(seconds=1))
    rang(site, at(24))
    assert sum(each.alerts for each in of_the_day(site).answers) == 0
    rang(site, at(0))
    assert sum(each.alerts for each in of_the_day(site).answers) == 1


# -- rules, load, gateways -----------------------------------------------------------------


def test_what_people_said_is_the_only_source_of_a_rules_precision(site: Site) -> None:
    for cause in ("true", "false", "false", "false", "test", "cannot_tell", None):
        rang(site, at(3), rule_id="fall", cause=cause, title="跌倒", title_en="A fall")
    rang(site, at(4), rule_id="smoke")
    fall, smoke = of_the_day(site).rules
    assert (fall.rule_id, fall.title, fall.alerts) == ("fall", "跌倒", 7)
    assert (fall.true, fall.false, fall.test, fall.cannot_tell) == (1, 3, 1, 1)
    assert fall.false_share == 0.75
    assert (smoke.rule_id, smoke.false_share) == ("smoke", None)


def test_when_they_came_and_how_many_in_ten_minutes(site: Site) -> None:
    for minute, severity in ((0, 1), (4, 3), (9, 3), (10, 3), (40, 4)):
        rang(site, at(7, minute), severity=severity)
    rang(site, at(23, 59, 59), severity=2)
    found = of_the_day(site)
    assert {n: each.counts for n, each in enumerate(found.load) if any(each.counts)} == {
        7: (1, 0, 3, 1),
        23: (0, 1, 0, 0),
    }
    assert found.worst_10_min == 3


def test_gateways_are_as_available_as_they_could_be_heard(site: Site) -> None:
    west = site.device("b1-door").gateway_id
    outages = ((west, -1, 2), (west, 6, 7), (None, 12, 18), (west, 30, 31))
    with transaction(site.engine) as session:
        for gateway, begin, end in outages:
            session.add(
                BlindPeriod(
                    community_id=site.community_id,
                    gateway_id=gateway,
                    started_at=at(begin) if begin >= 0 else at(0) - timedelta(hours=1),
                    ended_at=at(end),
                )
            )
    found = of_the_day(site)
    by_slug = {each.slug: each for each in found.gateways}
    one = by_slug["gw-west"]
    assert (one.available, one.outages, one.longest_min) == (1 - 3 / 24, 2, 120.0)
    assert by_slug["gw-away"].available == 1.0
    assert found.platform == 0.75


def test_an_outage_that_lasts_counts_until_now(site: Site) -> None:
    with Session(site.engine) as session:
        now_report = report(session, site.actor(Role.PROPERTY), Span.DAY)
    assert now_report.start <= now_report.until < now_report.end
    with transaction(site.engine) as session:
        session.add(
            BlindPeriod(
                community_id=site.community_id,
                gateway_id=None,
                started_at=now_report.start - timedelta(days=1),
                ended_at=None,
            )
        )
    with Session(site.engine) as session:
        assert report(session, site.actor(Role.PROPERTY), Span.DAY).platform == 0.0


# -- over HTTP -----------------------------------------------------------------------------


def test_a_report_and_its_table_over_http(site: Site, log_in: LogIn) -> None:
    rang(site, at(3), 42, title="=求助")
    client = log_in("auditor")
    asked = {"at": at(12).isoformat()}
    said = client.get("/api/v1/reports/day", params=asked).json()
    assert said["answers"][0]["median_s"] == 42
    table = client.get("/api/v1/reports/day/alerts.csv", params=asked)
    [row] = csv.DictReader(io.StringIO(table.text.lstrip("\ufeff")))
    assert (row["severity"], row["title"]) == ("1", "'=求助")
    assert len(site.audited("reports.exported")) == 1
    assert client.get("/api/v1/reports/year").status_code == 422
    for never in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert client.get("/api/v1/reports/month", params={"at": never}).status_code == 422
    assert client.get("/api/v1/reports/day", params={"at": "2026-11-20T12:00"}).status_code == 422
