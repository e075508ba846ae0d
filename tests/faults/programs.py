"""The product's programs and servers as processes that can be killed, frozen and started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from anju_platform.children import die_with_parent, program
from anju_platform.demo.postgres import EmbeddedPostgres


class Program:
    """One process of ours; what it prints is kept in a file."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._command = [program(command[0]), *command[1:]]
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ANJU_")},
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, instead: Sequence[str] = (), **environment: str) -> None:
        """Start it, or another command in its place."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                list(instead) or self._command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**self._environment, **environment},
                preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one libc call
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it was started and does not run any more."""
        return self._process is not None and self._process.poll() is not None

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end; gives its status, nothing when it still runs."""
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout_s)
        return None

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end; kill it if it does not."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it stand still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had been."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """Give all it printed."""
        return self.log.read_text("utf-8", errors="replace") if self.log.exists() else ""

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Database(EmbeddedPostgres):
    """A real PostgreSQL with fsync that can be killed and started again on the same files."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, durable=True)
        self.data = directory

    def socket(self) -> Path:
        """Give the Unix socket it listens on."""
        lines = (self.data / "postmaster.pid").read_text("utf-8").splitlines()
        return Path(lines[4]) / f".s.PGSQL.{lines[3]}"

    def said(self) -> str:
        """Give the server's log."""
        return (self.data / "log").read_text("utf-8", errors="replace")

    def processes(self) -> list[int]:
        """Give the ids of the server's processes, the postmaster's first."""
        try:
            first = (self.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0]
        except OSError:
            return []
        postmaster = int(first)
        if parent_of(postmaster) is None:
            return []
        children = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        return [postmaster, *(pid for pid in children if parent_of(pid) == postmaster)]

    def kill(self) -> None:
        """Kill the whole server at once: nothing of it writes another byte."""
        self._signal_all(signal.SIGKILL)

    def kill_postmaster(self) -> None:
        """Kill the postmaster alone; its backends find out and end."""
        pids = self.processes()
        os.kill(pids[0], signal.SIGKILL)
        self._await_end(pids)

    def stop_at_once(self) -> None:
        """Stop it in PostgreSQL's "immediate" mode: without a last checkpoint."""
        pids = self.processes()
        os.kill(pids[0], signal.SIGQUIT)
        self._await_end(pids)

    def freeze(self) -> None:
        """Let all of it stand still."""
        self._signal_all(signal.SIGSTOP, wait=False)

    def thaw(self) -> None:
        """Let all of it go on."""
        self._signal_all(signal.SIGCONT, wait=False)

    def again(self) -> None:
        """Start the server again; as a supervisor would, as often as it takes."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with self._server._lock:
                    self._server.ensure_postgres_running()
            except subprocess.SubprocessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                return

    def _signal_all(self, number: signal.Signals, *, wait: bool = True) -> None:
        pids = self.processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if wait:
            self._await_end(pids)

    def _await_end(self, pids: Sequence[int]) -> None:
        deadline = time.monotonic() + 20
        while any(parent_of(pid) is not None for pid in pids):
            assert time.monotonic() < deadline, "PostgreSQL's processes do not end"
            time.sleep(0.02)


def parent_of(pid: int) -> int | None:
    """Give a process's parent; nothing when it has ended, or waits only to be collected."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = said.rpartition(")")[2].split()[:2]
    return None if state == "Z" else int(parent)
