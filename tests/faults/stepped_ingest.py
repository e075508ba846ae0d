"""``anju ingest`` that kills itself at one step of receive, store, commit, acknowledge.

``python stepped_ingest.py STEP N``: at the N-th time that step is reached, counted from the
first acknowledgement on. The product has no such switch: its own classes are wrapped here,
in the child, and the names below are all that must be kept in step with them.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from anju_devices.link import Link
from anju_platform.config import Settings
from anju_platform.ingest import run
from anju_platform.walk import Walk

STEPS: dict[str, tuple[type, str, str]] = {
    "received": (Link, "_deliver", "before"),
    "begun": (Walk, "take_in", "before"),
    "written": (Walk, "take_in", "after"),
    "commit-begun": (Session, "commit", "before"),
    "commit-underway": (Session, "commit", "during"),
    "committed": (Session, "commit", "after"),
    "told": (Link, "publish", "after"),
    "acknowledged": (Link, "ack", "after"),
}
"""Where each step is: class, method, and on which side of the call it dies."""


def die() -> None:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(10)


def arm(step: str, number: int) -> None:
    """Wrap the step's method."""
    owner, name, side = STEPS[step]
    original: Callable[..., Any] = getattr(owner, name)
    count = 0

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += bool(begun.is_set())
        is_time = count == number and begun.is_set()
        if is_time and side == "before":
            die()
        if is_time and side == "during":
            threading.Timer(0.0002 * number, die).start()
        result = original(*args, **kwargs)
        if is_time and side == "after":
            die()
        return result

    setattr(owner, name, wrapped)


def begin_at_first_word() -> None:
    """Count from the first message to a gateway: until then this process only starts up."""
    original = Link.publish

    @functools.wraps(original)
    def publish(*args: Any, **kwargs: Any) -> bool:
        begun.set()
        return original(*args, **kwargs)

    Link.publish = publish  # type: ignore[method-assign]


begun = threading.Event()

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    begin_at_first_word()
    arm(sys.argv[1], int(sys.argv[2]))
    run(Settings.load())
