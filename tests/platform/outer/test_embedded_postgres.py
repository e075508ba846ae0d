"""The database that needs no administrator: what it takes of the machine, and for how long."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from anju_platform.demo import postgres
from anju_platform.demo.postgres import EmbeddedPostgres


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    # not below a deep folder: the socket must have a short name
    with tempfile.TemporaryDirectory(prefix="anju-pg-", ignore_cleanup_errors=True) as name:
        server = EmbeddedPostgres(Path(name) / "pg")
        try:
            yield server
        finally:
            server.stop()


def _ask(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_it_takes_the_memory_it_is_to_have_and_is_not_restarted_under_somebody(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_buffers_mib", lambda: 160)
    url = server.start()
    assert _ask(url, "SHOW shared_buffers") == "160MB"
    since = _ask(url, "SELECT pg_postmaster_start_time()")
    with psycopg.connect(url) as somebody:
        EmbeddedPostgres(server._directory).start()
        assert somebody.execute("SELECT 1").fetchone() == (1,)
    assert _ask(url, "SELECT pg_postmaster_start_time()") == since


def test_memory_the_machine_will_not_give_is_done_without(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if Path("/proc/sys/vm/overcommit_memory").read_text("ascii").strip() == "1":
        pytest.skip("this machine promises any amount of memory")
    monkeypatch.setattr(postgres, "_buffers_mib", lambda: 2**22)  # 4 TB
    url = server.start()
    assert _ask(url, "SHOW shared_buffers") == "128MB"
    assert "does not start with shared_buffers" in caplog.text
