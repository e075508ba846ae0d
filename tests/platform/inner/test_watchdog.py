"""A thread that stands still ends its process, and a process that was frozen is left alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from ingest_process import IngestProcess, provide_community
from wire_sender import Sender, until

from anju_devices.messages import Lane, Reading
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.watchdog import STOOD_STILL, Watchdog

BLOCKED = """
import threading
from anju_platform.inbox import Inbox
from anju_platform import term
term.NETWORK_STILL_S = 2.0
Inbox.put = lambda self, message: threading.Event().wait()
"""
"""Its network thread stops for good at the first message, while all else goes on."""


class Thread:
    """A real thread that comes round until it is told to stand still."""

    def __init__(self) -> None:
        self.turns = 0
        self.go, self.end = threading.Event(), threading.Event()
        self.go.set()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self.end.wait(0.001):
            self.go.wait()
            self.turns += 1

    def stop(self) -> None:
        self.go.set()
        self.end.set()
        self._thread.join()


def test_a_blocked_thread_is_noticed_and_a_moving_one_is_not() -> None:
    ended = threading.Event()
    watchdog = Watchdog(look_s=0.05, end=ended.set)
    moving, blocked = Thread(), Thread()
    watchdog.watch("moving", lambda: moving.turns, 0.5)
    watchdog.watch("blocked", lambda: blocked.turns, 0.5)
    try:
        with watchdog:
            until(lambda: watchdog.still_s("blocked") == 0 and blocked.turns > 100)
            assert not ended.is_set()
            blocked.go.clear()
            assert ended.wait(30)
            assert watchdog.still_s("blocked") > 0.5
            assert watchdog.still_s("moving") < 0.5
    finally:
        moving.stop()
        blocked.stop()


def test_a_thread_that_ended_is_noticed_and_one_that_rests_is_not() -> None:
    ended = threading.Event()
    watchdog = Watchdog(look_s=0.01, end=ended.set)
    dead = Thread()
    dead.stop()
    watchdog.watch("dead", lambda: dead.turns, 0.05)
    watchdog.rest("dead")
    with watchdog:
        assert not ended.wait(0.5)
        assert watchdog.standing() == {}
        watchdog.watch("dead", lambda: dead.turns, 0.05)
        assert ended.wait(30)


def test_looks_count_not_time() -> None:
    """A machine that was frozen for a night finds its threads where they were."""
    ended: list[int] = []
    watchdog = Watchdog(look_s=10.0, end=lambda: ended.append(1))
    turns = iter((1, 1, 2, 2, 2, 2, 2))
    watchdog.watch("one", lambda: next(turns), 30.0)
    standing = []
    for _ in range(7):
        watchdog._look()
        standing.append(watchdog.still_s("one"))
    assert standing == [0, 10, 0, 10, 20, 30, 40]
    assert ended == [1]


def test_the_process_ends_with_a_status_of_its_own_and_says_where_its_threads_stood() -> None:
    code = (
        "import threading; from anju_platform.watchdog import Watchdog;"
        "w = Watchdog(look_s=0.02); w.watch('network', lambda: 1, 0.1); w.__enter__();"
        "threading.Event().wait()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == STOOD_STILL
    assert "most recent call first" in done.stderr


def test_an_ingest_whose_network_thread_is_blocked_ends_and_its_successor_loses_nothing(
    database: str, broker: Mosquitto, tmp_path: Path
) -> None:
    provide_community(database)
    process = IngestProcess(database, broker.port, tmp_path / "log", before=BLOCKED)
    sender = Sender(broker.port)
    try:
        until(lambda: "ingest is at work" in process.said())
        sender.put(Lane.EVENTS, Reading(device="sos", at=1_767_225_600_000, event="pressed"))
        assert process.wait() == STOOD_STILL
        assert "the network thread has stood still" in process.said()
        successor = IngestProcess(database, broker.port, tmp_path / "successor")
        try:
            sender.wait()
        finally:
            successor.stop()
    finally:
        process.kill()
        sender.stop()
