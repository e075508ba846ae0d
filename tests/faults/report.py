"""The matrix as a table for docs/reliability.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .matrix import Row

BEGIN = "<!-- matrix: made by python -m tests.faults, do not edit -->"
END = "<!-- end of matrix -->"
_HEAD = (
    "| fault | what is done | runs | readings | alarms | lost | doubled | alarms wrong"
    " | stored again, s (median / worst) | told, s (median / worst) |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


def is_clean(rows: Sequence[Row]) -> bool:
    """Whether every run of every fault accounted for everything."""
    return all(run.is_good for row in rows for run in row.runs)


def table(rows: Sequence[Row], *, seed: int, jobs: int) -> str:
    """Give the table in Markdown, with its conditions."""
    return f"{_conditions(rows, seed, jobs)}\n\n{_HEAD}" + "\n".join(map(_line, rows)) + "\n"


def _line(row: Row) -> str:
    fault = row.fault
    if not row.runs:
        return f"| {fault.name} | {fault.does} | 0 | | | | | | not run: {row.skipped} | |"
    figures = [
        row.total(what) for what in ("readings", "alarms", "lost", "doubled", "alarms_wrong")
    ]
    times = [
        f"{median:.1f} / {worst:.1f}"
        for median, worst in map(row.seconds, ("recovery_s", "told_s"))
    ]
    cells = [len(row.runs), *figures, *times]
    return f"| {fault.name} | {fault.does} | " + " | ".join(map(str, cells)) + " |"


def _conditions(rows: Sequence[Row], seed: int, jobs: int) -> str:
    ran = [row for row in rows if row.runs]
    total = {what: sum(row.total(what) for row in ran) for what in ("readings", "alarms")}
    given_up = sum(row.total("given_up") for row in ran)
    runs = sum(len(row.runs) for row in ran)
    restarts = sum(run.restarts for row in ran for run in row.runs)
    wrong = sum(not run.is_good for row in ran for run in row.runs)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}: {len(ran)} faults, {runs} runs,"
        f" {total['readings']} readings and {total['alarms']} alarms; {wrong} runs with anything"
        f" wrong. {given_up} readings were given up by agents without room, and told of;"
        f" {restarts} programs ended by themselves and were started again."
        f" {os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()};"
        f" {jobs} site(s) at a time, each with broker, database and agents on this machine;"
        f" load average {os.getloadavg()[2]:.1f} over the last 15 minutes."
    )


def write(path: Path, found: str) -> None:
    """Write the table between the document's markers."""
    text = path.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n{found}{END}{tail}", "utf-8")
