"""Writes kept figures into docs/performance.md, between its marks, and draws the curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.bench.chart import Panel, draw, rounded_up

PAGE = Path("docs/performance.md")
CHART = Path("docs/images/growth.svg")
Figures = Mapping[str, Any]
_AXES = {
    "devices": ("More devices", "devices"),
    "rules": ("More rules", "rules in force"),
    "gateways": ("More gateways", "gateways"),
}


def write(results: Path) -> list[str]:
    """Write the newest kept figures of each long measurement; gives which there were."""
    text = PAGE.read_text("utf-8")
    written = []
    for name, table in _TABLES.items():
        kept = _newest(results, name)
        if kept is None:
            continue
        said = f"{table(kept[name])}\n\n{_conditions(kept)}"
        text = _between(text, name, said)
        written.append(name)
        if name == "growth":
            CHART.write_text(picture(kept[name]["curves"]), "utf-8")
    PAGE.write_text(text, "utf-8")
    return written


def _newest(results: Path, name: str) -> Figures | None:
    for path in sorted(results.glob("*.json"), reverse=True):
        kept: Figures = json.loads(path.read_text("utf-8"))
        if name in kept:
            return kept
    return None


def _between(text: str, name: str, what: str) -> str:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    if not after:
        raise SystemExit(f"{PAGE} has no marks for {name}")
    return f"{before}{begin}\n{what}\n{end}{after}"


def _conditions(kept: Figures) -> str:
    given = next(value["conditions"] for value in kept.values() if isinstance(value, dict))
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())
    return f"Measured {kept['at']}: {told}."


def _loaded(figures: Figures) -> str:
    """Give a table of all that is one number, of the alarms, and of the shares."""
    rows = ["| | |", "|---|---|"]
    for name, value in figures.items():
        if isinstance(value, int | float):
            rows.append(f"| {name.replace('_', ' ')} | {value:,} |")
    rows += ["", "| alarms | pressed | p50 | p99 | slowest |", "|---|---|---|---|---|"]
    for when, steps in figures["alarms_ms"].items():
        for step, ms in steps.items():
            way = step if "→" in step else f"device → {step.replace('_', ' ')}"
            rows.append(
                f"| {when}: {way} | {ms['n']} | {ms['p50']} ms | {ms['p99']} ms | {ms['max']} ms |"
            )
    rows += ["", "| share of the machine | |", "|---|---|"]
    shares = figures["share_of_the_machine_percent"]
    rows += [f"| {part} | {share} % |" for part, share in shares.items()]
    return "\n".join(rows)


def _growth(figures: Figures) -> str:
    tables = []
    for name, rows in figures["curves"].items():
        tables.append(
            f"| {_AXES[name][1]} | µs a point | to the smallest | µs of ingest's processor"
            " | to the smallest |\n|---|---|---|---|---|\n"
            + "\n".join(
                f"| {row['size']:,} | {row['wall_us']} | {row['wall_ratio']} × |"
                f" {row['cpu_us']} | {row['cpu_ratio']} × |"
                for row in rows
            )
        )
    alt = "What a point costs with more devices, more rules, more gateways"
    return "\n\n".join([f"![{alt}](images/{CHART.name})", *tables])


def picture(curves: Mapping[str, list[Figures]]) -> str:
    """Draw the curves."""
    top = rounded_up(max(row["wall_us"] for rows in curves.values() for row in rows))
    return draw(
        [
            Panel(
                title=_AXES[name][0],
                across=_AXES[name][1],
                up="µs a point",
                lines={
                    "by the clock, with the database": [(r["size"], r["wall_us"]) for r in rows],
                    "ingest's processor time": [(r["size"], r["cpu_us"]) for r in rows],
                },
                top=top,
            )
            for name, rows in curves.items()
        ]
    )


_TABLES: Mapping[str, Callable[[Figures], str]] = {
    "light": _loaded,
    "sustained": _loaded,
    "burst": _loaded,
    "drain": _loaded,
    "growth": _growth,
}
