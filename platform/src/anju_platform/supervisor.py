"""Runs the platform's processes as children of one, for a small site: ``anju up``."""

import ctypes
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

log = logging.getLogger(__name__)

PROCESSES = ("ingest", "worker", "web")
CONFIG_FAULT = 2
"""Exit status of a process whose settings are wrong: to start it again would not help."""

_BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_HEALTHY_S = 60.0
_STOP_S = 15.0
_LOOK_S = 0.2
_PR_SET_PDEATHSIG = 1


class _Child:
    """One process that is started again when it dies, later each time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._deaths = 0
        self._restart_at: float | None = None
        self._start()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        self._restart_at = None
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "anju_platform.cli", self.name],
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one libc call
            start_new_session=True,  # Ctrl-C is for the parent: it stops them all
        )
        log.info("%s runs as process %d", self.name, self.process.pid)

    def tend(self) -> int | None:
        """Start it again if it has died; gives its status if that would not help."""
        status = self.process.poll()
        moment = time.monotonic()
        if status is None:
            if self._deaths and moment - self._started_at > _HEALTHY_S:
                self._deaths = 0
            return None
        if status == CONFIG_FAULT:
            return status
        if self._restart_at is None:
            wait = _BACK_OFF_S[min(self._deaths, len(_BACK_OFF_S) - 1)]
            self._deaths += 1
            self._restart_at = moment + wait
            log.error("%s ended with %d; again in %g s", self.name, status, wait)
        elif moment >= self._restart_at:
            self._start()
        return None


def run(names: Sequence[str] = PROCESSES) -> int:
    """Keep the processes running until SIGTERM or SIGINT; gives the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    children = [_Child(name) for name in names]
    try:
        while not stopping.wait(_LOOK_S):
            for child in children:
                if (status := child.tend()) is not None:
                    log.error("%s cannot run with these settings; stopping", child.name)
                    return status
    finally:
        _stop(children)
    return 0


def _stop(children: Sequence[_Child]) -> None:
    """Stop all at once; kill what does not end in time."""
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + _STOP_S
    for child in children:
        try:
            child.process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop within %g s: killed", child.name, _STOP_S)
            child.process.kill()
            child.process.wait()


def _die_with_parent() -> None:
    """Ask Linux to end this child when the supervisor is killed outright."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
