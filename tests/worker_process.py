"""Runs real worker processes for tests, which may kill them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CODE = """
import logging
from anju_platform.config import Settings
from anju_platform.worker import run
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
run(Settings.load())
"""


class WorkerProcess:
    """One ``anju worker`` as a child process, which may speak to this machine."""

    def __init__(self, database: str, log: Path) -> None:
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANJU_")},
            "ANJU_DATABASE_URL": database,
            "ANJU_INSIDE_HOSTS": "127.0.0.1",
            "ANJU_INSIDE_PUSH_HOSTS": "127.0.0.1,localhost",
        }
        self._log = log
        self._started_at = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it; :meth:`wait_until_at_work` says when it is."""
        with self._log.open("ab") as out:
            self._started_at = self._log.stat().st_size
            self._process = subprocess.Popen(
                [sys.executable, "-c", CODE], env=self._environment, stdout=out, stderr=out
            )

    def wait_until_at_work(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while b"the worker is at work" not in self._log.read_bytes()[self._started_at :]:
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(30)
