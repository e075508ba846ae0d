"""Bring a database's tables up to this release, and nothing else.

Least privilege: the owner of the tables migrates and runs the worker (its upkeep makes
partitions); ingest and web need no more than SELECT, INSERT, UPDATE and DELETE, and on
``alert_timeline``, ``audit``, ``rule_versions`` and ``rule_activations``, whose rows are only
ever added, no more than SELECT and INSERT.
"""

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from anju_devices.catalog import MODELS
from anju_platform.database import connect
from anju_platform.errors import ConfigError, DatabaseUnavailableError
from anju_platform.registry.model import DeviceField
from anju_platform.tables import METADATA
from anju_platform.telemetry import storage

log = logging.getLogger(__name__)

_LOCK = 0x616E6A75_00000001
"""Advisory lock: two migrations at once wait for each other."""


def migrate(url: str) -> None:
    """Create or upgrade every table, make partitions for the days to come, number new fields.

    It may be called again at any time, also while other processes do the same.

    Raises:
        ConfigError: the URL is not one of PostgreSQL, or the migrations are not installed.
        DatabaseUnavailableError: the server cannot be reached.
    """
    engine = connect(url, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            command.upgrade(_config(connection), "head")
            _sync_fields(connection)
        storage.keep_partitions(engine)
    except OperationalError as error:
        raise DatabaseUnavailableError(f"the database cannot be reached: {error.orig}") from error
    finally:
        engine.dispose()


def differences(engine: Engine) -> Sequence[Any]:
    """Tell in what the database differs from the models; empty when migrations are complete."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": include_object})
        return list(compare_metadata(context, METADATA))


def include_object(
    _object: object,
    name: str | None,
    kind: str,
    reflected: bool,  # alembic passes it by position
    _compare_to: object,
) -> bool:
    """Leave out what the time series' storage makes by itself: partitions and their indexes."""
    if not reflected or name is None:
        return True
    of_storage = name.startswith(storage.OWN_NAMES)
    return not (kind in {"table", "index"} and of_storage)


@cache
def wanted() -> str:
    """Give the revision of this release's tables."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise ConfigError(f"there are no migrations in {_directory()}; reinstall anju-platform")
    return head


def present(session: Session) -> str | None:
    """Give the revision of the database's tables, nothing before the first migration.

    Raises:
        OperationalError: the server cannot be reached.
    """
    if session.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_directory()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _directory() -> Path:
    """Find the migrations: inside an installed wheel, or beside ``src`` in a checkout."""
    package = Path(__file__).parent
    for candidate in (package / "migrations", package.parent.parent / "migrations"):
        if (candidate / "env.py").is_file():
            return candidate
    raise ConfigError(f"the migrations are not installed beside {package}; reinstall anju-platform")


def _sync_fields(connection: Connection) -> None:
    """Give each (model, field) of the catalogue its short number; numbers never change."""
    known = {tuple(row) for row in connection.execute(select(DeviceField.model, DeviceField.name))}
    missing = [
        {"model": model.name, "name": field.name}
        for model in MODELS.values()
        for field in model.fields
        if (model.name, field.name) not in known
    ]
    if missing:
        connection.execute(insert(DeviceField), missing)
        log.info("numbered %d new fields of the catalogue", len(missing))
