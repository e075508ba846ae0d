"""Child processes that live as long as we do, and are started again when they die."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

log = logging.getLogger(__name__)

CONFIG_FAULT = 2
"""Exit status of a process whose settings are wrong: to start it again would not help."""

_BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_HEALTHY_S = 60.0
_PR_SET_PDEATHSIG = 1


class Child:
    """One process, started again when it dies, later each time.

    ``log_file`` takes what it prints; without one it prints where we do.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_file: Path | None = None,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log_file = log_file
        self._deaths = 0
        self._restart_at: float | None = None
        self._start()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        self._restart_at = None
        output = self._log_file.open("ab") if self._log_file else None
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own programs
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self._environment),
                preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one libc call
                start_new_session=True,  # Ctrl-C is for the parent: it stops them in order
            )
        finally:
            if output is not None:
                output.close()
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
            where = f"; its log: {self._log_file}" if self._log_file else ""
            log.error("%s ended with %d; again in %g s%s", self.name, status, wait, where)
        elif moment >= self._restart_at:
            self._start()
        return None


class Children:
    """The processes of one parent; ``logs`` is the folder of their logs, if they have any."""

    def __init__(self, logs: Path | None = None) -> None:
        if logs is not None:
            logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], **environment: str) -> Child:
        """Start a program (of this environment if it is one) with more variables set."""
        full = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        log_file = self._logs / f"{name}.log" if self._logs else None
        child = Child(name, [program(command[0]), *command[1:]], full, log_file)
        self._children.append(child)
        return child

    def tend(self) -> Child | None:
        """Start again what has died; gives a child that cannot run as it is configured."""
        return next((child for child in self._children if child.tend() is not None), None)

    def failed(self) -> Child | None:
        """Give a child that is not running now, if there is one."""
        return next((c for c in self._children if c.process.poll() is not None), None)

    def stop(self, *, timeout_s: float = 15.0) -> None:
        """Stop all, last started first; kill what does not end in time."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
            try:
                child.process.wait(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop within %g s: killed", child.name, timeout_s)
                child.process.kill()
                child.process.wait()
        self._children.clear()


def program(name: str) -> str:
    """Give the path of a program of this environment, or the name for the shell's path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def die_with_parent() -> None:
    """Ask Linux to end this child when the parent is killed outright (for ``preexec_fn``)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
