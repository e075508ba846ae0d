"""The whole product on one machine, each part a process, with a proxy on every line.

PostgreSQL stands on a disk of its own where mounting is allowed, so that it can be filled.
Programs that end by themselves are started again, as systemd or ``anju up`` would.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy import Engine

from anju_platform.broker import write_mosquitto
from anju_platform.database import connect
from anju_platform.demo.mosquitto import Mosquitto, free_port
from anju_platform.demo.postgres import create_database
from anju_platform.migrate import migrate

from .programs import Database, Program
from .proxy import FAIR, Proxy

DISK_MB = 1500
"""The database's disk; its WAL may take 1 GB of it."""
NAME = "anju_faults"


def wait_until(said: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    """Wait until something is so; gives it."""
    deadline = time.monotonic() + timeout_s
    while not (value := said()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.03)
    return value


class Disk:
    """A file system of a known size, in a file; ``is_bounded`` tells whether it is mounted."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._image = folder.with_suffix(".img")
        self.is_bounded = self._mount(megabytes)

    def _mount(self, megabytes: int) -> bool:
        with self._image.open("wb") as image:
            image.truncate(megabytes * 1024 * 1024)
        for command in (
            ["mkfs.ext4", "-q", "-m", "0", str(self._image)],
            ["mount", "-o", "loop", str(self._image), str(self.folder)],
        ):
            try:
                done = subprocess.run(command, capture_output=True, check=False)
            except FileNotFoundError:
                return False
            if done.returncode:
                return False
        self.folder.chmod(0o755)
        return True

    def fill(self, *, but: int = 0) -> None:
        """Leave only so many bytes free."""
        ballast = self.folder / "ballast"
        free = shutil.disk_usage(self.folder).free - but
        command = ["fallocate", "-l", str(max(free, 4096)), str(ballast)]
        subprocess.run(command, capture_output=True, check=False)  # all but the last of it
        with ballast.open("ab") as file, suppress(OSError):
            while shutil.disk_usage(self.folder).free > but:
                file.write(b"\0" * 4096)
                file.flush()

    def empty(self) -> None:
        """Give the room back."""
        (self.folder / "ballast").unlink(missing_ok=True)

    def stop(self) -> None:
        """Unmount it and let it go."""
        if self.is_bounded:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)
        self._image.unlink(missing_ok=True)


class Stack:
    """Database, broker, ingest (one or several), web and worker."""

    def __init__(self, folder: Path, *, rng: random.Random, ingests: int = 1) -> None:
        self.folder = folder
        self.restarts = 0
        """How often a program had ended by itself and was started again."""
        folder.mkdir(parents=True, exist_ok=True)
        self.disk = Disk(folder / "disk", DISK_MB)
        self.database = Database(self.disk.folder / "pg")
        self.url = create_database(self.database.start(), NAME)
        migrate(self.url)
        self.engine: Engine = connect(self.url)
        port = free_port()
        self.broker = Mosquitto(
            write_mosquitto(folder / "broker", port=port, accounts=()), host="127.0.0.1", port=port
        )
        self.broker.start()
        self.line = Proxy(free_port(), port, rng)
        """Between the agents and the broker."""
        self.broker_line = Proxy(free_port(), port, rng)
        """Between ingest and the broker."""
        self.database_line = Proxy(free_port(), self.database.socket(), rng)
        """Between ingest and the database."""
        self.web_url = f"http://127.0.0.1:{free_port()}"
        self.ingests = [self._program("ingest", n) for n in range(ingests)]
        self.web = self._program("web")
        self.worker = self._program("worker")
        for each in self.programs:
            each.start()
        wait_until(self.is_at_work, "ingest and web")

    @property
    def programs(self) -> list[Program]:
        """The platform's programs."""
        return [*self.ingests, self.web, self.worker]

    def _program(self, name: str, number: int = 0) -> Program:
        through = self.database_line.port
        environment = {
            "ANJU_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{through}/{NAME}"
            if name == "ingest"
            else self.url,
            "ANJU_BROKER_PORT": str(self.broker_line.port),
            "ANJU_DATA_DIR": str(self.folder / "data"),
            "ANJU_WEB_PORT": self.web_url.rpartition(":")[2],
        }
        command = [sys.executable, "-m", "anju_platform.cli", name]
        return Program(name, command, environment, self.folder / f"{name}-{number}.log")

    def is_at_work(self) -> bool:
        """Whether every ingest has loaded and the screens answer."""
        return self.answers() and all("is at work" in one.said() for one in self.ingests)

    def answers(self) -> bool:
        """Whether the web process can reach its database."""
        try:
            return httpx.get(f"{self.web_url}/readyz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def freeze_broker(self) -> None:
        """Let the broker stand still."""
        self._signal_broker(signal.SIGSTOP)

    def thaw_broker(self) -> None:
        """Let the broker go on."""
        self._signal_broker(signal.SIGCONT)

    def _signal_broker(self, number: signal.Signals) -> None:
        process = self.broker._process
        assert process is not None
        process.send_signal(number)

    def tend(self) -> None:
        """Start again what has ended by itself."""
        for each in self.programs:
            if each.has_ended():
                self.restarts += 1
                each.start()
        if not self.database.processes():
            self.restarts += 1
            self.database.again()

    def mend(self) -> None:
        """Take away whatever a fault that failed has left behind."""
        for proxy in (self.line, self.broker_line, self.database_line):
            proxy.suffer(FAIR)
            proxy.open()
        self.disk.empty()
        for each in self.programs:
            if each.is_running():
                each.thaw()
            else:
                each.start()
        self.tend()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, on a connection of our own and directly."""
        with psycopg.connect(self.url, connect_timeout=5) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def stop(self) -> None:
        """End everything."""
        for each in self.programs:
            each.stop()
        for proxy in (self.line, self.broker_line, self.database_line):
            proxy.stop()
        self.engine.dispose()
        self.broker.stop()
        self.database.stop()
        self.disk.stop()
