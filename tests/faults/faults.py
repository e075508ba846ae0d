"""What is done to a running site: one function for each fault, with a name and a sentence.

A fault function breaks something, lets it last, and mends it; when it returns the fault is
over and recovery is counted. Devices speak all the while.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from .injector import now_ms
from .proxy import FAIR, Proxy, Weather
from .scene import Scene
from .stack import NAME, wait_until
from .wire import Echo, WildGateway, rubbish

HOUR_MS = 3_600_000
AWAKE_S = 3.0
_NO_ROOM = "No space left on device"


@dataclass(frozen=True)
class Fault:
    """One row of the matrix.

    ``brief`` faults are in the short version. ``disk_mb`` bounds the agents' disk;
    ``box_shift_s`` sets their
    clocks wrong. ``ingests``: how many of them a site must have.
    ``afterwards`` is done when recovery has been measured, before the account.
    ``skip`` says why it cannot be done here, or nothing.
    """

    name: str
    does: str
    act: Callable[[Scene], None]
    brief: bool = False
    orderly: bool = True
    quarantine: bool = False
    disk_mb: int | None = None
    box_shift_s: int = 0
    ingests: int = 1
    afterwards: Callable[[Scene], None] = lambda _: None
    skip: Callable[[Scene], str | None] = lambda _: None


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, does: str, **rest: object
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Enter a function into the matrix."""

    def enter(act: Callable[[Scene], None]) -> Callable[[Scene], None]:
        FAULTS[name] = Fault(name, does, act, **rest)  # type: ignore[arg-type]
        return act

    return enter


# -- kill -9 ---------------------------------------------------------------------------------


@fault("agent-killed", "kill -9 of each agent, three times, with its spool on disk", brief=True)
def kill_agents(scene: Scene) -> None:
    for _ in range(3):
        for gateway in scene.gateways:
            scene.pause(0.05, 0.5)
            gateway.agent.kill()
            gateway.agent.start()
        scene.pause(0.8, 1.6)


@fault("ingest-killed", "kill -9 of ingest, three times at random moments", brief=True)
def kill_ingest(scene: Scene) -> None:
    for _ in range(3):
        for ingest in scene.stack.ingests:
            ingest.kill()
            ingest.start()
        scene.pause(0.3, 3.0)


@fault("broker-killed", "kill -9 of the broker, three times", brief=True)
def kill_broker(scene: Scene) -> None:
    for _ in range(3):
        scene.pause(0.2, 1.0)
        scene.stack.broker.kill()
        scene.pause(0.0, 0.5)
        scene.stack.broker.start()


@fault("broker-store-lost", "kill -9 of the broker, its store deleted", brief=True)
def lose_store(scene: Scene) -> None:
    scene.pause(0.2, 1.0)
    scene.stack.broker.kill()
    store = scene.stack.folder / "broker" / "store"
    shutil.rmtree(store)
    store.mkdir()
    scene.stack.broker.start()


@fault("web-killed", "kill -9 of the web process, twice", brief=True)
def kill_web(scene: Scene) -> None:
    for _ in range(2):
        scene.pause(0.2, 1.0)
        scene.stack.web.kill()
        scene.stack.web.start()


@fault("worker-killed", "kill -9 of the worker, three times", brief=True)
def kill_worker(scene: Scene) -> None:
    for _ in range(3):
        scene.pause(0.2, 1.5)
        scene.stack.worker.kill()
        scene.stack.worker.start()


@fault("postgres-killed", "kill -9 of every process of PostgreSQL", brief=True)
def kill_postgres(scene: Scene) -> None:
    scene.pause(0.2, 1.0)
    scene.stack.database.kill()
    scene.pause(0.0, 1.0)
    scene.stack.database.again()


@fault("postmaster-killed", "kill -9 of PostgreSQL's postmaster alone")
def kill_postmaster(scene: Scene) -> None:
    scene.pause(0.2, 1.0)
    scene.stack.database.kill_postmaster()
    scene.stack.database.again()


@fault("postgres-in-transaction", "PostgreSQL stopped at once while ingest is in a transaction")
def stop_in_transaction(scene: Scene) -> None:
    with _locked(scene, "lanes"):
        wait_until(lambda: _waiting(scene), "ingest waiting for the lock")
        scene.stack.database.stop_at_once()
    scene.stack.database.again()


@fault("power-cut", "kill -9 of everything at once, agents and servers included", brief=True)
def cut_power(scene: Scene) -> None:
    stack = scene.stack
    scene.pause(0.5, 1.5)
    agents = [each.agent for each in scene.gateways]
    for each in [*agents, *stack.programs]:
        each.freeze()  # at one moment
    stack.broker.kill()
    stack.database.kill()
    for each in [*agents, *stack.programs]:
        each.kill()
    scene.pause(0.2, 1.0)
    stack.database.again()
    stack.broker.start()
    for each in [*agents, *stack.programs]:
        each.start()


def _die_at(step: str, scene: Scene) -> None:
    """Let ingest kill itself at a step, then start the ordinary one."""
    ingest = scene.stack.ingests[0]
    script = str(Path(__file__).with_name("stepped_ingest.py"))
    ingest.stop()
    ingest.start(instead=[sys.executable, script, step, str(scene.rng.randint(2, 12))])
    status = ingest.wait(40)
    assert status == -9, f"ingest did not come to {step}: {status}"
    ingest.start()


for _step, _said in {
    "received": "when a message has come, before it waits for the writer",
    "begun": "when its transaction has begun and nothing is written",
    "written": "when everything is written and not committed",
    "commit-begun": "just before COMMIT is sent",
    "commit-underway": "while COMMIT is on its way",
    "committed": "when it is committed and nobody has been told",
    "told": "when a gateway has been told, and the broker not",
    "acknowledged": "when the first of a group's messages is acknowledged",
}.items():
    fault(
        f"ingest-dies-{_step}",
        f"ingest kills itself {_said}",
        brief=_step in {"written", "committed"},
    )(functools.partial(_die_at, _step))


# -- lines -----------------------------------------------------------------------------------


def _rain(proxy: Proxy, scene: Scene, weather: Weather, full_s: float, brief_s: float) -> None:
    proxy.suffer(weather)
    scene.hold(full_s, brief_s)
    proxy.suffer(FAIR)


@fault("link-slow", "500 ms each way between agents and broker, ± 200 ms")
def slow_link(scene: Scene) -> None:
    _rain(scene.stack.line, scene, Weather(delay_s=0.5, jitter_s=0.2), 6, 4)


@fault("link-narrow-and-lossy", "10 % of pieces lost (300 ms each), 16 KiB/s", brief=True)
def lossy_link(scene: Scene) -> None:
    weather = Weather(delay_s=0.05, jitter_s=0.05, stall_chance=0.1, bytes_s=16 * 1024)
    _rain(scene.stack.line, scene, weather, 8, 4)


@fault("link-reset", "the agents' connections reset five times", brief=True)
def reset_link(scene: Scene) -> None:
    for _ in range(5):
        scene.pause(0.2, 0.8)
        scene.stack.line.hang_up(reset=True)


@fault("link-half-open", "the agents' connections swallow everything and stay open", brief=True)
def half_open_link(scene: Scene) -> None:
    _rain(scene.stack.line, scene, Weather(deaf=True), 8, 4)


@fault("link-down", "no line between agents and broker for 10 s", brief=True)
def link_down(scene: Scene) -> None:
    scene.stack.line.shut()
    scene.hold(10, 4)
    scene.stack.line.open()


@fault("ingest-line-slow", "500 ms each way between ingest and the broker")
def slow_ingest_line(scene: Scene) -> None:
    _rain(scene.stack.broker_line, scene, Weather(delay_s=0.5), 6, 4)


@fault("ingest-line-reset", "ingest's connection to the broker reset five times")
def reset_ingest_line(scene: Scene) -> None:
    for _ in range(5):
        scene.pause(0.2, 0.8)
        scene.stack.broker_line.hang_up(reset=True)


@fault("ingest-line-half-open", "ingest's connection to the broker swallows everything")
def half_open_ingest_line(scene: Scene) -> None:
    _rain(scene.stack.broker_line, scene, Weather(deaf=True), 8, 4)


@fault("database-line-slow", "50 ms each way between ingest and the database, ± 50 ms")
def slow_database_line(scene: Scene) -> None:
    _rain(scene.stack.database_line, scene, Weather(delay_s=0.05, jitter_s=0.05), 6, 4)


@fault("database-line-cut", "ingest's connections to the database reset five times", brief=True)
def cut_database_line(scene: Scene) -> None:
    for _ in range(5):
        scene.pause(0.1, 0.8)
        scene.stack.database_line.hang_up(reset=True)


@fault("database-line-silent", "the line to the database swallows everything, then breaks")
def silence_database_line(scene: Scene) -> None:
    line = scene.stack.database_line
    _rain(line, scene, Weather(deaf=True), 6, 3)
    line.hang_up(reset=False)


# -- frozen ----------------------------------------------------------------------------------


@fault("ingest-frozen", "ingest stands still (SIGSTOP) for 8 s", brief=True)
def freeze_ingest(scene: Scene) -> None:
    scene.stack.ingests[0].freeze()
    scene.hold(8, 3)
    scene.stack.ingests[0].thaw()


@fault("broker-frozen", "the broker stands still for 8 s")
def freeze_broker(scene: Scene) -> None:
    scene.stack.freeze_broker()
    scene.hold(8, 3)
    scene.stack.thaw_broker()


@fault("postgres-frozen", "every process of PostgreSQL stands still for 8 s")
def freeze_postgres(scene: Scene) -> None:
    scene.stack.database.freeze()
    scene.hold(8, 3)
    scene.stack.database.thaw()


@fault(
    "one-of-two-killed",
    "two ingests, one killed: the other takes its part over",
    ingests=2,
    brief=True,
)
def kill_one(scene: Scene) -> None:
    scene.pause(0.2, 1.0)
    scene.rng.choice(scene.stack.ingests).kill()


def _thaw(scene: Scene) -> None:
    for one in scene.stack.ingests:
        one.thaw()
    time.sleep(AWAKE_S)  # what it still holds in its hands must not be stored now


@fault(
    "one-of-two-frozen",
    "two ingests, one stands still: the other takes its part over before it wakes up",
    ingests=2,
    afterwards=_thaw,
    brief=True,
)
def freeze_one(scene: Scene) -> None:
    scene.pause(0.2, 1.0)
    scene.rng.choice(scene.stack.ingests).freeze()


@fault("another-comes", "a second ingest stopped and started three times", ingests=2)
def come_and_go(scene: Scene) -> None:
    for _ in range(3):
        scene.stack.ingests[1].stop()
        scene.pause(0.2, 2.0)
        scene.stack.ingests[1].start()
        scene.pause(3.0, 5.0)


# -- disks, locks ----------------------------------------------------------------------------


@fault(
    "spool-disk-full",
    "the agents' disks are full while the line is down",
    orderly=False,  # what a full disk refuses is said again later
    disk_mb=64,
    skip=lambda scene: None if _bounded(scene) else "no file system can be mounted here",
)
def fill_spool_disk(scene: Scene) -> None:
    scene.stack.line.shut()
    for gateway in scene.gateways:
        if gateway.disk is not None:
            gateway.disk.fill()
    scene.hold(8, 4)
    for gateway in scene.gateways:
        wait_until(lambda g=gateway: "the disk is full" in g.agent.said(), "a full disk")
    scene.stack.line.open()
    scene.pause(1.0, 2.0)
    for gateway in scene.gateways:
        if gateway.disk is not None:
            gateway.disk.empty()


@fault(
    "database-disk-full",
    "the database's disk is full, for tables and for the write-ahead log",
    skip=lambda scene: (
        None if scene.stack.disk.is_bounded else "no file system can be mounted here"
    ),
)
def fill_database_disk(scene: Scene) -> None:
    said = scene.stack.database.said().count(_NO_ROOM)
    scene.stack.disk.fill()
    with contextlib.suppress(psycopg.Error), psycopg.connect(scene.stack.url) as connection:
        connection.execute("SELECT pg_switch_wal()")  # the next segment finds no room
    scene.hold(8, 4)
    wait_until(lambda: scene.stack.database.said().count(_NO_ROOM) > said, "a full disk")
    scene.stack.disk.empty()


@fault("telemetry-locked", "the table of readings locked for 30 s")
def lock_telemetry(scene: Scene) -> None:
    with _locked(scene, "telemetry"):
        scene.hold(30, 6)


@fault("alerts-locked", "the table of alerts locked for 30 s", brief=True)
def lock_alerts(scene: Scene) -> None:
    with _locked(scene, "alerts"):
        scene.hold(30, 6)


@fault("torn-spool", "kill -9 of the agents with the line down, half a page after their last write")
def tear_spool(scene: Scene) -> None:
    scene.stack.line.shut()
    scene.pause(1.0, 2.0)
    for gateway in scene.gateways:
        gateway.agent.kill()
        with (gateway.folder / "spool.db-wal").open("ab") as log:
            log.write(scene.rng.randbytes(scene.rng.randint(1, 6000)))
        gateway.agent.start()
    scene.pause(0.5, 1.0)
    scene.stack.line.open()


# -- clocks, floods, rubbish -----------------------------------------------------------------


def _shift_clocks(scene: Scene, by_ms: int) -> None:
    for gateway in scene.gateways:
        gateway.injector.clock = lambda: now_ms() + by_ms
    scene.hold(5, 3)
    for gateway in scene.gateways:
        gateway.injector.clock = now_ms


@fault("clock-ahead", "the devices' clocks an hour ahead, then right again", brief=True)
def clocks_ahead(scene: Scene) -> None:
    _shift_clocks(scene, HOUR_MS + 60_000)


@fault("clock-behind", "the devices' clocks an hour behind, then right again")
def clocks_behind(scene: Scene) -> None:
    _shift_clocks(scene, -HOUR_MS - 60_000)


def _box_off(by_ms: int, scene: Scene) -> None:
    for gateway in scene.gateways:
        gateway.injector.clock = lambda: now_ms() + by_ms
    kill_agents(scene)


for _name, _shift_s in (("ahead", 3600), ("behind", -3600)):
    fault(
        f"box-clock-{_name}",
        f"agents and devices an hour {_name}, agents killed three times",
        box_shift_s=_shift_s,
    )(functools.partial(_box_off, _shift_s * 1000))


@fault("burst", "ten times as many readings for 60 s", brief=True)
def burst(scene: Scene) -> None:
    for gateway in scene.gateways:
        gateway.injector.speed = 10.0
    scene.hold(60, 6)
    for gateway in scene.gateways:
        gateway.injector.speed = 1.0


@fault(
    "duplicates-and-shuffles",
    "every batch said again, up to many times and in any order",
    brief=True,
)
def echo(scene: Scene) -> None:
    with Echo(scene.stack.broker.port, scene.slugs, scene.rng) as echo:
        scene.hold(8, 4)
        scene.stack.line.hang_up(reset=True)
        scene.pause(1.0, 2.0)
    assert echo.said > 100, f"only {echo.said} batches were said again"


@fault(
    "poison",
    "unreadable, invalid, too large and absurd batches between good ones",
    brief=True,
    quarantine=True,
)
def poison(scene: Scene) -> None:
    for gateway in scene.gateways:
        wild = WildGateway(scene.stack.broker.port, gateway.slug, gateway.extra)
        rubbish(wild)
        wild.stop()


@contextlib.contextmanager
def _locked(scene: Scene, table: str) -> Iterator[None]:
    """Hold a table so that nobody else can read or write it."""
    try:
        with psycopg.connect(scene.stack.url) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield
    except psycopg.OperationalError:
        pass  # the server was stopped meanwhile, and the lock with it


def _waiting(scene: Scene) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    with psycopg.connect(scene.stack.url) as connection:
        return connection.execute(query, [NAME]).fetchone() is not None


def _bounded(scene: Scene) -> bool:
    return all(each.disk is not None and each.disk.is_bounded for each in scene.gateways)
