"""Child processes that live as long as we do, and are started again when they die."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_RESTART_S = (1.0, 2.0, 5.0, 10.0)


@dataclass
class Child:
    """One program: how it is started, and the process it is at the moment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    deaths: int = 0
    restart_at: float = field(default=0.0)


class Children:
    """The processes of one demo; each writes its own log below ``logs``."""

    def __init__(self, logs: Path, *, report: Callable[[str], None]) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._report = report
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], **environment: str) -> Child:
        """Start a program of this environment (``anju``, ``anju-edge`` ...)."""
        full = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        child = Child(name, command, full, self._spawn(name, command, full))
        self._children.append(child)
        return child

    def _spawn(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self._logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [_program(command[0]), *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
                # Ctrl-C is for us alone: we stop them in the right order.
                start_new_session=True,
            )

    def tend(self) -> None:
        """Start again what has died, later each time; call this every second or so."""
        moment = time.monotonic()
        for child in self._children:
            if child.process.poll() is None:
                continue
            if child.restart_at == 0.0:
                wait = _RESTART_S[min(child.deaths, len(_RESTART_S) - 1)]
                child.deaths += 1
                child.restart_at = moment + wait
                self._report(
                    f"{child.name} ended with {child.process.returncode}; again in {wait:g} s, "
                    f"its log: {self._logs / (child.name + '.log')}"
                )
            elif moment >= child.restart_at:
                child.process = self._spawn(child.name, child.command, child.environment)
                child.restart_at = 0.0

    def failed(self) -> Child | None:
        """Give a child that is not running now, if there is one."""
        return next((c for c in self._children if c.process.poll() is not None), None)

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Stop all, last started first; kill what does not end in time."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
            try:
                child.process.wait(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                self._report(f"{child.name} did not stop within {timeout_s:g} s: killed")
                child.process.kill()
                child.process.wait()
        self._children.clear()


def _program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
