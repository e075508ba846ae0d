from __future__ import annotations

import threading
import time

import pytest

from anju_edge import supervisor as supervisor_module
from anju_edge.errors import DriverError
from anju_edge.supervisor import Supervisor


class Flaky:
    """Runs for as long as it is told each time, then fails with the same words."""

    name = "flaky"

    def __init__(self, *runs_s: float) -> None:
        self.runs = list(runs_s)

    def run(self, stop: threading.Event) -> None:
        if not self.runs:
            stop.wait()
            return
        stop.wait(self.runs.pop(0))
        raise DriverError("the bus does not answer")


def test_a_failure_is_told_once_and_once_more_after_a_steady_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(supervisor_module, "STEADY_S", 0.2)
    told: list[tuple[str, str]] = []
    flaky = Flaky(0, 0, 0.3, 0)
    supervisor = Supervisor([flaky], on_failure=lambda *said: told.append(said))
    supervisor.start()
    deadline = time.monotonic() + 10
    while flaky.runs and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    supervisor.stop()
    assert told == [("flaky", "the bus does not answer")] * 2
