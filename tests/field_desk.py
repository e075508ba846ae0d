"""What the tests of drivers look at: a spool on disk, and what came into it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anju_devices.messages import Lane, Reading, decode_batch
from anju_edge.errors import SpoolFullError
from anju_edge.intake import Intake
from anju_edge.spool import Spool


class Kept:
    """A spool's readings, as the platform would get them; ``full`` refuses all."""

    def __init__(self, spool: Spool, path: Path) -> None:
        self.path = path
        self.full = False
        self.refused = 0
        self.spool = spool
        self.intake = _Gate(self, spool)

    def readings(self) -> list[Reading]:
        found: list[Reading] = []
        for lane in Lane:
            number = 1
            while (batch := self.spool.take(lane, number)) is not None:
                found += decode_batch(batch).readings
                number += 1
        return found

    def of(self, device: str) -> list[Reading]:
        return [one for one in self.readings() if one.device == device]

    def values(self, device: str) -> list[dict[str, Any]]:
        return [one.values for one in self.of(device) if one.event is None]

    def events(self, device: str) -> list[str]:
        return [one.event for one in self.of(device) if one.event is not None]

    def rejected(self) -> list[tuple[str, bytes, str]]:
        with sqlite3.connect(self.path) as db:
            rows = db.execute("SELECT source, line, reason FROM rejected ORDER BY id").fetchall()
        db.close()
        return rows


class _Gate(Intake):
    def __init__(self, kept: Kept, spool: Spool) -> None:
        super().__init__(spool)
        self._kept = kept

    def append(self, entries: Any, *, mark: Any = None) -> None:
        if self._kept.full:
            self._kept.refused += 1
            raise SpoolFullError("no room")
        super().append(entries, mark=mark)


def wait_until(true: Callable[[], object], what: str, timeout_s: float = 20.0) -> None:
    """Wait until a statement is true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.01)
