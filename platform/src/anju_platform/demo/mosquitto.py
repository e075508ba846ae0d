"""A Mosquitto of our own as a child process."""

import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from anju_platform.children import die_with_parent
from anju_platform.errors import ConfigError

_PORTS = range(20_000, 32_000)
_PATHS = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


def find_mosquitto() -> str | None:
    """Give the path of the machine's Mosquitto, if it has one."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PATHS)


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port nobody listens on at the moment.

    It is below those that outgoing connections are given, so that it can be listened on
    again after a restart.
    """
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port


class Mosquitto:
    """One broker process with a configuration file; may be stopped, killed and restarted."""

    def __init__(self, config: Path, *, host: str, port: int) -> None:
        self._config = config
        self.host = host
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, timeout_s: float = 10.0) -> None:
        """Start the broker and wait until it listens.

        Raises:
            ConfigError: there is no Mosquitto here, or it ended at once; its log says why.
        """
        program = find_mosquitto()
        if program is None:
            raise ConfigError("mosquitto is not installed: apt-get install mosquitto")
        log = self._config.with_suffix(".log")
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [program, "-c", str(self._config)],
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one libc call
                start_new_session=True,  # it outlives those who are told to stop before it
            )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ConfigError(f"mosquitto ended at once; see {log}")
            try:
                socket.create_connection((self.host, self.port), timeout=0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise ConfigError(f"mosquitto does not listen on {self.host}:{self.port}; see {log}")

    def stop(self) -> None:
        """End the broker in order, so that it saves what it holds."""
        self._end(kill=False)

    def kill(self) -> None:
        """End the broker as a power cut would (kill -9)."""
        self._end(kill=True)

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        process.wait(timeout=10)
