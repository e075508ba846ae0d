"""Databases of earlier releases, full of data, come to this release, and go back where they can."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from alembic import command
from sqlalchemy import Connection, Engine, func, select, table, text

from anju_platform.database import connect, now
from anju_platform.demo.postgres import create_database
from anju_platform.migrate import _config, differences, migrate
from anju_platform.notifications.taking_up import take_up
from anju_platform.telemetry.model import DAILY, HOURLY
from anju_platform.telemetry.rollups.cover import DAY, HOUR, floor
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.storage import Retention, keep_partitions

TIMESCALE = os.environ.get("ANJU_TEST_TIMESCALE_URL")
FACTORY = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
_numbers = itertools.count(1)

OF_0003 = """
    INSERT INTO communities (slug, name, name_en, timezone, plan, feed_seq)
        VALUES ('old', '旧', 'Old', 'Asia/Shanghai', '{"width": 5}', 7);
    INSERT INTO users (community_id, username, name, role, password_hash, locale, disabled,
        failed_logins) SELECT id, 'anna', 'Anna', 'admin', 'x', 'zh', false, 0 FROM communities;
    INSERT INTO places (community_id, slug, kind, label, label_en, attributes)
        SELECT id, 'b1', 'building', '1 栋', 'Building 1', '{}' FROM communities;
    INSERT INTO gateways (community_id, slug, name, name_en, secret_hash, online)
        SELECT id, 'gw', '网关', 'Gateway', 'x', true FROM communities;
    INSERT INTO device_fields (model, name) VALUES ('climate', 'temperature');
    INSERT INTO devices (community_id, gateway_id, place_id, slug, model, name, name_en,
        attributes, state, created_at)
        SELECT p.community_id, g.id, p.id, 'climate-0', 'climate', '温', 'Climate', '{}',
            'approved', now() FROM places p, gateways g;
    INSERT INTO lanes SELECT id, 'e', 'events', 41, now() FROM gateways;
    INSERT INTO heartbeats VALUES ('ingest', now());
    INSERT INTO rule_states SELECT id, 'smoke', 'b1', '{}', now() FROM communities;
    INSERT INTO device_events (community_id, device_id, observed_at, received_at, event, data,
        flags) SELECT community_id, id, now(), now(), 'opened', '{"by": "key"}', 0 FROM devices;
    INSERT INTO alerts (id, community_id, dedupe_key, rule_id, rule_version, entity,
        discriminator, device_id, title, title_en, icon, severity, condition, handling, overlays,
        mode, latched, observed_at, detected_at, activated_at, occurrences, evidence, version)
        SELECT gen_random_uuid(), community_id, 'k', 'smoke', 1, 'b1', '', id, '烟', 'Smoke',
            'smoke', 1, 'active', 'unacked', '[]', 'actual', true, now(), now(), now(), 1, '{}', 1
        FROM devices;
    INSERT INTO alert_timeline (alert_id, community_id, at, kind, data)
        SELECT id, community_id, now(), 'raised', '{}' FROM alerts;
"""
COUNTED = (
    "communities", "users", "places", "gateways", "devices", "device_fields", "lanes",
    "rule_states", "device_events", "alerts", "alert_timeline", "telemetry",
)  # fmt: skip

New = Callable[[], Engine]


@pytest.fixture(params=["plain", pytest.param("timescale", marks=pytest.mark.timescale)])
def new(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[New]:
    """Makes empty databases, on both kinds of storage."""
    server = postgres_url if request.param == "plain" else TIMESCALE
    if server is None:
        pytest.skip("ANJU_TEST_TIMESCALE_URL names no server")
    made: list[tuple[str, Engine]] = []

    def make() -> Engine:
        name = f"anju_test_old_{next(_numbers)}"
        made.append((name, connect(create_database(server, name))))
        return made[-1][1]

    yield make
    for name, engine in made:
        engine.dispose()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def fill(engine: Engine) -> list[datetime]:
    """Bring a database to revision 0003 with data; gives the times of its readings."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0003")
        connection.execute(text(OF_0003.replace(":", r"\:")))
    keep_partitions(engine, Retention(behind_days=10))
    times = [FACTORY, *(now() - n * timedelta(hours=7) for n in range(20))]
    with engine.begin() as connection:
        for at in times:
            insert_reading(connection, at)
    return times


def insert_reading(connection: Connection, at: datetime) -> None:
    insert = text(
        "INSERT INTO telemetry SELECT d.community_id, d.id, f.id, :at, 21.5, 0"
        " FROM devices d JOIN device_fields f ON f.name = 'temperature' AND f.model = d.model"
    )
    connection.execute(insert, {"at": at})


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
            for name in COUNTED
        }


def url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False).replace("+psycopg", "")


def test_a_full_database_of_an_early_release_comes_to_this_one(new: New) -> None:
    engine = new()
    times = fill(engine)
    before = counts(engine)
    assert all(before.values())
    migrate(url(engine))
    after = counts(engine)
    assert after.pop("device_fields") > before.pop("device_fields"), "the catalogue has grown"
    assert after == before
    assert list(differences(engine)) == []
    with engine.connect() as connection:
        told = text("SELECT holidays, armed, plan ->> 'width', feed_seq FROM communities")
        assert connection.execute(told).one() == ([], None, "5", 7)
        heard = text("SELECT count(*) FROM partitions WHERE heard_at > now() - INTERVAL '1 hour'")
        assert connection.scalar(heard) == 64
    bring_up_to_date(engine, settled=timedelta(0))
    over = {floor(at, HOUR) for at in times if floor(at, HOUR) + HOUR <= now()}
    with engine.connect() as connection:
        hours = connection.execute(select(HOURLY.c.bucket, HOURLY.c["count"])).all()
        days = connection.execute(select(DAILY.c.bucket, DAILY.c.low)).all()
    assert {bucket for bucket, _ in hours} == over
    assert sum(count for _, count in hours) == len([at for at in times if floor(at, HOUR) in over])
    assert {bucket for bucket, _ in days} == {floor(hour, DAY) for hour in over}
    assert {low for _, low in days} == {21.5}


def test_a_full_database_goes_back_step_by_step_and_comes_again(new: New) -> None:
    engine = new()
    fill(engine)
    migrate(url(engine))
    bring_up_to_date(engine, settled=timedelta(0))
    before = counts(engine)
    for revision in ("0009", "0008", "0007", "0006", "0005", "0004", "0003"):
        with engine.begin() as connection:
            command.downgrade(_config(connection), revision)
        assert counts(engine) == before
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('telemetry_hourly') IS NULL"))
    migrate(url(engine))
    assert counts(engine) == before
    assert list(differences(engine)) == []
    assert bring_up_to_date(engine, settled=timedelta(0)) > 0
    with engine.connect() as connection:
        assert connection.execute(select(HOURLY.c.bucket)).first() is not None


def test_an_empty_database_goes_all_the_way_back(new: New) -> None:
    engine = new()
    migrate(url(engine))
    with engine.begin() as connection:
        command.downgrade(_config(connection), "base")
    query = text(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE nspname = 'public' AND relkind IN ('r', 'p', 'v')"
    )
    with engine.connect() as connection:
        assert connection.scalars(query).all() == ["alembic_version"]


OF_0012 = """
    UPDATE alerts SET handling = 'closed', closed_at = now();
    INSERT INTO alerts (id, community_id, dedupe_key, rule_id, rule_version, entity,
        discriminator, device_id, title, title_en, icon, severity, condition, handling, overlays,
        mode, latched, observed_at, detected_at, activated_at, acked_at, occurrences, evidence,
        version)
        SELECT gen_random_uuid(), community_id, 'k' || n, 'smoke', 1, 'b1', '', id, '烟', 'Smoke',
            'smoke', n, 'active', 'acked', '[]', 'actual', true, now(), now(), now(),
            now() - INTERVAL '3 days', 1, '{}', 2
        FROM devices, generate_series(1, 4) n;
    INSERT INTO notifications (community_id, alert_id, transition, recipient, channel, state,
        payload, attempts, created_at, next_attempt_at, expires_at)
        SELECT community_id, id, 1, 'role:guard', 'in_app', 'seen', '{}', 1, now(), now(), now()
        FROM alerts;
"""
OF_THE_RELEASE_BEFORE = """
    UPDATE alerts SET handling = 'unacked', acked_at = NULL, acked_by = NULL, version = version + 1;
    INSERT INTO alerts (id, community_id, dedupe_key, rule_id, rule_version, entity,
        discriminator, device_id, title, title_en, icon, severity, condition, handling, overlays,
        mode, latched, observed_at, detected_at, activated_at, occurrences, evidence, version)
        SELECT gen_random_uuid(), community_id, 'new', 'smoke', 1, 'b1', '', id, '烟', 'Smoke',
            'smoke', 1, 'active', 'unacked', '[]', 'actual', true, now(), now(), now(), 1, '{}', 1
        FROM devices;
    INSERT INTO notifications (community_id, alert_id, transition, recipient, channel, state,
        payload, attempts, created_at, next_attempt_at, expires_at)
        SELECT community_id, id, 7, 'role:guard', 'in_app', 'queued', '{}', 0, now(), now(), now()
        FROM alerts ON CONFLICT DO NOTHING;
"""
"""What processes of revision 0012 write: they name the columns they know."""


def test_who_has_an_alert_at_the_upgrade_has_it_on_and_old_processes_write_on(new: New) -> None:
    engine = new()
    fill(engine)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0012")
        connection.execute(text(OF_0012.replace(":", r"\:")))
    migrate(url(engine))
    left = text(
        "SELECT severity, extract(epoch FROM due_at - now())::float / 60 FROM alerts"
        " WHERE handling = 'acked' ORDER BY severity"
    )
    with engine.connect() as connection:
        minutes = [(severity, round(each)) for severity, each in connection.execute(left)]
    assert minutes == [(1, 5), (2, 30), (3, 240), (4, 1440)]
    with engine.begin() as connection:
        connection.execute(text(OF_THE_RELEASE_BEFORE.replace(":", r"\:")))
        new = text("SELECT due_at = detected_at, step FROM alerts WHERE dedupe_key = 'new'")
        assert connection.execute(new).one() == (True, 0)
        connection.execute(text("""UPDATE alerts SET overlays = '["shelved", "inhibited"]'"""))
        connection.execute(text("UPDATE notifications SET step = 1 WHERE transition = 7"))
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0012")
        assert connection.scalar(text("SELECT count(*) FROM notifications")) == 5
        overlays = text("SELECT DISTINCT overlays FROM alerts")
        assert connection.scalars(overlays).all() == [[]]


def test_what_was_told_before_channels_is_told_nobody_again(new: New) -> None:
    engine = new()
    fill(engine)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0012")
        connection.execute(text(OF_0012.replace(":", r"\:")))
        command.upgrade(_config(connection), "0013")
        connection.execute(
            text(
                "INSERT INTO notifications (community_id, alert_id, transition, recipient, channel,"
                " state, payload, attempts, created_at, next_attempt_at, expires_at)"
                " SELECT community_id, id, 2, 'role\\:guard', 'in_app', 'queued', '{}', 0, now(),"
                " now(), now() + INTERVAL '1 hour' FROM alerts WHERE severity = 1"
                " AND handling = 'acked'"
            )
        )
    migrate(url(engine))
    unrouted = text("SELECT transition FROM notifications WHERE routed_at IS NULL")
    with engine.connect() as connection:
        assert connection.scalars(unrouted).all() == [2]
    assert take_up(engine, lambda *_: None) == 1
    with engine.begin() as connection:
        connection.execute(text(OF_THE_RELEASE_BEFORE.replace(":", r"\:")))
        assert set(connection.scalars(unrouted)) == {7}
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0013")
    migrate(url(engine))
    assert list(differences(engine)) == []
