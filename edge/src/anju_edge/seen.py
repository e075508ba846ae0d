"""Which readings were kept lately, so that one offered again is not kept twice."""

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator

DIGEST_BYTES = 8
REMEMBERED = 65_536
"""How many of the last readings are remembered, at least."""


class Seen:
    """Digests of the last readings, in memory and beside them on the disk.

    Each row of the table holds the digests of one append; whole rows are forgotten.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._rows: deque[tuple[int, bytes]] = deque(
            db.execute("SELECT id, digests FROM recent ORDER BY id")
        )
        self._digests = {digest for _, row in self._rows for digest in _split(row)}

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._digests

    def store(self, digests: Iterable[bytes]) -> tuple[int, bytes] | None:
        """Write digests as part of the caller's transaction; give the row for :meth:`know`."""
        row = b"".join(digests)
        if not row:
            return None
        cursor = self._db.execute("INSERT INTO recent (digests) VALUES (?)", (row,))
        forgotten = [number for number, _ in self._surplus(len(row))]
        if forgotten:
            self._db.execute("DELETE FROM recent WHERE id <= ?", (forgotten[-1],))
        return cursor.lastrowid or 0, row

    def know(self, row: tuple[int, bytes] | None) -> None:
        """Take in a row whose transaction has been committed."""
        if row is None:
            return
        for _, old in list(self._surplus(len(row[1]))):
            self._digests.difference_update(_split(old))
            self._rows.popleft()
        self._rows.append(row)
        self._digests.update(_split(row[1]))

    def _surplus(self, coming: int) -> Iterator[tuple[int, bytes]]:
        """Give the oldest rows that need not be remembered when ``coming`` bytes are added."""
        size = len(self._digests) * DIGEST_BYTES + coming
        for row in self._rows:
            size -= len(row[1])
            if size < REMEMBERED * DIGEST_BYTES:
                return
            yield row


def _split(digests: bytes) -> Iterator[bytes]:
    for start in range(0, len(digests), DIGEST_BYTES):
        yield digests[start : start + DIGEST_BYTES]
