"""The SQLite file under the spool: made, opened, and set aside when it is damaged."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from anju_devices.messages import Lane, Reading
from anju_edge.clock import now_ms
from anju_edge.errors import SpoolError
from anju_edge.reserve import Reserve

CHECKED_BYTES = 64 * 1024 * 1024
"""A file up to this is read through when it is opened. More would take a slow card a minute,
and no alarm may wait for that: damage in it is met at work, and the next opening knows."""

_log = logging.getLogger(__name__)
_decode_readings = msgspec.json.Decoder(list[Reading])
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


def open_file(path: Path, reserve: Reserve) -> tuple[sqlite3.Connection, str]:
    """Open the database; a full disk costs the reserve.

    A damaged file is set aside and what can be read of its waiting events goes into the new
    one; the text that comes with the database says so, and is empty otherwise.

    Raises:
        SpoolError: the folder cannot be written or the file cannot be opened at all.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if _suspect(path).exists():
                raise sqlite3.DatabaseError("damage was met at work")
            return _connect(path), ""
        except sqlite3.OperationalError:
            if not reserve.spend():
                raise
            return _connect(path), ""
    except sqlite3.OperationalError as error:
        raise SpoolError(f"{path}: cannot be opened: {error}") from error
    except OSError as error:
        raise SpoolError(f"{path}: cannot be created: {error.strerror}") from error
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        _suspect(path).unlink(missing_ok=True)
        db = _connect(path)
        told = (
            f"{path.name} is damaged ({error}): set aside as {aside.name}; a new one begins"
            f" with the {_save_events(aside, db)} events that could be saved"
        )
        _log.error("%s", told)
        return db, told


def is_full(error: sqlite3.OperationalError) -> bool:
    """Say whether it was for want of room that SQLite failed."""
    return error.sqlite_errorcode in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Say whether SQLite found the file itself to be wrong."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def suspect(path: Path) -> None:
    """Let the next opening set the file aside; on a full disk its own check must do."""
    with contextlib.suppress(OSError):
        _suspect(path).touch()


def _suspect(path: Path) -> Path:
    return path.with_suffix(".suspect")


def _set_aside(path: Path) -> Path:
    """Rename a damaged file for a person to look at; the one of an earlier time goes."""
    for old in path.parent.glob(f"{path.name}.damaged-*"):
        old.unlink(missing_ok=True)
    aside = path.with_name(f"{path.name}.damaged-{now_ms()}")
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    return aside


def _save_events(damaged: Path, db: sqlite3.Connection) -> int:
    """Copy what can be read of the events that wait in a damaged file; give how many."""
    try:
        db.execute("BEGIN")
        for order in ("ASC", "DESC"):  # from both ends, up to the damage
            db.executemany(
                "INSERT OR IGNORE INTO chunks (id, lane, seq, count, body) VALUES (?, ?, 0, ?, ?)",
                _events(damaged, order),
            )
        db.execute(
            "UPDATE chunks SET seq = n FROM (SELECT id AS chunk, row_number() OVER (ORDER BY id)"
            " AS n FROM chunks) WHERE id = chunk"
        )
        db.execute("INSERT INTO lanes SELECT ?, 0, count(*) FROM chunks", (Lane.EVENTS,))
        (saved,) = db.execute("SELECT coalesce(sum(count), 0) FROM chunks").fetchone()
        db.execute("COMMIT")
    except sqlite3.OperationalError:  # no room: a new spool without them is better than none
        db.rollback()
        return 0
    return int(saved)


def _events(damaged: Path, order: str) -> Iterator[tuple[int, str, int, bytes]]:
    """Read the rows of waiting events in a damaged file until the damage is met."""
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(sqlite3.connect(damaged)) as old,
    ):
        query = f"SELECT id, lane, count, body FROM chunks NOT INDEXED ORDER BY id {order}"  # noqa: S608
        for chunk, lane, count, body in old.execute(query):
            if lane == Lane.EVENTS and _is_whole(body):
                yield chunk, lane, count, body


def _is_whole(body: object) -> bool:
    """Say whether readings came through the damage as they were written."""
    try:
        return isinstance(body, bytes) and bool(_decode_readings.decode(b"[%b]" % body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA journal_size_limit=67108864")
        db.execute("PRAGMA secure_delete=FAST")  # else deleting writes every page it frees
        if path.stat().st_size <= CHECKED_BYTES:
            (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise sqlite3.DatabaseError(said)  # noqa: TRY301 - one way out for all damage
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db
