"""For which share of a time each device reported, and how much of its silence was its gateway's."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from outer_site import Site, community_file
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from anju_platform.auth.model import Role
from anju_platform.database import transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import BlindPeriod, Device, DeviceField
from anju_platform.reports.periods import Span
from anju_platform.reports.report import report
from anju_platform.reports.schemas import DeviceFigures, ReportView
from anju_platform.telemetry.model import HOURLY, StaleHour

LogIn = Callable[..., httpx.Client]
DAY = datetime(2026, 11, 20, tzinfo=ZoneInfo("Asia/Shanghai")).astimezone(UTC)


@pytest.fixture(autouse=True)
def _since_long(site: Site) -> None:
    with transaction(site.engine) as session:
        session.execute(update(Device).values(created_at=DAY - timedelta(days=90)))


def spoke(
    site: Site, slug: str, hours: Iterable[float], *, words: int = 1, field: str = "battery"
) -> None:
    """Let roll-ups know that a device spoke in these hours of the day, at last so far into them."""
    device = site.device(slug)
    with transaction(site.engine) as session:
        row = session.scalars(
            select(DeviceField.id).where(
                DeviceField.model == device.model, DeviceField.name == field
            )
        ).one_or_none()
        if row is None:
            made = DeviceField(model=device.model, name=field)
            session.add(made)
            session.flush()
            row = made.id
        for hour in hours:
            last_at = DAY + timedelta(hours=hour)
            bucket = last_at.replace(minute=0, second=0)
            times = dict.fromkeys(("low_at", "high_at", "last_at"), last_at)
            values = {"low": 1, "high": 1, "total": words, "last": 1, "count": words} | times
            of_it = {"community_id": site.community_id, "device_id": device.id, "field_id": row}
            session.execute(insert(HOURLY).values(bucket=bucket, **of_it, **values))


def of_the_day(site: Site, span: Span = Span.DAY) -> ReportView:
    with Session(site.engine) as session:
        return report(session, site.actor(Role.PROPERTY), span, DAY + timedelta(hours=1))


def figures(site: Site, slug: str) -> DeviceFigures:
    return next(one for one in of_the_day(site).devices if one.slug == slug)


def test_who_speaks_often_is_counted_by_the_hour(site: Site) -> None:
    spoke(site, "b1-door", range(12), words=120)  # every 30 s
    spoke(site, "b1-door", range(12), words=40, field="lock_state")  # said with some of them
    spoke(site, "b1-door", [12], words=110)  # nearly all of them came: clocks are no better
    spoke(site, "b1-door", [13], words=60)
    found = figures(site, "b1-door")
    assert found.reported == 13.5 / 24
    assert found.silent_min == 10.5 * 60


def test_who_speaks_seldom_is_silent_two_intervals_after_its_last_word(site: Site) -> None:
    spoke(site, "b1-501-sos", [-0.5, *(hour + 0.5 for hour in range(6)), *range(20, 24)])
    # hourly: heard from midnight to 05:30, good until 07:30; again from 20:00 to the end
    found = figures(site, "b1-501-sos")
    assert found.reported == pytest.approx((7.5 + 4) / 24)
    assert found.interval_s == 3600


def test_the_worst_come_first_and_a_gateways_blindness_stands_apart(site: Site) -> None:
    spoke(site, "b1-501-pir", (half / 2 for half in range(0, 48, 2)))
    spoke(site, "gate-south", range(24), words=120)
    gateway = site.device("b1-door").gateway_id
    spans = ((gateway, 2, 4), (None, 3, 5), (gateway, 23, 30))
    with transaction(site.engine) as session:
        for of, begin, end in spans:
            times = {"started_at": DAY + timedelta(hours=begin)}
            times["ended_at"] = DAY + timedelta(hours=end)
            session.add(BlindPeriod(community_id=site.community_id, gateway_id=of, **times))
    found = of_the_day(site)
    assert [one.reported for one in found.devices] == sorted(
        one.reported or 0.0 for one in found.devices
    )
    assert found.devices_total == len(community_file()["devices"])
    by_slug = {one.slug: one for one in found.devices}
    assert (by_slug["gate-south"].reported, by_slug["gate-south"].silent_min) == (1.0, 0.0)
    assert by_slug["b1-door"].blind_min == 4 * 60  # together, not one after the other
    assert by_slug["far-pir"].blind_min == 2 * 60  # the platform's, of another gateway
    assert by_slug["far-pir"].reported == 0.0


def test_a_device_is_judged_from_when_it_was_there_and_not_once_it_is_gone(site: Site) -> None:
    with transaction(site.engine) as session:
        new = session.get_one(Device, site.device("b1-door").id)
        new.created_at = DAY + timedelta(hours=11, minutes=40)
        session.get_one(Device, site.device("far-pir").id).state = "retired"
        later = session.get_one(Device, site.device("gate-south").id)
        later.created_at = DAY + timedelta(hours=25)
    spoke(site, "b1-door", range(12, 24), words=120)
    assert figures(site, "b1-door").reported == 1.0
    slugs = {one.slug for one in of_the_day(site).devices}
    assert slugs & {"far-pir", "gate-south"} == set()


def test_hours_that_are_not_summed_up_yet_are_nobodys_silence(site: Site) -> None:
    with Session(site.engine) as session:
        today = report(session, site.actor(Role.PROPERTY), Span.MONTH)
    assert today.until - today.heard_until < timedelta(hours=1)
    hour = today.heard_until - timedelta(hours=2)
    with transaction(site.engine) as session:
        session.add(StaleHour(community_id=site.community_id, hour=hour, touched_at=hour))
    with Session(site.engine) as session:
        later = report(session, site.actor(Role.PROPERTY), Span.MONTH)
    assert later.heard_until in {hour, later.start}


def test_another_communitys_devices_are_theirs(site: Site) -> None:
    with transaction(site.engine) as session:
        import_community(session, community_file("elsewhere"))
    assert of_the_day(site).devices_total == len(community_file()["devices"])


def test_all_of_them_as_a_table(site: Site, log_in: LogIn) -> None:
    spoke(site, "b1-501-sos", range(24))
    client = log_in("auditor")
    asked = {"at": (DAY + timedelta(hours=1)).isoformat()}
    table = client.get("/api/v1/reports/day/devices.csv", params=asked)
    rows = list(csv.DictReader(io.StringIO(table.text.lstrip("\ufeff"))))
    assert len(rows) == len(community_file()["devices"])
    assert (rows[0]["reported"], rows[-1]["slug"]) == ("0.0", "b1-501-sos")
    assert len(site.audited("reports.exported")) == 1
