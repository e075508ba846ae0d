"""``python -m tests.bench [WHAT]``: how fast, how many, how soon.

Without WHAT: how fast an alert is on a screen, and how many points are stored. ``kernel``: what
rules cost a reading, and how fast their state is loaded. ``backtest``: how fast stored
readings are lived again. ``inactivity``: how soon a silence in a real home is noticed.

Long ones, on a machine with nothing else to do: ``light``, ``sustained`` and ``burst``, alarms
under hardly any load, as much as is committed and ten times as much; ``drain``, alarms while a
day's backlog comes in; ``growth``, what a point costs as a site grows. ``document`` writes what
they found into docs/performance.md. ``store``: what a point costs on disk, and how soon a chart
is there. ``wall``: when the wall with 1,000 open alerts is painted, and how soon a new one is
there. ``reports``: how long a month's report of 1,000 devices takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import (
    backtest,
    document,
    growth,
    inactivity,
    kernel,
    latency,
    loaded,
    reports,
    states,
    store,
    throughput,
    wall,
)
from tests.bench.loaded import Scale
from tests.bench.site import conditions, database, machine, staged

from anju_platform.database import connect
from anju_platform.demo.postgres import EmbeddedPostgres, create_database
from anju_platform.migrate import migrate

FOLDER = Path(".anju/bench")
RECORDINGS = "../shared/data"
"""Where the real recordings are, unless ANJU_RECORDINGS says otherwise."""
Result = dict[str, Any]


def main() -> None:
    """Measure, print tables, and keep the figures as JSON."""
    options = _options()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if options.what == "document":
        print("written: " + (", ".join(document.write(FOLDER)) or "nothing, for nothing is kept"))
        return
    result = {"at": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **BENCHES[options.what](options)}
    kept = FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    kept.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print(f"\nkept in {kept}")


@contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir=FOLDER, prefix="stage-"))
    yield directory
    shutil.rmtree(directory)  # what failed stays, to be looked at


def _whole_product(options: argparse.Namespace) -> Result:
    """Measure on a product of our own: broker, database, processes, browser."""
    result: Result = {}
    with (
        _directory() as directory,
        staged(directory, latency.WARM_UP + options.alerts, print) as stage,
    ):
        result["conditions"] = conditions(stage)
        _list("Conditions", conditions(stage))
        if options.what != "throughput":
            result["latency_ms"] = steps = latency.run(stage, alerts=options.alerts)
            _table("Since the reading was written to the edge agent's socket, ms", steps)
        if options.what != "latency":
            result["throughput"] = figures = throughput.run(stage, batches=options.batches)
            _list("Durable points, rules on", figures)
    return result


def _inactivity(_: argparse.Namespace) -> Result:
    figures = inactivity.run(Path(os.environ.get("ANJU_RECORDINGS", RECORDINGS)) / "home")
    inactivity.show(figures)
    return {"inactivity": figures}


def _backtest(_: argparse.Namespace) -> Result:
    with _directory() as directory:
        server = EmbeddedPostgres(directory / "postgres", durable=False)
        try:
            url = create_database(server.start(), "anju_bench")
            migrate(url)
            engine = connect(url)
            figures = backtest.run(engine)
            engine.dispose()
        finally:
            server.stop()
    _list("Stored readings lived again, the whole library", figures)
    return {"backtest": figures}


def _kernel(_: argparse.Namespace) -> Result:
    with _directory() as directory:
        result = {
            "library": kernel.library(directory),
            "scale": kernel.scale(),
            "state": states.run(),
        }
    _list("Rules in force, cost of a reading", result["library"])
    _list("1,000 rules against 50", result["scale"])
    _list("State after a crash", result["state"])
    return {"kernel": result}


def _sustained(options: argparse.Namespace) -> Result:
    return _steady("sustained", options, seconds=300.0, rate=0.0)


def _light(options: argparse.Namespace) -> Result:
    return _steady("light", options, seconds=120.0, rate=30.0)


def _steady(name: str, options: argparse.Namespace, *, seconds: float, rate: float) -> Result:
    scale = Scale(
        seconds=options.seconds or seconds,
        gateways=options.gateways,
        devices=options.devices or 10_000,
        rate=options.rate or rate,
        ingests=options.ingests,
    )
    return _under_load(name, loaded.sustained, scale)


def _burst(options: argparse.Namespace) -> Result:
    scale = Scale(
        seconds=options.seconds or 60.0,
        gateways=options.gateways,
        devices=options.devices or 10_000,
        rate=options.rate or 10_000.0,
        ingests=options.ingests,
        readings=100,  # at the base rate an agent does not wait for more
    )
    return _under_load("burst", loaded.burst, scale)


def _drain(options: argparse.Namespace) -> Result:
    scale = Scale(seconds=0.0, devices=options.devices or loaded.COMMUNITY, hours=options.hours)
    return _under_load("drain", loaded.drain, scale)


def _under_load(
    name: str, bench: Callable[[Path, Scale, Callable[[str], None]], Result], scale: Scale
) -> Result:
    with _directory() as directory:
        result = bench(directory, scale, print)
    _list("Conditions", result["conditions"])
    _list("Points", {n: v for n, v in result.items() if not isinstance(v, dict)})
    _list("Alerts by rule", result["alerts_by_rule"])
    _list("Share of the machine, %", result["share_of_the_machine_percent"])
    for when, steps in result["alarms_ms"].items():
        if steps:
            _table(f"Alarms {when}, ms since the device said it", steps)
    return {name: result}


def _growth(options: argparse.Namespace) -> Result:
    load = machine()
    with _directory() as directory:
        server = EmbeddedPostgres(directory / "postgres")
        try:
            url = server.start()
            most = options.devices or growth.DEVICES[-1]
            curves = growth.run(url, print, most_devices=most, rounds=options.rounds)
            given = {**load, **database(url)}
        finally:
            server.stop()
    for name, rows in curves.items():
        shown = {f"{row['size']:,}": {n: v for n, v in row.items() if n != "size"} for row in rows}
        _table(f"Cost of a point, {name}", shown)
    return {"growth": {"conditions": given, "curves": curves}}


def _store(options: argparse.Namespace) -> Result:
    with _directory() as directory:
        figures = store.run(directory, points=options.points, say=print)
    for kind, values in figures.items():
        _list(f"The store on {kind}", values)
    return {"store": figures}


def _wall(_: argparse.Namespace) -> Result:
    load = machine()
    with _directory() as directory:
        server = EmbeddedPostgres(directory / "postgres")
        try:
            url = create_database(server.start(), "anju_bench")
            migrate(url)
            figures = wall.run(url, print)
        finally:
            server.stop()
    _list("Conditions", load)
    _list("The wall", {n: v for n, v in figures.items() if isinstance(v, int | float)})
    _list("What it keeps", {n: str(v) for n, v in figures.items() if isinstance(v, list)})
    _table("From the commit", {"new alert in the page, ms": figures["new_alert_in_the_page_ms"]})
    return {"wall": {"conditions": load, **figures}}


def _reports(_: argparse.Namespace) -> Result:
    load = machine()
    with _directory() as directory:
        server = EmbeddedPostgres(directory / "postgres")
        try:
            url = create_database(server.start(), "anju_bench")
            migrate(url)
            figures = reports.run(url, print)
            given = {**load, **database(url)}
        finally:
            server.stop()
    _list("Conditions", given)
    _list("A month's report", figures)
    return {"reports": {"conditions": given, **figures}}


BENCHES: Mapping[str, Callable[[argparse.Namespace], Result]] = {
    "product": _whole_product,
    "latency": _whole_product,
    "throughput": _whole_product,
    "kernel": _kernel,
    "backtest": _backtest,
    "inactivity": _inactivity,
    "light": _light,
    "sustained": _sustained,
    "burst": _burst,
    "drain": _drain,
    "growth": _growth,
    "store": _store,
    "wall": _wall,
    "reports": _reports,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=(*BENCHES, "document"), default="product")
    parser.add_argument("--alerts", type=int, default=500, help="buttons to press (500)")
    parser.add_argument(
        "--batches", type=int, default=300, help="batches of 500 readings for each gateway (300)"
    )
    parser.add_argument(
        "--seconds", type=float, help="of a load (300; light 120) or a burst's phase (60)"
    )
    parser.add_argument(
        "--rate", type=float, help="points a second: at most (light: 30), or before a burst"
    )
    parser.add_argument("--gateways", type=int, default=10, help="that send a load (10)")
    parser.add_argument("--devices", type=int, help="that send a load, or that growth ends with")
    parser.add_argument("--ingests", type=int, default=1, help="ingest processes (1)")
    parser.add_argument("--hours", type=float, default=24.0, help="of a backlog (24)")
    parser.add_argument("--rounds", type=int, default=7, help="in which growth takes turns (7)")
    parser.add_argument(
        "--points", type=int, default=10_000_000, help="readings of a year in the store (1e7)"
    )
    return parser.parse_args()


def _list(title: str, values: Mapping[str, object]) -> None:
    print(f"\n{title}")
    for name, value in values.items():
        print(f"  {name:<34} {value:>12}")


def _table(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    print(f"\n{title}")
    print(f"  {'':<36}" + "".join(f"{column:>12}" for column in columns))
    for name, row in rows.items():
        print(f"  {name:<36}" + "".join(f"{row[column]:>12}" for column in columns))


if __name__ == "__main__":
    main()
