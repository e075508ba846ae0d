"""Whose turn it is on a line: those that answer first, those that do not in between.

Several devices share one line and one request is under way at a time. A device that does
not answer costs the whole time-out, so the silent ones together get one turn in
``SILENT_SHARE`` time-outs; all others are read as often as they should be.
"""

from collections.abc import Mapping

SILENT_SHARE = 10
FIRST_RETRY_S = 2.0
LAST_RETRY_S = 60.0


class Turns:
    """When each device is to be asked next; times are of a monotonic clock, in seconds."""

    def __init__(self, polls: Mapping[str, float], *, timeout_s: float, now: float) -> None:
        self._polls = dict(polls)
        self._due = dict.fromkeys(polls, now)
        self._failures = dict.fromkeys(polls, 0)
        self._pause_s = SILENT_SHARE * timeout_s
        self._silent_at = now
        self._new = set(polls)
        self._new_last = False

    def next(self, now: float) -> tuple[str | None, float]:
        """Give who is to be asked now, or nobody and how long to wait."""
        silent = [name for name, failures in self._failures.items() if failures]
        answering = [name for name in self._due if name not in silent]
        if silent:
            name = min(silent, key=self._due.__getitem__)
            wait_s = max(self._due[name], self._silent_at) - now
            if wait_s <= 0:
                return name, 0.0
        else:
            wait_s = float("inf")
        # who has never answered yet may be silent: in turn with those who have
        for new in (not self._new_last, self._new_last):
            group = [name for name in answering if (name in self._new) is new]
            if not group:
                continue
            name = min(group, key=self._due.__getitem__)
            if self._due[name] <= now:
                self._new_last = new
                return name, 0.0
            wait_s = min(wait_s, self._due[name] - now)
        return None, wait_s

    def answered(self, name: str, now: float) -> bool:
        """Note that a device answered; True when it had not before."""
        was_silent = self._failures[name] > 0
        self._new.discard(name)
        self._failures[name] = 0
        # from when it was due, that the rhythm does not drift; never to catch up
        self._due[name] = max(self._due[name] + self._polls[name], now)
        return was_silent

    def failed(self, name: str, now: float) -> bool:
        """Note that a device did not answer; True when it is the first time."""
        self._failures[name] += 1
        self._new.discard(name)
        again_s = FIRST_RETRY_S * 2 ** min(self._failures[name] - 1, 10)
        self._due[name] = now + max(self._polls[name], min(again_s, LAST_RETRY_S))
        self._silent_at = now + self._pause_s
        return self._failures[name] == 1
