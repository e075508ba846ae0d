"""The walk of ingest in a process of its own, without a broker: what a group of messages costs.

Prepared, it says "ready"; for each line on standard input it takes some groups in and prints
what they cost.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, Engine
from tests.bench.batches import templates, three_values
from tests.bench.estate import MIXED, SLUG, Estate
from tests.bench.kernel import numbered_rules

from anju_devices import topics
from anju_devices.link import Message
from anju_devices.topics import Channel
from anju_platform.database import connect, transaction
from anju_platform.provision import import_community
from anju_platform.walk import Walk
from anju_rules import Rule, load_library

STEP_MS = 4_000
"""The clock goes on by so much from group to group, for no device can say all at one time;
a pause longer than 5 s would be one in which ingest was deaf."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One size: a group is ``messages`` of ``readings`` each; ``rules`` 0 means the library."""

    url: str
    gateways: int
    devices: int
    rules: int = 0
    messages: int = 10
    readings: int = 100


class Cost(msgspec.Struct, frozen=True):
    """What some groups cost: seconds of the clock, and of this process on a processor."""

    points: int
    wall_s: float
    cpu_s: float


class Ready(msgspec.Struct, frozen=True):
    """What was to be done before: seconds to import the community and to hear all devices."""

    import_s: float
    warm_s: float


class Walker:
    """Feeds a community's batches to :class:`Walk`, group by group, each in its transaction."""

    def __init__(self, site: Site, engine: Engine, connection: Connection) -> None:
        self._site = site
        self._connection = connection
        models = ("climate",) if site.rules else MIXED
        estate = Estate(gateways=site.gateways, devices=site.devices, models=models)
        began = time.perf_counter()
        with transaction(engine) as session:
            import_community(session, *estate.documents())
        self.import_s = time.perf_counter() - began
        self._at = time.time_ns() // 1_000_000
        self._batches = self._send(estate)
        self._walk = Walk(_rules(site))
        with transaction(connection) as session:
            self._walk.load(session, self._at)
        gc.collect()
        gc.freeze()  # as ingest does
        began = time.perf_counter()
        self.take(site.devices // (site.messages * site.readings) + 5)
        self.warm_s = time.perf_counter() - began

    def take(self, groups: int) -> Cost:
        """Take so many groups in."""
        points, wall_s, cpu_s = 0, 0.0, 0.0
        for _ in range(groups):
            self._at += STEP_MS
            messages = [next(self._batches) for _ in range(self._site.messages)]
            wall, cpu = time.perf_counter(), time.process_time()
            with transaction(self._connection) as session:
                points += self._walk.take_in(session, messages, self._at).points
            wall_s += time.perf_counter() - wall
            cpu_s += time.process_time() - cpu
        expected = 3 * groups * self._site.messages * self._site.readings
        if points != expected:
            raise SystemExit(f"{points} points were stored instead of {expected}")
        return Cost(points, wall_s, cpu_s)

    def _send(self, estate: Estate) -> Iterator[Message]:
        """Give the gateways' next batches in turn."""
        feeds = {
            topics.build(SLUG, gateway, Channel.TELEMETRY): templates(
                gateway, devices, self._site.readings, three_values
            )
            for gateway, devices in estate.by_gateway().items()
        }
        seq = 0
        while True:
            seq += 1
            for topic, batches in feeds.items():
                at = self._at
                payload = batches[seq % len(batches)].fill(seq, sent_at=at, at=at)
                yield Message(topic, payload, False, at, 1, 1, False)  # noqa: FBT003 - its fields in order


def _rules(site: Site) -> list[Rule]:
    return numbered_rules(site.rules) if site.rules else list(load_library())


def main() -> None:
    """Prepare the site that standard input describes, then measure as often as told."""
    site = msgspec.json.decode(sys.stdin.readline(), type=Site)
    engine = connect(site.url)
    with engine.connect() as connection:
        walker = Walker(site, engine, connection)
        _say(Ready(walker.import_s, walker.warm_s))
        for line in sys.stdin:
            _say(walker.take(int(line)))
    engine.dispose()


def _say(what: msgspec.Struct) -> None:
    print(msgspec.json.encode(what).decode(), flush=True)


if __name__ == "__main__":
    main()
