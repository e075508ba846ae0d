"""Store and forward: every reading is on this disk before its device hears "kept".

One SQLite file in WAL mode. Readings are kept as *chunks* (what one call appended), each
belonging to a numbered batch of its lane; a batch is every chunk of one ``(lane, seq)``.

- The newest batch of a lane is *open*: later readings join it until the uplink takes it.
  Taking seals it for good, so a number always means the same readings. Whatever an earlier
  run left is sealed. An open events batch may be taken at once; an open telemetry batch
  when it is LINGER_S old, or has READY_READINGS or READY_BYTES.
- Events are appended with ``synchronous=FULL`` (on the disk, also through a power cut);
  telemetry with NORMAL (through any crash of the process). Sealing telemetry synchronises,
  so that no number that was ever sent can come back with other readings after a power cut.
- Over quota the **oldest telemetry** goes. Its numbers stay: a number of a lane with no
  chunk is sent as a batch without readings, so the platform's count has no gap. An event
  ``spool_full`` in the same transaction says how much went.
- On a full disk the reserve is spent, so that SQLite can write at all, then the oldest
  telemetry. Until there is a reserve again the file grows by no more than half of the room
  that was left, for the other half is needed to write what replaces and what deletes.
- The last readings' digests are kept, so a device that sends again what it did not hear
  "kept" for (also across a crash of this agent) does not double anything.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from anju_devices.messages import Lane, Reading, encode
from anju_edge.clock import new_id, now_ms
from anju_edge.errors import SpoolError, SpoolFullError
from anju_edge.reserve import Reserve
from anju_edge.seen import Seen
from anju_edge.spool_file import is_damage, is_full, open_file, suspect

LINGER_S = 0.5
READY_READINGS = 500
READY_BYTES = 64 * 1024
MAX_BODY_BYTES = 200 * 1024
"""A batch's readings stay under this, well within the 256 KiB a platform accepts."""
MAX_READING_BYTES = 64 * 1024
MAX_REJECTED = 10_000
MAX_REJECTED_BYTES = 2 * 1024
"""How much of a rejected line is kept; they stand outside the quota."""
DROP_BYTES = 4 * 1024 * 1024
"""How much old telemetry goes at a time when the disk is full: a small transaction."""
RESERVE_TRY_S = 30.0

_SET = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Entry(NamedTuple):
    """A reading ready to keep: its lane, its JSON, the digest of what was said, and by whom."""

    lane: Lane
    body: bytes
    digest: bytes
    device: str = ""


@dataclass(frozen=True, slots=True)
class LaneState:
    """Where a lane stands: numbers up to ``committed`` are at the platform, ``last`` is newest.

    Numbers up to ``sealed`` never change again. ``size`` counts the bytes that wait. Numbers
    in the file never start again: there they are higher by ``base``, where this epoch began.
    """

    base: int = 0
    committed: int = 0
    last: int = 0
    sealed: int = 0
    size: int = 0
    open_count: int = 0
    open_size: int = 0
    opened_at: float = 0.0


class Spool:
    """The agent's only store; safe to use from several threads.

    Args:
        path: the database file; created when missing, set aside when it is damaged.
        quota_bytes: how many bytes of readings may wait.
        gateway: the gateway's own device id, who says ``spool_full``.
    """

    def __init__(self, path: Path, *, quota_bytes: int, gateway: str) -> None:
        self._path = path
        self._quota = quota_bytes
        self._gateway = gateway
        self._lock = threading.RLock()
        self.on_append: Callable[[], None] = lambda: None
        """Called after each append, outside the lock; the uplink's wake-up."""
        self.on_damage: Callable[[], None] = lambda: None
        """Called when the file turns out to be damaged: it can only be opened anew."""
        self._reserve = Reserve(path.with_suffix(".reserve"))
        self._db, self.loss = open_file(path, self._reserve)
        self._try_reserve_at = 0.0
        self._bounded = False
        with self._locked():
            self._set_up()
        self._hold_reserve()

    def _set_up(self) -> None:
        with self._write():
            self._db.execute(
                "INSERT OR IGNORE INTO meta VALUES ('epoch', ?), ('rejected', '0')", (new_id(),)
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO lanes VALUES (?, 0, 0)", [(x,) for x in Lane]
            )
        self.epoch = self._meta("epoch")
        self._lanes = {lane: self._read_lane(lane) for lane in Lane}
        self._seen = Seen(self._db)
        self._unsynced = False

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def _read_lane(self, lane: Lane) -> LaneState:
        committed, last = self._db.execute(
            "SELECT committed, last FROM lanes WHERE lane = ?", (lane,)
        ).fetchone()
        (size,) = self._db.execute(
            "SELECT coalesce(sum(length(body)), 0) FROM chunks WHERE lane = ?", (lane,)
        ).fetchone()
        base = int(self._meta(f"base:{lane}") or 0)
        last -= base
        return LaneState(base=base, committed=committed - base, last=last, sealed=last, size=size)

    @contextlib.contextmanager
    def _write(self, *, full: bool = True) -> Iterator[None]:
        """Run one transaction; ``full`` waits until it is on the disk."""
        self._db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; notice it when the file turns out to be damaged."""
        with self._lock:
            try:
                yield
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                suspect(self._path)
                self.on_damage()
                raise SpoolError(f"{self._path} is damaged: {error}") from error

    # -- room --------------------------------------------------------------------------

    def _with_room(self, work: Callable[[], T]) -> T:
        """Run a transaction; on a full disk make room and try again, while there is any.

        Raises:
            SpoolFullError: there is none left to make.
        """
        try:
            self._hold_reserve()
            return work()
        except sqlite3.OperationalError as error:
            fault = error
        if is_full(fault):
            self._spend_reserve()
        while is_full(fault):
            try:
                return work()
            except sqlite3.OperationalError as error:
                fault = error
            with contextlib.suppress(sqlite3.OperationalError):
                if self._drop_oldest():
                    continue
            break
        msg = f"{self._path}: readings cannot be kept: {fault}; free space on this disk"
        raise SpoolFullError(msg) from fault

    def _hold_reserve(self) -> None:
        """Make the reserve anew once the disk has room; without it bound the file's growth."""
        if time.monotonic() < self._try_reserve_at:
            return
        self._try_reserve_at = time.monotonic() + RESERVE_TRY_S
        if self._reserve.hold():
            if self._bounded:
                _log.info("%s: the disk has room again", self._path)
                self._db.execute("PRAGMA max_page_count=4294967294")
            self._bounded = False
        elif not self._bounded:
            self._bound()

    def _spend_reserve(self) -> None:
        if self._reserve.spend():
            _log.warning("%s: the disk is full; old telemetry goes from now on", self._path)
        with contextlib.suppress(sqlite3.OperationalError):
            self._checkpoint()
        if not self._bounded:
            self._bound()

    def _bound(self) -> None:
        """Let the file grow by half of what is free; the log in front of it has the rest."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = self._db.execute("PRAGMA page_size").fetchone()
        pages += self._reserve.free_bytes() // 2 // page_bytes
        self._db.execute(f"PRAGMA max_page_count={pages}")
        self._bounded = True

    def _checkpoint(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _drop_oldest(self) -> bool:
        """Give up some of the oldest telemetry; False when there is none."""
        lanes = dict(self._lanes)
        with self._write():
            dropped = self._drop(lanes, DROP_BYTES)
        self._lanes = lanes
        self._checkpoint()
        return dropped

    # -- writing -----------------------------------------------------------------------

    def append(self, entries: Sequence[Entry], *, mark: tuple[str, int] | None = None) -> None:
        """Keep readings; when this returns they survive a crash, and events a power cut.

        Readings that were appended before are passed over. ``mark`` is a named position
        stored in the same transaction (see :meth:`mark`).

        Raises:
            SpoolFullError: the disk or the quota has no room; nothing of this call was kept.
        """
        with self._locked():
            fresh = self._unseen(entries)
            if not fresh and mark is None:
                return
            self._with_room(lambda: self._append(fresh, mark))
        self.on_append()

    def _unseen(self, entries: Sequence[Entry]) -> list[Entry]:
        fresh: dict[bytes, Entry] = {}
        for entry in entries:
            if entry.digest not in self._seen:
                fresh.setdefault(entry.digest, entry)
        return list(fresh.values())

    def _append(self, fresh: list[Entry], mark: tuple[str, int] | None) -> None:
        lanes = dict(self._lanes)
        urgent = any(entry.lane is Lane.EVENTS for entry in fresh)
        need = sum(len(entry.body) + 1 for entry in fresh)
        over = self.waiting_bytes() + need > self._quota
        full = urgent or over
        with self._write(full=full):
            if over:
                self._make_room(lanes, need, telemetry_only=not urgent)
            for lane in Lane:
                bodies = [entry.body for entry in fresh if entry.lane is lane]
                lanes[lane] = self._store(lane, lanes[lane], bodies)
            row = self._seen.store(entry.digest for entry in fresh)
            if mark:
                self._db.execute(_SET, (f"mark:{mark[0]}", str(mark[1])))
        self._lanes = lanes
        self._unsynced = not full
        self._seen.know(row)

    def _store(self, lane: Lane, state: LaneState, bodies: list[bytes]) -> LaneState:
        """Write bodies as chunks of the open batch, opening further ones as they fill."""
        for piece in _pieces(bodies):
            body = b",".join(piece)
            is_open = state.last > state.sealed
            if not is_open or state.open_size + len(body) > MAX_BODY_BYTES:
                state = replace(
                    state,
                    last=state.last + 1,
                    sealed=state.last,
                    open_count=0,
                    open_size=0,
                    opened_at=time.monotonic(),
                )
                self._db.execute(
                    "UPDATE lanes SET last = ? WHERE lane = ?", (state.base + state.last, lane)
                )
            self._db.execute(
                "INSERT INTO chunks (lane, seq, count, body) VALUES (?, ?, ?, ?)",
                (lane, state.base + state.last, len(piece), body),
            )
            state = replace(
                state,
                size=state.size + len(body),
                open_count=state.open_count + len(piece),
                open_size=state.open_size + len(body) + 1,
            )
        return state

    def _make_room(self, lanes: dict[Lane, LaneState], need: int, *, telemetry_only: bool) -> None:
        """Drop the oldest telemetry until ``need`` fits, and say so; events are never dropped."""
        over = sum(x.size for x in lanes.values()) + need - self._quota
        if telemetry_only and lanes[Lane.TELEMETRY].size < over:
            msg = f"{self._path}: events alone fill the quota of {self._quota} bytes"
            raise SpoolFullError(f"{msg}; telemetry is refused until the platform is reached")
        self._drop(lanes, over + self._quota // 20)

    def _drop(self, lanes: dict[Lane, LaneState], goal: int) -> bool:
        """Drop ``goal`` bytes of the oldest telemetry and say so; False when there is none."""
        state = lanes[Lane.TELEMETRY]
        upto = freed = readings = batches = 0
        for seq, count, size in self._db.execute(
            "SELECT seq, sum(count), sum(length(body)) FROM chunks WHERE lane = ?"
            " GROUP BY seq ORDER BY seq",
            (Lane.TELEMETRY,),
        ):
            if freed >= goal:
                break
            upto, freed, readings, batches = seq, freed + size, readings + count, batches + 1
        if not freed:
            return False
        self._db.execute("DELETE FROM chunks WHERE lane = ? AND seq <= ?", (Lane.TELEMETRY, upto))
        state = replace(state, size=state.size - freed)
        if upto - state.base > state.sealed:
            state = replace(state, sealed=upto - state.base, open_count=0, open_size=0)
        lanes[Lane.TELEMETRY] = state
        said = Reading(
            device=self._gateway,
            at=now_ms(),
            event="spool_full",
            id=new_id(),
            data={"dropped": batches, "readings": readings},
        )
        lanes[Lane.EVENTS] = self._store(Lane.EVENTS, lanes[Lane.EVENTS], [encode(said)])
        _log.warning("no room: dropped the oldest %d telemetry readings", readings)
        return True

    def mark(self, name: str) -> int:
        """Give the position last appended under ``name``, 0 when there is none."""
        with self._lock:
            return int(self._meta(f"mark:{name}") or 0)

    def reject(self, source: str, line: bytes, reason: str) -> None:
        """Set aside what could not be understood, for a person to look at; counts it.

        The newest MAX_REJECTED stay. A full disk loses them: they were refused anyway, and
        their device was told.
        """
        with self._lock, contextlib.suppress(sqlite3.OperationalError), self._write(full=False):
            cursor = self._db.execute(
                "INSERT INTO rejected (at, source, line, reason) VALUES (?, ?, ?, ?)",
                (now_ms(), source, line[:MAX_REJECTED_BYTES], reason[:500]),
            )
            oldest = (cursor.lastrowid or 0) - MAX_REJECTED
            self._db.execute("DELETE FROM rejected WHERE id <= ?", (oldest,))
            self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'rejected'")
            self._unsynced = True

    @property
    def rejected(self) -> int:
        """How many lines were rejected since this spool was made."""
        with self._lock:
            return int(self._meta("rejected"))

    # -- sending -----------------------------------------------------------------------

    def lane(self, lane: Lane) -> LaneState:
        """Give where a lane stands."""
        return self._lanes[lane]

    def waiting(self, lane: Lane) -> int:
        """Give how many batches of a lane wait for the platform."""
        state = self._lanes[lane]
        return state.last - state.committed

    def waiting_bytes(self) -> int:
        """Give how many bytes of readings wait for the platform."""
        return sum(state.size for state in self._lanes.values())

    def due(self, lane: Lane) -> float | None:
        """Give the ``time.monotonic()`` at which the open batch is ready, None if there is none."""
        state = self._lanes[lane]
        if state.last <= state.sealed:
            return None
        full = state.open_count >= READY_READINGS or state.open_size >= READY_BYTES
        urgent = lane is Lane.EVENTS
        return state.opened_at if urgent or full else state.opened_at + LINGER_S

    def take(self, lane: Lane, seq: int) -> bytes | None:
        """Give batch ``seq`` as it goes on the wire, sealing it; None when it is not ready."""
        with self._locked():
            state = self._lanes[lane]
            if seq > state.last:
                return None
            if seq > state.sealed:
                due = self.due(lane)
                if due is None or due > time.monotonic():
                    return None
                self._with_room(lambda: self._seal(lane))
            rows = self._db.execute(
                "SELECT body FROM chunks WHERE lane = ? AND seq = ? ORDER BY id",
                (lane, state.base + seq),
            ).fetchall()
        readings = b",".join(body for (body,) in rows)
        return msgspec.json.encode(
            {
                "epoch": self.epoch,
                "seq": seq,
                "sent_at": now_ms(),
                "readings": msgspec.Raw(b"[" + readings + b"]"),
            }
        )

    def _seal(self, lane: Lane) -> None:
        state = self._lanes[lane]
        if self._unsynced and lane is Lane.TELEMETRY:
            # A write with FULL puts all earlier ones on the disk as well. It must change
            # something: of an update to the same value SQLite writes nothing at all.
            with self._write():
                self._db.execute(_SET, ("sealed", str(state.base + state.last)))
            self._unsynced = False
        self._lanes[lane] = replace(state, sealed=state.last, open_count=0, open_size=0)

    def committed(self, lane: Lane, number: int) -> None:
        """Forget a lane's batches up to ``number``: the platform has them.

        Raises:
            SpoolFullError: the disk has not even the room to delete; nothing was forgotten.
        """
        with self._locked():
            number = min(number, self._lanes[lane].sealed)
            if number > self._lanes[lane].committed:
                self._with_room(lambda: self._forget(lane, number))

    def _forget(self, lane: Lane, number: int) -> None:
        state = self._lanes[lane]
        upto = state.base + number
        (gone,) = self._db.execute(
            "SELECT coalesce(sum(length(body)), 0) FROM chunks WHERE lane = ? AND seq <= ?",
            (lane, upto),
        ).fetchone()
        with self._write(full=False):
            self._db.execute("DELETE FROM chunks WHERE lane = ? AND seq <= ?", (lane, upto))
            self._db.execute("UPDATE lanes SET committed = ? WHERE lane = ?", (upto, lane))
        self._lanes[lane] = replace(state, committed=number, size=state.size - gone)

    def begin_epoch(self) -> None:
        """Number everything that waits from 1 again, under a new epoch.

        For a platform and an agent that can no longer agree, such as after one of them was
        restored from a backup. What was stored and not yet acknowledged may be stored twice.
        """
        with self._locked():
            self._with_room(self._begin_epoch)
        _log.warning("the spool begins the new epoch %s", self.epoch)

    def _begin_epoch(self) -> None:
        epoch = new_id()
        lanes = {
            lane: replace(
                state,
                base=state.base + state.committed,
                committed=0,
                last=state.last - state.committed,
                sealed=state.sealed - state.committed,
            )
            for lane, state in self._lanes.items()
        }
        facts = {"epoch": epoch} | {f"base:{lane}": str(x.base) for lane, x in lanes.items()}
        with self._write():
            self._db.executemany(_SET, facts.items())
        self.epoch = epoch
        self._lanes = lanes

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        with self._lock:
            self._db.close()


def _pieces(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """Cut a list of readings into runs that each fit one batch."""
    piece: list[bytes] = []
    size = 0
    for body in bodies:
        if piece and size + len(body) + 1 > READY_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(body)
        size += len(body) + 1
    if piece:
        yield piece
