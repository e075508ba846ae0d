"""The SQLite file under the spool: made, opened, and set aside when it is damaged."""

import contextlib
import logging
import sqlite3
from pathlib import Path

from anju_edge.clock import now_ms
from anju_edge.errors import SpoolError
from anju_edge.reserve import Reserve

_log = logging.getLogger(__name__)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lanes
    (lane TEXT PRIMARY KEY, committed INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS chunks
    (id INTEGER PRIMARY KEY, lane TEXT NOT NULL, seq INTEGER NOT NULL,
     count INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_of_batch ON chunks (lane, seq);
CREATE TABLE IF NOT EXISTS recent (id INTEGER PRIMARY KEY, digests BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rejected
    (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, source TEXT NOT NULL,
     line BLOB NOT NULL, reason TEXT NOT NULL);
"""


def open_file(path: Path, reserve: Reserve) -> sqlite3.Connection:
    """Open the database; a damaged file is set aside, a full disk costs the reserve.

    Raises:
        SpoolError: the folder cannot be written or the file cannot be opened at all.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(path)
        except sqlite3.OperationalError:
            if not reserve.spend():
                raise
            return _connect(path)
    except sqlite3.OperationalError as error:
        raise SpoolError(f"{path}: cannot be opened: {error}") from error
    except OSError as error:
        raise SpoolError(f"{path}: cannot be created: {error.strerror}") from error
    except sqlite3.DatabaseError as error:
        _set_aside(path, error)
        return _connect(path)


def is_full(error: sqlite3.OperationalError) -> bool:
    """Say whether it was for want of room that SQLite failed."""
    return error.sqlite_errorcode in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}


def _set_aside(path: Path, error: sqlite3.DatabaseError) -> None:
    """Rename a damaged file for a person to look at; the one of an earlier time goes."""
    for old in path.parent.glob(f"{path.name}*.damaged-*"):
        old.unlink(missing_ok=True)
    aside = f".damaged-{now_ms()}"
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(name).rename(path.with_name(name + aside))
    told = path.name + aside
    _log.error("%s is damaged (%s): set aside as %s; starting a new one", path, error, told)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA journal_size_limit=67108864")
        db.execute("PRAGMA secure_delete=FAST")  # else deleting writes every page it frees
        (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(said)  # noqa: TRY301 - one way out for all damage
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
