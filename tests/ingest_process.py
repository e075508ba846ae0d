"""Runs real ingest processes for tests, which may kill them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from wire_sender import community_file

from anju_platform.database import connect, transaction
from anju_platform.provision import import_community

CODE = """
import logging
from anju_platform.config import Settings
from anju_platform.ingest import run
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
run(Settings.load())
"""


def provide_community(database: str, climates: int = 4) -> None:
    """Import the tiny community."""
    engine = connect(database)
    try:
        with transaction(engine) as session:
            import_community(session, community_file(climates))
    finally:
        engine.dispose()


class IngestProcess:
    """One ``anju ingest`` as a child process; its log is kept in a file.

    ``before`` is code that it runs first, to break something in it.
    """

    def __init__(self, database: str, broker_port: int, log: Path, *, before: str = "") -> None:
        self.log = log
        self._code = before + CODE
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANJU_")},
            "ANJU_DATABASE_URL": database,
            "ANJU_BROKER_PORT": str(broker_port),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", self._code], env=self._environment, stdout=out, stderr=out
            )

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end; one that stands still could not."""
        self.thaw()
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it stand still, as a machine does that is being moved or saved."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had been."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Wait until it ends by itself; gives its exit status."""
        process, self._process = self._process, None
        assert process is not None
        return process.wait(timeout=60)

    def said(self) -> str:
        return self.log.read_text()

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None:
            process.send_signal(number)
            process.wait(timeout=15)
            self._process = None
