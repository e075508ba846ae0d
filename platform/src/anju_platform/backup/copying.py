"""``anju backup`` and ``anju restore``: PostgreSQL's own dump, a list of what is in it.

Everything the platform knows is in its database, pictures as well. The dump and the counts
are of one moment, whatever is written meanwhile.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from anju_platform.backup import client, repository
from anju_platform.database import connect, now
from anju_platform.errors import DatabaseUnavailableError, InvalidRequestError

_MANIFEST = "manifest.json"
_DUMP = "database"
_JOBS = "2"
_FORMAT = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a backup: versions, and how many rows each table had."""

    format: int
    made_at: datetime
    postgresql: int
    timescaledb: str | None
    migration: str
    counts: dict[str, int]
    bytes: int


def back_up(url: str, directory: Path) -> Manifest:
    """Write a backup into a new folder that only its owner may read.

    Raises:
        ConfigError: PostgreSQL's client programs are missing or too old.
        DatabaseUnavailableError: the server cannot be reached.
        InvalidRequestError: the folder is there already, or the dump failed.
    """
    if directory.exists():
        raise InvalidRequestError(f"{directory} exists; name a new folder for each backup")
    draft = directory.with_name(f".{directory.name}.unfinished")
    if draft.exists():
        shutil.rmtree(draft)
    engine = connect(url, pool_size=1)
    try:
        draft.mkdir(parents=True, mode=0o700)
        manifest = _dump(engine, url, draft)
        _write(draft / _MANIFEST, manifest)
        draft.rename(directory)
    except OperationalError as error:
        raise DatabaseUnavailableError(f"the database cannot be reached: {error.orig}") from error
    finally:
        engine.dispose()
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def _dump(engine: Engine, url: str, folder: Path) -> Manifest:
    made_at = now()
    with repository.snapshot(engine) as (connection, name):
        migration = repository.schema_version(connection)
        if migration is None:
            raise InvalidRequestError("there is nothing to back up: the database was not migrated")
        server = repository.server_version(connection)
        arguments = ["--format=directory", f"--file={folder / _DUMP}", f"--jobs={_JOBS}"]
        arguments += [f"--snapshot={name}", "--no-owner", "--no-privileges", "--no-password"]
        client.run("pg_dump", url, arguments, server=server)
        return Manifest(
            format=_FORMAT,
            made_at=made_at.astimezone(UTC),
            postgresql=server,
            timescaledb=repository.timescale_version(connection),
            migration=migration,
            counts=repository.counts(connection),
            bytes=sum(f.stat().st_size for f in (folder / _DUMP).rglob("*")),
        )


def bring_back(url: str, directory: Path) -> Manifest:
    """Restore a backup into an empty database, and count its rows.

    Raises:
        ConfigError: PostgreSQL's client programs are missing or too old.
        DatabaseUnavailableError: the server cannot be reached.
        InvalidRequestError: no whole backup, a database that is not empty or cannot take it,
            or rows are missing afterwards.
    """
    manifest = _read(directory / _MANIFEST)
    engine = connect(url, pool_size=1)
    try:
        with engine.connect() as connection:
            server = _check(
                manifest,
                connection_is_empty=repository.is_empty(connection),
                server=repository.server_version(connection),
            )
        with repository.restoring(engine, manifest.timescaledb):
            _restore(url, directory, server)
        repository.analyze(engine)
        with engine.connect() as connection:
            _compare(manifest, repository.counts(connection))
    except OperationalError as error:
        raise DatabaseUnavailableError(f"the database cannot be reached: {error.orig}") from error
    finally:
        engine.dispose()
    return manifest


def _check(manifest: Manifest, *, connection_is_empty: bool, server: int) -> int:
    if not connection_is_empty:
        raise InvalidRequestError(
            "the database is not empty: create a new one and name it in ANJU_DATABASE_URL"
        )
    if server < manifest.postgresql:
        raise InvalidRequestError(
            f"the backup is of PostgreSQL {manifest.postgresql}, this server is {server}:"
            " restore into the same or a later version"
        )
    return server


def _restore(url: str, directory: Path, server: int) -> None:
    arguments = ["--dbname=", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"]
    client.run("pg_restore", url, [*arguments, str(directory / _DUMP)], server=server)


def _compare(manifest: Manifest, found: dict[str, int]) -> None:
    missing = [
        f"{name}: {found.get(name, 0)} of {count}"
        for name, count in manifest.counts.items()
        if found.get(name, 0) != count
    ]
    if missing:
        raise InvalidRequestError(
            f"rows are missing after the restore ({'; '.join(missing)}): do not use this database"
        )


def _write(path: Path, manifest: Manifest) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:  # noqa: PTH123 - made with its mode
        handle.write(msgspec.json.format(msgspec.json.encode(manifest)))


def _read(path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidRequestError(f"{path.parent} is not a whole backup: {error}") from error
    if manifest.format != _FORMAT:
        raise InvalidRequestError(f"{path.parent} was made by a later release; use that one")
    return manifest
