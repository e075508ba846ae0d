"""From a device's socket to a screen, at light load: one press after another."""

from __future__ import annotations

import json
import random
import socket
import statistics
import threading
import time
from collections.abc import Mapping, Sequence

from tests.bench.hops import Hops
from tests.bench.screens import Guard, wall
from tests.bench.site import GATEWAY, button

from anju_platform.demo.stage import Stage

EVERY_S = 0.2
BACKGROUND = "gw-east"
BACKGROUND_PER_S = 20
WARM_UP = 20
CLOSE_AFTER = 25
"""So many alerts stay open at most, as on a site where somebody works."""
_WAIT_S = 20.0
_dice = random.Random(1)

Figures = dict[str, float]


class Device:
    """One connection to an edge agent's native driver, as its devices make."""

    def __init__(self, stage: Stage, gateway: str, model: str) -> None:
        self.slugs = [
            d["slug"]
            for d in stage.site.community["devices"]
            if d["gateway"] == gateway and d["model"] == model
        ]
        port = int((stage.site.edge_folder(gateway) / "port").read_text())
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")
        token = stage.site.native_token_file.read_text()
        self._write({"token": token, "devices": dict.fromkeys(self.slugs, model)})
        assert json.loads(self._answers.readline()) == {"ok": True}

    def _write(self, line: Mapping[str, object]) -> None:
        self._socket.sendall(json.dumps(line).encode() + b"\n")

    def say(self, slug: str, **what: object) -> float:
        """Say one reading; gives when, epoch seconds."""
        at = time.time()
        self._write({"device": slug, "at": round(at * 1000), **what})
        return at

    def wait_until_kept(self) -> float:
        """Wait for the agent's word that it is on the disk; gives when it came."""
        assert "kept" in json.loads(self._answers.readline())
        return time.time()


def run(stage: Stage, *, alerts: int = 500) -> dict[str, Figures]:
    """Press ``alerts`` buttons and give, in milliseconds, when what had happened."""
    password = stage.site.passwords["guard"]
    guard = Guard(stage.url, password)
    device = Device(stage, GATEWAY, "sos_button")
    stop = threading.Event()
    background = threading.Thread(target=_murmur, args=(stage, stop))
    background.start()
    pressed: dict[str, float] = {}
    kept: dict[str, float] = {}
    try:
        with Hops(stage, GATEWAY) as hops, wall(stage.url, password) as browser:
            for number in range(WARM_UP + alerts):
                if number % CLOSE_AFTER == 0:
                    _await(guard.seen, pressed)
                    guard.close_all()
                    time.sleep(1)
                name = button(number)
                pressed[name] = device.say(name, event="pressed")
                kept[name] = device.wait_until_kept()
                time.sleep(EVERY_S * _dice.uniform(0.7, 1.3))
            _await(guard.seen, pressed)
            time.sleep(1)
            seen = browser.seen
    finally:
        stop.set()
        background.join()
    counted = {name: pressed[name] for name in list(pressed)[WARM_UP:]}
    announced = {name: hops.announced(number) for number, name in guard.numbers.items()}
    steps = {
        "kept on the edge's disk": kept,
        "out of the broker": hops.published,
        "announced by the database": announced,
        "committed, told to the edge": hops.told,
        "screen: fragment at an HTTP client": guard.seen,
        "screen: row in Chromium's document": seen,
    }
    return {step: _figures(step, counted, times) for step, times in steps.items()}


def _murmur(stage: Stage, stop: threading.Event) -> None:
    """Say a little telemetry all the time."""
    device = Device(stage, BACKGROUND, "pir")
    while not stop.wait(_dice.uniform(0.5, 1.5) / BACKGROUND_PER_S):
        slug = _dice.choice(device.slugs)
        device.say(slug, values={"motion": _dice.random() < 0.3, "battery": 90, "rssi": -70})
        device.wait_until_kept()


def _await(seen: Mapping[str, float], names: Mapping[str, float]) -> None:
    deadline = time.monotonic() + _WAIT_S
    while not names.keys() <= seen.keys():
        if time.monotonic() > deadline:
            raise SystemExit(f"never on the screen: {sorted(names.keys() - seen.keys())}")
        time.sleep(0.05)


def _figures(step: str, begun: Mapping[str, float], times: Mapping[str, float]) -> Figures:
    """Give the percentiles, in milliseconds; every press must be there."""
    missing = begun.keys() - times.keys()
    if missing:
        raise SystemExit(f"{step}: {len(missing)} presses were never there: {sorted(missing)[:5]}")
    return percentiles([(times[name] - at) * 1000 for name, at in begun.items()])


def percentiles(values: Sequence[float]) -> Figures:
    """Give count, p50, p95, p99 and the largest."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    chosen = {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values)}
    return {"n": len(values), **{name: round(value, 1) for name, value in chosen.items()}}
