"""Keeps drivers running: one that fails is started again and never stops another."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from anju_devices.errors import RecordingError
from anju_devices.messages import Command, CommandResult
from anju_edge.errors import EdgeError

FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
STEADY_S = 60.0
"""A driver that ran this long before it failed is started again as if for the first time."""

_log = logging.getLogger(__name__)


class Driver(Protocol):
    """Anything that brings readings in."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; returning early means there is nothing more to do."""


@runtime_checkable
class Commanded(Protocol):
    """A driver whose devices can be told to do something."""

    def has(self, device: str) -> bool:
        """Tell whether a device is behind this driver."""

    def command(self, command: Command) -> CommandResult:
        """Have a device do something and wait for its answer, at most until it expires."""


class Supervisor:
    """One thread per driver."""

    def __init__(
        self, drivers: Sequence[Driver], *, on_failure: Callable[[str, str], None]
    ) -> None:
        self._stop = threading.Event()
        self._on_failure = on_failure
        self._told: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._keep_running, args=(d,), name=d.name, daemon=True)
            for d in drivers
        ]

    def start(self) -> None:
        """Start every driver."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ask every driver to end and wait for them, all together at most ``timeout_s``."""
        self._stop.set()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _tell(self, driver: str, reason: str) -> None:
        """Report a failure, once for each reason while it does not run steadily."""
        if self._told.get(driver) != reason:
            self._told[driver] = reason
            self._on_failure(driver, reason)

    def _keep_running(self, driver: Driver) -> None:
        delay_s = FIRST_RETRY_S
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                driver.run(self._stop)
            except (EdgeError, RecordingError) as error:
                _log.error("%s: %s", driver.name, error)
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - must not take the others along
                _log.exception("%s failed", driver.name)
                reason = repr(error)
            else:
                return
            if time.monotonic() - began > STEADY_S:
                delay_s = FIRST_RETRY_S
                self._told.pop(driver.name, None)
            self._tell(driver.name, reason)
            wait_s = delay_s * random.uniform(0.75, 1.25)  # noqa: S311 - spreads restarts
            _log.warning("%s: starting again in %.1f s", driver.name, wait_s)
            self._stop.wait(wait_s)
            delay_s = min(delay_s * 2, LAST_RETRY_S)
