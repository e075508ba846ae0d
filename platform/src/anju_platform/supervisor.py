"""Runs the platform's processes as children of one, for a small site: ``anju up``."""

import logging
import signal
import sys
import threading
from collections.abc import Sequence

from anju_platform.children import CONFIG_FAULT, Children

log = logging.getLogger(__name__)

_LOOK_S = 0.2


def names(ingests: int) -> list[str]:
    """Give what to run, with so many processes of ingest."""
    return [*["ingest"] * ingests, "worker", "web"]


def run(names: Sequence[str]) -> int:
    """Keep the processes running until SIGTERM or SIGINT; gives the exit status."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    children = Children()
    try:
        for name in names:
            children.start(name, [sys.executable, "-m", "anju_platform.cli", name])
        while not stopping.wait(_LOOK_S):
            misconfigured = children.tend()
            if misconfigured is not None:
                log.error("%s cannot run with these settings; stopping", misconfigured.name)
                return CONFIG_FAULT
    finally:
        children.stop()
    return 0
