"""The stage of the measurements: the real product, with buttons enough for every press."""

from __future__ import annotations

import json
import os
import platform
import random
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
from tests.bench.estate import Estate

from anju_platform.children import program
from anju_platform.demo.mosquitto import find_mosquitto, free_port
from anju_platform.demo.stage import Options, Stage
from anju_rules import load_library

GATEWAY = "gw-west"
"""Whose buttons are pressed."""


def button(number: int) -> str:
    """Give the slug, which is also the name on the screens, of a button to press."""
    return f"bench-{number:04d}"


@contextmanager
def staged(
    directory: Path,
    buttons: int,
    say: Callable[[str], None],
    estate: Estate | None = None,
    ingests: int = 1,
) -> Iterator[Stage]:
    """Start the product in an empty folder and stop it at the end.

    The communities of an ``estate`` stand beside the demo's; no agents run for its gateways.
    """
    options = Options(
        directory,
        port=free_port(),
        simulate=False,
        played=frozenset(estate.by_gateway() if estate else ()),
        neighbours=estate.documents() if estate else (),
        ingests=ingests,
        keeps_accounts=False,  # a bench has one of its own there (hops)
    )
    stage = Stage(options, say)
    _describe(stage.site.community_file, buttons)
    try:
        stage.build()
        yield stage
    finally:
        stage.stop()


def _describe(path: Path, buttons: int) -> None:
    """Describe the demo's community with more SOS buttons, spread over the homes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [program("anju-sim"), "describe", "--seed", "1", "--out", str(path)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    community = json.loads(path.read_text("utf-8"))
    homes = cycle(
        [d for d in community["devices"] if d["gateway"] == GATEWAY and d["household"] is not None]
    )
    for number, beside in zip(range(buttons), homes, strict=False):
        named = {"slug": button(number), "name": button(number), "name_en": button(number)}
        community["devices"].append({**beside, **named, "model": "sos_button"})
    path.write_text(json.dumps(community, ensure_ascii=False), "utf-8")


def machine() -> dict[str, str | int]:
    """Give what the figures depend on as far as this machine goes."""
    busy, rested = _look(0.0), _look(0.02)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_before": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "look_at_16000_objects": f"{busy:.1f} ms, after 20 ms of rest {rested:.1f} ms",
    }


def _look(pause_s: float) -> float:
    """Give how long 16,000 objects (1 MB) take to be looked at after a pause, in ms.

    Others may use this machine's caches while it rests: what seldom happens then takes as
    long as memory, not as the processor.
    """
    objects: list[list[int]] = [[n] for n in range(16_000)]
    random.Random(1).shuffle(objects)
    taken = []
    for _ in range(25):
        time.sleep(pause_s)
        begun = time.perf_counter()
        sum(map(len, objects))
        taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def database(url: str) -> dict[str, str]:
    """Give what they depend on in the database."""
    with psycopg.connect(url) as connection:

        def show(name: str) -> str:
            return str(connection.execute(f"SHOW {name}".encode()).fetchone()[0])  # type: ignore[index]

        return {
            "postgresql": show("server_version"),
            "fsync": show("fsync"),
            "synchronous_commit": show("synchronous_commit"),
        }


def _communities(stage: Stage) -> list[Mapping[str, Any]]:
    return [stage.site.community, *stage.options.neighbours]


def conditions(stage: Stage) -> dict[str, str | int]:
    """Give what the figures depend on."""
    broker = find_mosquitto()
    told = subprocess.run([broker or "amqtt", "-h"], capture_output=True, text=True, check=False)
    version = re.search(r"version (\S+)", told.stdout)
    return {
        **machine(),
        **database(stage.environment["ANJU_DATABASE_URL"]),
        "broker": f"mosquitto {version.group(1)}" if version else "amqtt",
        "rules": len(load_library()),
        "ingest_processes": stage.options.ingests,
        "devices": sum(len(one["devices"]) for one in _communities(stage)),
    }
