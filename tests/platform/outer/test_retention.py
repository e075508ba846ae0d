"""What is past its time goes: by community, by kind, and without holding ingest up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from outer_site import Site, ago, community_file
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from stored_points import store
from typer.testing import CliRunner

from anju_platform.alerts.model import Alert, Handling, TimelineEntry
from anju_platform.auth.model import Role
from anju_platform.cli import app
from anju_platform.config import Settings
from anju_platform.database import now, to_millis, transaction
from anju_platform.notifications.model import Notification
from anju_platform.provision import import_community
from anju_platform.registry.model import Community, Device
from anju_platform.telemetry import series
from anju_platform.telemetry.model import DAILY, HOURLY, DeviceEvent, Kept, StaleHour
from anju_platform.telemetry.retention import keeping, repository
from anju_platform.telemetry.rollups.cover import DAY, HOUR, floor
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.storage import Retention, is_hypertable, keep_partitions
from anju_platform.worker import forget_alerts, kept_days, upkeep

AGES = (1, 20, 40, 80)
KEEP = {
    Kept.READINGS: 60,
    Kept.HEALTH: 30,
    Kept.ROLLUPS: 70,
    Kept.HEALTH_ROLLUPS: 50,
    Kept.EVENTS: 35,
    Kept.ALERTS: 35,
}


def days_ago(days: int) -> datetime:
    return floor(now(), HOUR) - days * DAY


def fill(site: Site, device: Device, field: str) -> None:
    store(site.engine, device, field, [(days_ago(age), float(age)) for age in AGES])


def stored(site: Site, device: Device) -> list[float]:
    query = text("SELECT value FROM telemetry WHERE device_id = :d ORDER BY value")
    with site.engine.connect() as connection:
        return list(connection.scalars(query, {"d": device.id}))


def rolled(site: Site, device: Device, table: Any = HOURLY) -> list[float]:
    query = select(table.c.last).where(table.c.device_id == device.id).order_by(table.c.last)
    with site.engine.connect() as connection:
        return list(connection.scalars(query))


def park(site: Site) -> tuple[int, Device]:
    """Another community, with its PIR."""
    with transaction(site.engine) as session:
        import_community(session, community_file("park"))
        number = session.scalars(select(Community.id).where(Community.slug == "park")).one()
        query = select(Device).where(Device.community_id == number, Device.slug == "b1-501-pir")
        return number, session.scalars(query).one()


def tidy(site: Site) -> None:
    keep_partitions(site.engine, Retention(keep_days=keeping.longest(site.engine, KEEP)))
    keeping.forget(site.engine, KEEP)
    if is_hypertable(site.engine):
        run_dropping_policy(site)


def run_dropping_policy(site: Site) -> None:
    """Call now what TimescaleDB calls once a day."""
    job = text(
        "SELECT job_id FROM timescaledb_information.jobs"
        " WHERE proc_name = 'policy_retention' AND hypertable_name = 'telemetry'"
    )
    with site.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        number = connection.execute(job).scalar_one()
        connection.execute(text("CALL run_job(:number)"), {"number": number})


def test_each_kind_and_each_community_goes_in_its_own_time(either_site: Site) -> None:
    site = either_site
    keep_partitions(site.engine, Retention(behind_days=90))
    number, longer = park(site)
    pir, bed = site.device("b1-501-pir"), site.device("b1-501-bed")
    for device, field in ((pir, "battery"), (bed, "heart_rate"), (longer, "battery")):
        fill(site, device, field)
    bring_up_to_date(site.engine, settled=timedelta(0))
    with transaction(site.engine) as session:
        repository.set_rule(session, number, Kept.READINGS, 85)
        repository.set_rule(session, number, Kept.ROLLUPS, 30)
    for _ in range(2):
        tidy(site)
        assert stored(site, pir) == [1, 20, 40]
        assert stored(site, bed) == [1, 20]
        assert stored(site, longer) == [1, 20, 40, 80]
        for grain in (HOURLY, DAILY):
            assert rolled(site, pir, grain) == [1, 20, 40]
            assert rolled(site, bed, grain) == [1, 20, 40], "roll-ups outlive readings"
            assert rolled(site, longer, grain) == [1, 20]


def test_a_chart_of_what_is_past_its_time_shows_the_hours(either_site: Site) -> None:
    site = either_site
    pir = site.device("b1-501-pir")
    keep_partitions(site.engine, Retention(behind_days=65))
    start = days_ago(62)
    minutes = [(start + n * timedelta(minutes=1), float(n)) for n in range(120)]
    store(site.engine, pir, "battery", minutes)
    bring_up_to_date(site.engine, settled=timedelta(0))
    tidy(site)
    assert stored(site, pir) == []
    with Session(site.engine) as session:
        found = series.series(
            session, site.actor(Role.ADMIN), "b1-501-pir", "battery", start=start, end=start + DAY
        )
    assert found.values == (0, 59, 60, 119)
    assert found.times[3] == to_millis(start + timedelta(minutes=119))
    assert found.bucket_s == 3600


def test_a_straggler_past_retention_spoils_no_roll_up(either_site: Site) -> None:
    site = either_site
    pir = site.device("b1-501-pir")
    keep_partitions(site.engine, Retention(behind_days=65))
    hour = days_ago(62)
    store(site.engine, pir, "battery", [(hour, 1.0), (hour + timedelta(minutes=1), 2.0)])
    bring_up_to_date(site.engine, settled=timedelta(0))
    tidy(site)
    store(site.engine, pir, "battery", [(hour + timedelta(minutes=2), 3.0)])
    bring_up_to_date(site.engine, settled=timedelta(0), keep_days=60)
    for grain in (HOURLY, DAILY):
        assert rolled(site, pir, grain) == [2]
    with Session(site.engine) as session:
        assert session.scalars(select(StaleHour.hour)).all() == []


@pytest.mark.usefixtures("days_of_ours")
def test_nothing_is_deleted_before_it_is_summed_up(site: Site) -> None:
    keep_partitions(site.engine, Retention(behind_days=95))
    pir = site.device("b1-501-pir")
    store(site.engine, pir, "battery", [(days_ago(92), 7.0)])
    jobs = {one.name: one for one in upkeep(site.engine, Settings(database_url=site.url))}
    for name in ("partitions", "retention"):
        jobs[name].call()
    assert stored(site, pir) == [7]
    bring_up_to_date(site.engine, settled=timedelta(0))
    for name in ("partitions", "retention"):
        jobs[name].call()
    assert stored(site, pir) == []
    assert rolled(site, pir) == [7]


def test_nobody_who_stores_readings_waits_for_retention(site: Site) -> None:
    pir = site.device("b1-501-pir")
    keep_partitions(site.engine, Retention(behind_days=90))
    fill(site, pir, "battery")
    with transaction(site.engine) as session:
        repository.set_rule(session, site.community_id, Kept.READINGS, 10)
    with ThreadPoolExecutor() as pool, transaction(site.engine) as session:
        query = "SELECT 1 FROM telemetry WHERE device_id = :d AND value = 20 FOR UPDATE"
        session.execute(text(query), {"d": pir.id})
        waiting = pool.submit(keeping.forget, site.engine, KEEP)
        pool.submit(fill, site, pir, "battery").result(10)
        assert not waiting.done()
        session.rollback()
        waiting.result(20)


def test_old_events_go_and_what_came_lately_stays(site: Site) -> None:
    door = site.device("b1-door")
    factory_clock = datetime.fromtimestamp(0, now().tzinfo)
    times = ((40, 40), (20, 20), (None, 1))
    rows = [
        {
            "community_id": site.community_id,
            "device_id": door.id,
            "observed_at": factory_clock if said is None else ago(days=said),
            "received_at": ago(days=came),
            "event": f"came {came}",
            "data": {},
            "flags": 0,
        }
        for said, came in times
    ]
    with transaction(site.engine) as session:
        session.execute(insert(DeviceEvent), rows)
    keeping.forget(site.engine, KEEP)
    with Session(site.engine) as session:
        assert sorted(session.scalars(select(DeviceEvent.event))) == ["came 1", "came 20"]


def test_closed_alerts_go_with_all_that_is_theirs_and_open_ones_never(site: Site) -> None:
    gone, kept, still_open = site.alert(), site.alert(), site.alert(detected_at=ago(days=400))
    with transaction(site.engine) as session:
        for alert, days in ((gone, 36), (kept, 20)):
            session.execute(
                update(Alert)
                .where(Alert.id == alert)
                .values(handling=Handling.CLOSED, closed_at=ago(days=days))
            )
        for alert in (gone, kept):
            session.add(
                Notification(
                    community_id=site.community_id,
                    alert_id=alert,
                    transition=1,
                    recipient="user:1",
                    channel="in_app",
                    state="accepted",
                    payload={},
                    attempts=1,
                    created_at=now(),
                    next_attempt_at=now(),
                    expires_at=now(),
                )
            )
    forget_alerts(site.engine, KEEP)
    with Session(site.engine) as session:
        assert set(session.scalars(select(Alert.id))) == {kept, still_open}
        assert set(session.scalars(select(TimelineEntry.alert_id))) == {kept, still_open}
        assert session.scalars(select(Notification.alert_id)).all() == [kept]


def test_how_long_a_community_keeps_what_is_set_on_the_command_line(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANJU_DATABASE_URL", site.url)
    run: Callable[..., Any] = CliRunner().invoke
    assert run(app, ["keep", "set", "health", "14", "--community", "garden"]).exit_code == 0
    told = run(app, ["keep", "list", "--community", "garden"]).stdout
    assert "14 days (settings: 90)" in told
    settings = kept_days(Settings(database_url=site.url))
    with Session(site.engine) as session:
        [keeper] = keeping.keepers(session, settings)
    assert (keeper.days[Kept.HEALTH], keeper.days[Kept.READINGS]) == (14, 90)
    assert run(app, ["keep", "reset", "health", "--community", "garden"]).exit_code == 0
    assert "14 days" not in run(app, ["keep", "list", "--community", "garden"]).stdout
    said = [entry.data for entry in site.audited("retention.changed")]
    assert said == [{"kind": "health", "days": 14}, {"kind": "health", "days": None}]


@pytest.mark.parametrize(("times", "is_told"), [(2, False), (9, True)])
def test_a_piece_that_lost_a_deadlock_is_tried_again(site: Site, times: int, is_told: bool) -> None:
    tried = []

    def remove(session: Session, _limit: int) -> int:
        tried.append(True)
        if len(tried) <= times:
            raised = "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$"
            session.execute(text(raised))
        return 0

    if is_told:
        with pytest.raises(OperationalError):
            keeping.in_pieces(site.engine, remove)
    else:
        keeping.in_pieces(site.engine, remove)
        assert len(tried) == times + 1
