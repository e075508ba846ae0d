from __future__ import annotations

import threading
from datetime import timedelta

from ingest_process import provide_community
from sqlalchemy import Engine, text

from anju_platform.config import Settings
from anju_platform.database import connect
from anju_platform.scheduler import Scheduler, Upkeep
from anju_platform.worker import upkeep


def test_upkeep_is_called_at_once_and_again_even_after_it_failed() -> None:
    calls = []
    enough = threading.Event()

    def fail() -> None:
        calls.append(1)
        if len(calls) == 3:
            enough.set()
        raise RuntimeError("not this time")

    scheduler = Scheduler([Upkeep("failing", timedelta(seconds=0.05), fail)])
    scheduler.start()
    try:
        assert enough.wait(10)
    finally:
        scheduler.stop()


def test_every_upkeep_runs_on_an_empty_database(database: str) -> None:
    engine = connect(database)
    try:
        for one in upkeep(engine, Settings(database_url=database)):
            one.call()
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM feed")) == 0
    finally:
        engine.dispose()


def test_what_is_past_its_time_is_deleted_and_the_rest_stays(database: str) -> None:
    provide_community(database)
    engine = connect(database)
    old_and_new = "FROM gateways, (VALUES ('old', now() - '91 days'::interval), ('new', now()))"
    try:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO media (id, community_id, gateway_id, content_type, sha256,"
                    " stored_at, expires_at, content) SELECT tag, community_id, id,"
                    f" 'image/jpeg', '', at, at + '1 day'::interval, '' {old_and_new} t (tag, at)"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO commands (id, community_id, gateway_id, name, args, created_at,"
                    " expires_at) SELECT gen_random_uuid(), community_id, id, tag, '{}', at, at"
                    f" {old_and_new} t (tag, at)"
                )
            )
        _tell_long_ago(engine)
        for one in upkeep(engine, Settings(database_url=database)):
            one.call()
        with engine.connect() as connection:
            assert connection.scalars(text("SELECT id FROM media")).all() == ["new"]
            assert connection.scalars(text("SELECT name FROM commands")).all() == ["new"]
            states = connection.scalars(text("SELECT state FROM notifications ORDER BY state"))
            assert states.all() == ["queued"]
    finally:
        engine.dispose()


def _tell_long_ago(engine: Engine) -> None:
    """Plan two messages, one of which was seen, about an alert of long ago."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alerts (id, community_id, dedupe_key, rule_id, rule_version, entity,"
                " discriminator, title, title_en, icon, severity, condition, handling, overlays,"
                " mode, latched, observed_at, detected_at, activated_at, occurrences, evidence,"
                " version) SELECT gen_random_uuid(), id, 'r', 'r', 1, 'e', '', '', '', '', 1,"
                " 'active', 'unacked', '[]', 'actual', false, now(), now(), now(), 1, '{}', 1"
                " FROM communities"
            )
        )
        connection.execute(
            text(
                "INSERT INTO notifications (community_id, alert_id, transition, recipient, channel,"
                " state, payload, attempts, created_at, next_attempt_at, expires_at, routed_at)"
                " SELECT community_id, id, 1, state, 'in_app', state, '{}', 0, past, past, past,"
                " CASE state WHEN 'seen' THEN past END"
                " FROM alerts, (VALUES ('seen'), ('queued')) s (state),"
                " (VALUES (now() - '91 days'::interval)) t (past)"
            )
        )
