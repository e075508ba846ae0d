"""Who took how much of the machine's processors, from Linux's own counts."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from anju_platform.demo.stage import Stage

GENERATOR = "load generator"
OTHERS = "others on this machine"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_MARKS = {
    "mosquitto": "broker",
    "anju_platform.cli ingest": "ingest",
    "anju_platform.cli web": "web",
    "anju_platform.cli worker": "worker",
    "anju-edge": "edge agents",
}
"""What of a command line tells which part it is; what else we started generates the load."""


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    seconds: float
    """Its own and those of its children that have ended."""


class Shares:
    """From its making to :meth:`taken`."""

    def __init__(self, stage: Stage) -> None:
        pid_file = stage.site.directory / "postgres" / "postmaster.pid"
        self._postmaster = int(pid_file.read_text().split()[0])
        self._begun = time.monotonic()
        self._before, self._busy_before = self._count(), _busy()

    def taken(self) -> dict[str, float]:
        """Give each part's share in percent of all processors, while all of them still run."""
        whole = (time.monotonic() - self._begun) * len(os.sched_getaffinity(0))
        spent = self._count()
        spent.subtract(self._before)
        busy = _busy() - self._busy_before
        spent[OTHERS] = max(0.0, busy - sum(spent.values()))
        return {part: round(100 * seconds / whole, 1) for part, seconds in spent.most_common()}

    def _count(self) -> Counter[str]:
        found = _processes()
        spent: Counter[str] = Counter()
        for pid, process in found.items():
            line = _line_of_descent(pid, found)
            if self._postmaster in line:
                spent["postgresql"] += process.seconds
            elif os.getpid() in line:
                spent[_part(pid)] += process.seconds
        return spent


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        found[int(folder.name)] = _Process(int(fields[1]), sum(map(int, fields[11:15])) * _TICK_S)
    return found


def _line_of_descent(pid: int, found: dict[int, _Process]) -> list[int]:
    line = []
    while pid in found:
        line.append(pid)
        pid = found[pid].parent
    return line


def _part(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return GENERATOR
    return next((part for mark, part in _MARKS.items() if mark in command), GENERATOR)


def _busy() -> float:
    """Give the seconds in which any processor did anything: all but idle and waiting for disks."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    ticks = [int(field) for field in fields]
    return (sum(ticks) - ticks[3] - ticks[4]) * _TICK_S
