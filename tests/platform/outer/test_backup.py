"""The whole database in a folder, taken while readings come in, and brought back."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from outer_site import Site
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from stored_points import store

from anju_platform.auth.model import Role
from anju_platform.backup import client
from anju_platform.backup.copying import back_up, bring_back
from anju_platform.database import connect, now
from anju_platform.demo.postgres import create_database
from anju_platform.errors import ConfigError, InvalidRequestError
from anju_platform.migrate import differences, migrate
from anju_platform.telemetry import series
from anju_platform.telemetry.model import HOURLY
from anju_platform.telemetry.rollups.cover import DAY, HOUR, floor
from anju_platform.telemetry.rollups.summing import bring_up_to_date
from anju_platform.telemetry.schemas import Series

_numbers = itertools.count(1)


@pytest.fixture
def empty(either_site: Site) -> Iterator[str]:
    """URL of an empty database on the same server."""
    name = f"anju_test_restored_{next(_numbers)}"
    yield create_database(either_site.url, name)
    with psycopg.connect(either_site.url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def chart(site: Site, engine: Engine, days: int) -> Series:
    end = floor(now(), DAY)
    with Session(engine) as session:
        return series.series(
            session,
            site.actor(Role.ADMIN),
            "b1-501-pir",
            "battery",
            start=end - days * DAY,
            end=end,
        )


def fill(site: Site) -> None:
    end = floor(now(), DAY)
    step = timedelta(minutes=10)
    points = [(end - 40 * DAY + n * step, float(n % 97)) for n in range(40 * 144)]
    store(site.engine, site.device("b1-501-pir"), "battery", points)
    bring_up_to_date(site.engine, settled=timedelta(0))
    site.alert()


class Writer:
    """Stores readings, group after group, until told to stop."""

    def __init__(self, site: Site) -> None:
        self._site, self._stop = site, threading.Event()
        self.begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        pir = self._site.device("b1-501-pir")
        for n in itertools.count():
            if self._stop.is_set():
                return
            at = now()
            store(self._site.engine, pir, "motion", [(at, float(n)), (at, float(n))])
            self.begun.set()

    def __enter__(self) -> None:
        self._thread.start()
        assert self.begun.wait(20)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)


def test_what_is_backed_up_while_readings_come_in_is_whole(
    either_site: Site, empty: str, tmp_path: Path
) -> None:
    site = either_site
    fill(site)
    with Writer(site):
        made = back_up(site.url, tmp_path / "backup")
    assert made.counts["telemetry"] % 2 == 0, "no group is torn apart"
    assert made.counts["alerts"] == 1
    assert made.bytes > 1000
    restored = bring_back(empty, tmp_path / "backup")
    assert restored == made
    engine = connect(empty)
    for days in (39, 2):
        assert chart(site, engine, days) == chart(site, site.engine, days)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM alert_timeline")) == 1
    assert list(differences(engine)) == []
    migrate(empty)
    lived_on = Site(engine, empty, site.community_id, {})
    late = floor(now(), HOUR) - 3 * HOUR
    store(engine, lived_on.device("b1-501-pir"), "lux", [(late, 3)])
    assert bring_up_to_date(engine, settled=timedelta(0)) >= 1
    with engine.connect() as connection:
        query = select(HOURLY.c.last).where(HOURLY.c.bucket == late, HOURLY.c.last == 3)
        assert connection.scalars(query).all() == [3]
    engine.dispose()


def test_a_database_with_anything_in_it_is_left_alone(site: Site, tmp_path: Path) -> None:
    back_up(site.url, tmp_path / "backup")
    with pytest.raises(InvalidRequestError, match="not empty"):
        bring_back(site.url, tmp_path / "backup")


def test_rows_that_are_missing_afterwards_are_told(
    site: Site, postgres_url: str, tmp_path: Path
) -> None:
    back_up(site.url, tmp_path / "backup")
    manifest = tmp_path / "backup" / "manifest.json"
    said: dict[str, Any] = json.loads(manifest.read_bytes())
    said["counts"]["devices"] += 1
    manifest.write_text(json.dumps(said))
    url = create_database(postgres_url, "anju_test_missing")
    with pytest.raises(InvalidRequestError, match=r"devices: 6 of 7.*do not use"):
        bring_back(url, tmp_path / "backup")


def test_what_is_no_backup_is_told(site: Site, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="not a whole backup"):
        bring_back(site.url, tmp_path)
    back_up(site.url, tmp_path / "backup")
    with pytest.raises(InvalidRequestError, match="exists"):
        back_up(site.url, tmp_path / "backup")


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(
    postgres_url: str, tmp_path: Path
) -> None:
    url = create_database(postgres_url, "anju_test_never_migrated")
    with pytest.raises(InvalidRequestError, match="not migrated"):
        back_up(url, tmp_path / "backup")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_for_its_owners_eyes(site: Site, tmp_path: Path) -> None:
    back_up(site.url, tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o077 == 0


def test_programs_older_than_the_server_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    monkeypatch.setattr(client, "_candidates", lambda _program: iter([str(old)]))
    with pytest.raises(ConfigError, match=r"install postgresql-client-17.*9\.6\.1"):
        client.find("pg_dump", 17)


def test_a_password_is_told_to_the_program_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spy = tmp_path / "pg_dump"
    spy.write_text(
        '#!/bin/sh\necho "pg_dump (PostgreSQL) 99.1 $*"; echo "$*" >> "$SPY"; exit $FAIL\n'
    )
    spy.chmod(0o755)
    monkeypatch.setenv("SPY", str(tmp_path / "said"))
    monkeypatch.setattr(client, "_candidates", lambda _program: iter([str(spy)]))
    url = "postgresql://anju:s3cret%40@db.example:5433/anju?sslmode=require"
    client.run("pg_dump", url, ["--format=directory"], server=17)
    assert "s3cret" not in (tmp_path / "said").read_text()
    assert client._environment(url) == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "anju",
        "PGPASSWORD": "s3cret@",
        "PGDATABASE": "anju",
        "PGSSLMODE": "require",
        "PGOPTIONS": "-c idle_in_transaction_session_timeout=0 -c statement_timeout=0",
    }
