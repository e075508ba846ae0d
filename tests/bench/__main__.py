"""``python -m tests.bench``: how fast an alert is on a screen, how many points are stored."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench import kernel, latency, states, throughput
from tests.bench.site import conditions, staged

FOLDER = Path(".anju/bench")


def main() -> None:
    """Measure on a product of our own, print tables, and keep the figures as JSON."""
    options = _options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=FOLDER, prefix="stage-"))
    if options.what == "kernel":
        _list("Rules in force, cost of a reading", kernel.library(directory))
        _list("1,000 rules against 50", kernel.scale())
        _list("State after a crash", states.run())
        shutil.rmtree(directory)
        return
    result: dict[str, object] = {"at": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    with staged(directory, latency.WARM_UP + options.alerts, print) as stage:
        result["conditions"] = conditions(stage)
        _list("Conditions", conditions(stage))
        if options.only != "throughput":
            result["latency_ms"] = steps = latency.run(stage, alerts=options.alerts)
            _table("Since the reading was written to the edge agent's socket, ms", steps)
        if options.only != "latency":
            result["throughput"] = figures = throughput.run(stage, batches=options.batches)
            _list("Durable points, rules on", figures)
    shutil.rmtree(directory)
    kept = FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    kept.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(f"\nkept in {kept}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=("product", "kernel"), default="product", help="(product)"
    )
    parser.add_argument("--only", choices=("latency", "throughput"))
    parser.add_argument("--alerts", type=int, default=500, help="buttons to press (500)")
    parser.add_argument(
        "--batches", type=int, default=300, help="batches of 500 readings for each gateway (300)"
    )
    return parser.parse_args()


def _list(title: str, values: Mapping[str, object]) -> None:
    print(f"\n{title}")
    for name, value in values.items():
        print(f"  {name:<34} {value:>12}")


def _table(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print(f"\n{title}")
    print(f"  {'':<36}" + "".join(f"{column:>9}" for column in columns))
    for name, row in rows.items():
        print(f"  {name:<36}" + "".join(f"{row[column]:>9}" for column in columns))


if __name__ == "__main__":
    main()
