"""``anju up``: children that are started again, and stop together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from outer_site import Site

from anju_platform.demo.mosquitto import free_port

RUN = (
    "import logging, sys; logging.basicConfig(level='INFO');"
    "from anju_platform import supervisor; sys.exit(supervisor.run(('worker', 'web')))"
)


def wait_for(what: str, log: Path, *, times: int = 1) -> list[str]:
    deadline = time.monotonic() + 60
    while len(found := re.findall(what, log.read_text())) < times:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return found


def is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def started(site: Site, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path, str]]:
    port = free_port()
    settings = {k: v for k, v in os.environ.items() if not k.startswith("ANJU_")}
    settings |= {"ANJU_DATABASE_URL": site.url, "ANJU_WEB_PORT": str(port)}
    log = tmp_path / "log"
    with log.open("wb") as handle:
        process = subprocess.Popen([sys.executable, "-c", RUN], env=settings, stderr=handle)
    try:
        yield process, log, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def wait_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the web process never became ready")


def test_a_dead_child_is_started_again_and_ctrl_c_stops_all(
    started: tuple[subprocess.Popen[bytes], Path, str],
) -> None:
    process, log, url = started
    wait_ready(url)
    [first] = wait_for(r"web runs as process (\d+)", log)
    os.kill(int(first), signal.SIGKILL)
    second = wait_for(r"web runs as process (\d+)", log, times=2)[1]
    wait_ready(url)
    [worker] = wait_for(r"worker runs as process (\d+)", log)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert not any(is_alive(pid) for pid in (first, second, worker))


def test_wrong_settings_stop_it_instead_of_trying_for_ever() -> None:
    settings = {k: v for k, v in os.environ.items() if not k.startswith("ANJU_")}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=settings | {"ANJU_DATABASE_URL": "mysql://x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "cannot run with these settings" in done.stderr
