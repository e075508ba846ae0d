"""SQL of backup and restore: a snapshot that all share, counts, and what a server is."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text


@contextmanager
def snapshot(engine: Engine) -> Iterator[tuple[Connection, str]]:
    """Hold one moment of the database, and give its name for others to read the same."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect().execution_options(**options) as connection:
        # counting and copying may take long; nobody waits for a transaction that only reads
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield connection, str(connection.scalar(text("SELECT pg_export_snapshot()")))


def counts(connection: Connection) -> dict[str, int]:
    """Count the rows of every table; partitions count with their table."""
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition"
        " AND (c.relkind <> 'v' OR c.relname LIKE 'telemetry%') ORDER BY 1"
    )
    names = connection.scalars(query).all()
    return {
        name: int(connection.scalar(text(f'SELECT count(*) FROM public."{name}"')) or 0)  # noqa: S608 - from the catalogue
        for name in names
    }


def server_version(connection: Connection) -> int:
    """Give PostgreSQL's major version."""
    return int(connection.scalar(text("SHOW server_version_num")) or 0) // 10_000


def timescale_version(connection: Connection) -> str | None:
    """Give the version of TimescaleDB in this database, if it is there."""
    query = text("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    found = connection.scalar(query)
    return None if found is None else str(found)


def schema_version(connection: Connection) -> str | None:
    """Give the migration the tables are at."""
    if connection.scalar(text("SELECT to_regclass('public.alembic_version') IS NULL")):
        return None
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def is_empty(connection: Connection) -> bool:
    """Tell whether there is no table of ours or of anybody else."""
    query = text(
        "SELECT NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S'))"
    )
    return bool(connection.scalar(query))


@contextmanager
def restoring(engine: Engine, timescale: str | None) -> Iterator[None]:
    """Let TimescaleDB stand aside while its own tables are brought back."""
    if timescale is None:
        yield
        return
    _say(engine, f"CREATE EXTENSION IF NOT EXISTS timescaledb VERSION '{timescale}'")
    _say(engine, "SELECT timescaledb_pre_restore()")
    try:
        yield
    finally:
        _say(engine, "SELECT timescaledb_post_restore()")


def _say(engine: Engine, statement: str) -> None:
    # each on a session of its own: an extension is loaded when a session begins
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    engine.dispose()


def analyze(engine: Engine) -> None:
    """Let the planner know what there is now."""
    _say(engine, "ANALYZE")
