"""A thread beside a process's work, from ``with`` on until its end."""

import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self


class Background(AbstractContextManager["Background"], ABC):
    """Runs :meth:`_run` in a thread of its own, which ends soon after ``_stopping`` is set.

    ``patience_s`` is how long its end is waited for; None: as long as it takes.
    """

    def __init__(self, name: str, *, patience_s: float | None = None) -> None:
        self._patience_s = patience_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(self._patience_s)
        self._close()

    @abstractmethod
    def _run(self) -> None:
        """Work until told to stop."""

    def _close(self) -> None:
        """Let go of what the thread used."""
