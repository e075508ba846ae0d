from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from rule_editor import HEAT, Editor
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from anju_devices.catalog import MODELS
from anju_platform import tables  # noqa: F401 - foreign keys reach across domains
from anju_platform.auth.actor import Actor
from anju_platform.auth.model import Role
from anju_platform.database import connect, now, transaction
from anju_platform.demo.postgres import create_database
from anju_platform.errors import ConfigError, DatabaseUnavailableError
from anju_platform.migrate import _config, differences, migrate
from anju_platform.rulebook import force, service
from anju_platform.telemetry.storage import Retention, keep_partitions


def insert_point(engine: Engine, at: datetime) -> str:
    """Insert a point and give the partition it went to."""
    query = text(
        "INSERT INTO telemetry VALUES (1, 1, 1, :at, 2.5, 0) RETURNING tableoid::regclass::text"
    )
    with engine.begin() as connection:
        return str(connection.scalar(query, {"at": at}))


def where_is_point(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(text("SELECT tableoid::regclass::text FROM telemetry")))


def test_migrations_make_what_the_models_describe(engine: Engine) -> None:
    assert list(differences(engine)) == []


def test_migrating_again_changes_nothing(database: str, engine: Engine) -> None:
    query = text("SELECT count(*), max(id) FROM device_fields")
    with engine.connect() as connection:
        before = connection.execute(query).one()
    migrate(database)
    with engine.connect() as connection:
        assert connection.execute(query).one() == before


def test_every_field_of_the_catalogue_has_a_number(engine: Engine) -> None:
    with engine.connect() as connection:
        known = {
            tuple(row) for row in connection.execute(text("SELECT model, name FROM device_fields"))
        }
    assert known == {(m.name, f.name) for m in MODELS.values() for f in m.fields}


def test_a_server_that_is_not_there_is_named_as_unavailable() -> None:
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"):
        migrate("postgresql://127.0.0.1:1/none")


def test_a_url_of_another_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="postgresql://"):
        migrate("sqlite:///x")


@pytest.mark.usefixtures("days_of_ours")
def test_todays_points_have_a_partition_of_their_own(engine: Engine) -> None:
    assert insert_point(engine, now()) == now().strftime("telemetry_%Y%m%d")


def test_a_reading_has_one_index_entry_whatever_it_says(engine: Engine) -> None:
    query = text("SELECT indexdef FROM pg_indexes WHERE tablename = 'telemetry'")
    with engine.connect() as connection:
        (index,) = connection.scalars(query).all()
    assert index.endswith("USING btree (device_id, observed_at)")


@pytest.mark.usefixtures("days_of_ours")
@pytest.mark.parametrize("year", [1970, 2050, 9998])
def test_odd_times_are_stored_all_the_same(engine: Engine, year: int) -> None:
    assert insert_point(engine, datetime(year, 1, 1, tzinfo=UTC)) == "telemetry_default"


@pytest.mark.usefixtures("days_of_ours")
def test_points_of_a_later_day_move_to_its_partition_when_that_is_made(engine: Engine) -> None:
    day = now() + timedelta(days=30)
    assert insert_point(engine, day) == "telemetry_default"
    made = keep_partitions(engine, Retention(ahead_days=31))
    assert day.strftime("telemetry_%Y%m%d") in made
    assert where_is_point(engine) == day.strftime("telemetry_%Y%m%d")


@pytest.mark.usefixtures("days_of_ours")
def test_partitions_past_retention_are_dropped(engine: Engine) -> None:
    keep_partitions(engine, Retention(behind_days=10))
    insert_point(engine, now() - timedelta(days=9))
    changed = keep_partitions(engine, Retention(keep_days=5))
    assert (now() - timedelta(days=9)).strftime("telemetry_%Y%m%d") in changed
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM telemetry")) == 0


@pytest.mark.usefixtures("days_of_ours")
def test_nobody_waits_for_a_partition_that_a_backup_still_reads(engine: Engine) -> None:
    keep_partitions(engine, Retention(behind_days=10))
    with ThreadPoolExecutor() as pool, engine.connect() as backup:
        backup.execute(text("LOCK TABLE telemetry IN ACCESS SHARE MODE"))
        upkeep = pool.submit(keep_partitions, engine, Retention(keep_days=5))
        time.sleep(0.3)  # by now it waits for the backup
        pool.submit(insert_point, engine, now()).result(5)
        assert upkeep.result(5) == []
    assert keep_partitions(engine, Retention(keep_days=5))


@pytest.mark.usefixtures("days_of_ours")
def test_migrating_drops_no_readings(database: str, engine: Engine) -> None:
    at = now() - timedelta(days=800)
    insert_point(engine, at)
    migrate(database)
    keep_partitions(engine)
    assert where_is_point(engine) == "telemetry_default"


def test_who_stands_still_in_a_transaction_holds_nobody_up_for_long(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"


def test_only_one_alert_of_a_key_may_be_open(engine: Engine) -> None:
    with engine.connect() as connection:
        definition = connection.scalar(
            text("SELECT indexdef FROM pg_indexes WHERE indexname = 'uq_alerts_open'")
        )
    assert "UNIQUE" in definition
    assert "closed" in definition


def test_rules_come_to_a_database_with_data_in_it(postgres_url: str) -> None:
    url = create_database(postgres_url, "anju_before_rules")
    engine = connect(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0003")
        connection.execute(
            text(
                "INSERT INTO communities (slug, name, name_en, timezone, plan, feed_seq)"
                " VALUES ('old', '旧', 'Old', 'Asia/Shanghai', '{}', 7);"
                "INSERT INTO rule_states SELECT id, 'smoke', 'b1', '{}', now() FROM communities"
            )
        )
    for _ in range(2):
        migrate(url)
    assert list(differences(engine)) == []
    kept = "SELECT count(*) FROM rule_states JOIN communities c ON c.id = community_id"
    with engine.begin() as connection:
        assert connection.scalar(text(f"{kept} WHERE feed_seq = 7")) == 1
        command.downgrade(_config(connection), "0003")
        assert connection.scalar(text("SELECT to_regclass('rule_versions') IS NULL"))
        command.upgrade(_config(connection), "head")
    engine.dispose()


def test_web_and_ingest_need_no_right_to_change_what_is_only_ever_added(engine: Engine) -> None:
    prepare = """
        INSERT INTO communities (slug, name, name_en, timezone, plan, holidays, feed_seq)
            VALUES ('garden', '园', 'Garden', 'Asia/Shanghai', '{}', '[]', 0);
        INSERT INTO users (community_id, username, name, role, password_hash, locale, disabled,
            failed_logins) SELECT id, 'anna', 'Anna', 'admin', 'x', 'zh', false, 0 FROM communities;
        DROP ROLE IF EXISTS anju_least;
        CREATE ROLE anju_least;
        GRANT SELECT, INSERT ON rule_versions, rule_activations, audit TO anju_least;
        GRANT SELECT ON communities, users TO anju_least;
    """
    with engine.begin() as connection:
        connection.execute(text(prepare))
        user, community = connection.execute(text("SELECT id, community_id FROM users")).one()
    actor = Actor(
        user_id=user,
        username="anna",
        name="Anna",
        role=Role.ADMIN,
        community_id=community,
        locale="zh",
        session_csrf="",
        token_hash="",
    )
    editor = Editor(engine, actor)
    with transaction(engine) as session:
        session.execute(text("SET LOCAL ROLE anju_least"))
        service.create(session, actor, text=HEAT, note="")
        service.activate(session, actor, "heat", version=1, reason="it is time", seen=0)
        assert force.load(session, {})[community]["heat"].rule is not None
    editor.switch_off("heat")
    with engine.begin() as connection:
        connection.execute(text("DROP OWNED BY anju_least; DROP ROLE anju_least"))


def test_an_error_does_not_repeat_what_was_said(engine: Engine) -> None:
    query = text("SELECT CAST(:said AS integer), 1 / (CASE WHEN :phone = '' THEN 1 ELSE 0 END)")
    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(query, {"said": "1", "phone": "13800000000"})
    assert "13800000000" not in str(caught.value)
