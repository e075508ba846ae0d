"""What a point costs while a site grows: more devices, more rules, more gateways.

The walk of ingest runs against a real PostgreSQL, without a broker, which is not what grows.
All sizes of a curve are there at once, each in a process and a database of its own, and are
measured in turns, so that a slow minute of the machine is a slow minute of all.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from tests.bench.walker import Cost, Ready, Site

from anju_platform.demo.postgres import create_database
from anju_platform.migrate import migrate

Row = dict[str, Any]

DEVICES = (1_000, 3_000, 10_000, 30_000, 100_000)
RULES = (10, 100, 1_000)
GATEWAYS = (1, 10, 100, 500)
MIDDLE = 10_000
"""Devices where something else grows."""


def curves(most_devices: int) -> Mapping[str, Sequence[tuple[int, Site]]]:
    """Give each curve's sizes; a small machine leaves the largest out by ``most_devices``."""
    middle = min(MIDDLE, most_devices)
    few = {"messages": 50, "readings": 20}  # so that 500 gateways have a batch each
    return {
        "devices": [(n, _site(gateways=10, devices=n)) for n in DEVICES if n <= most_devices],
        "rules": [(n, _site(gateways=10, devices=middle, rules=n)) for n in RULES],
        "gateways": [
            (n, _site(gateways=n, devices=middle, **few)) for n in GATEWAYS if n * 20 <= middle
        ],
    }


def _site(**size: int) -> Site:
    return Site(url="", **size)


def run(
    server: str,
    say: Callable[[str], None],
    *,
    most_devices: int = DEVICES[-1],
    rounds: int = 7,
    groups: int = 20,
) -> dict[str, list[Row]]:
    """Measure each size ``rounds`` times ``groups`` groups; ``server`` is PostgreSQL's URL."""
    template = "anju_growth"
    migrate(create_database(server, template))
    found = {}
    for name, sizes in curves(most_devices).items():
        say(f"{name}: {', '.join(f'{size:,}' for size, _ in sizes)}")
        walkers = []
        for size, site in sizes:
            url = create_database(server, f"{template}_{name}_{size}", template=template)
            walkers.append(_Walker(msgspec.structs.replace(site, url=url)))
        costs = [[walker.take(groups) for walker in walkers] for _ in range(rounds)]
        for walker in walkers:
            walker.end()
        found[name] = [
            _row(size, walkers[n].ready, [one[n] for one in costs], [one[0] for one in costs])
            for n, (size, _) in enumerate(sizes)
        ]
    return found


class _Walker:
    """A walker's process, seen from here."""

    def __init__(self, site: Site) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.walker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = msgspec.json.decode(self._ask(msgspec.json.encode(site).decode()), type=Ready)

    def take(self, groups: int) -> Cost:
        return msgspec.json.decode(self._ask(str(groups)), type=Cost)

    def _ask(self, what: str) -> str:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(what + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise SystemExit(f"a walker ended with {process.wait()}")
        return answer

    def end(self) -> None:
        self._process.communicate()


def _row(size: int, ready: Ready, costs: Sequence[Cost], smallest: Sequence[Cost]) -> Row:
    """Give medians, and the median of the ratios to the smallest size in the same round."""
    median = statistics.median
    pairs = list(zip(costs, smallest, strict=True))
    return {
        "size": size,
        "wall_us": round(median(_wall(one) for one in costs), 2),
        "cpu_us": round(median(_cpu(one) for one in costs), 2),
        "wall_ratio": round(median(_wall(one) / _wall(least) for one, least in pairs), 2),
        "cpu_ratio": round(median(_cpu(one) / _cpu(least) for one, least in pairs), 2),
        "points": sum(one.points for one in costs),
        "import_s": round(ready.import_s, 1),
        "warm_s": round(ready.warm_s, 1),
    }


def _wall(cost: Cost) -> float:
    return 1e6 * cost.wall_s / cost.points


def _cpu(cost: Cost) -> float:
    return 1e6 * cost.cpu_s / cost.points
