"""What a feeder has to send, and when: as fast as it is taken, at a rate, or all of a day."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import msgspec
from tests.bench.batches import Template

MINUTE_MS = 60_000
Phase = tuple[float, float]
"""Seconds, and readings a second of this gateway in them."""


class Supply(Protocol):
    """The batches of one gateway, numbered from 1."""

    def due(self, elapsed_s: float, sent: int) -> int:
        """Give how many batches there are to send, of which ``sent`` are sent."""

    def is_over(self, elapsed_s: float) -> bool:
        """Tell whether no more will come."""

    def batch(self, seq: int) -> bytes:
        """Give the batch as it is sent now."""


class Made:
    """Batches that are encoded already."""

    def __init__(self, batches: Sequence[bytes]) -> None:
        self._batches = batches

    def due(self, elapsed_s: float, sent: int) -> int:
        del elapsed_s, sent
        return len(self._batches)

    def is_over(self, elapsed_s: float) -> bool:
        del elapsed_s
        return True

    def batch(self, seq: int) -> bytes:
        return self._batches[seq - 1]


class Unlimited:
    """Always one more, for so many seconds; its readings are of the moment it is sent."""

    def __init__(self, batches: Sequence[Template], seconds: float) -> None:
        self._templates = batches
        self._seconds = seconds
        self._at = 0

    def due(self, elapsed_s: float, sent: int) -> int:
        return sent if self.is_over(elapsed_s) else sent + 1

    def is_over(self, elapsed_s: float) -> bool:
        return elapsed_s >= self._seconds

    def batch(self, seq: int) -> bytes:
        now = _now_ms()
        self._at = max(self._at + 1, now)  # a device says each of its times once
        return self._templates[seq % len(self._templates)].fill(seq, sent_at=now, at=self._at)


class Paced:
    """Readings come at the rates of its phases, sent or not; they keep the time they came at."""

    def __init__(self, batches: Sequence[Template], phases: Sequence[Phase]) -> None:
        self._templates = batches
        self._phases = phases
        self._begun_ms = _now_ms()
        self._at = 0

    def due(self, elapsed_s: float, sent: int) -> int:
        del sent
        readings = 0.0
        for seconds, rate in self._phases:
            readings += max(0.0, min(seconds, elapsed_s)) * rate
            elapsed_s -= seconds
        return int(readings / self._templates[0].readings)

    def is_over(self, elapsed_s: float) -> bool:
        return elapsed_s >= sum(seconds for seconds, _ in self._phases)

    def batch(self, seq: int) -> bytes:
        self._at = max(self._at + 1, self._begun_ms + round(1000 * self._came_s(seq)))
        template = self._templates[seq % len(self._templates)]
        return template.fill(seq, sent_at=_now_ms(), at=self._at)

    def _came_s(self, seq: int) -> float:
        """Give when the batch was full, in seconds since the beginning."""
        left, before_s = float(seq * self._templates[0].readings), 0.0
        for seconds, rate in self._phases:
            if left <= seconds * rate:
                return before_s + left / rate
            left -= seconds * rate
            before_s += seconds
        return before_s


class Backlog:
    """What every device said each minute of some hours that are past."""

    def __init__(self, batches: Sequence[Template], rounds: int, per_round: int) -> None:
        self._templates = batches
        self._per_round = per_round
        self._total = rounds * per_round
        self._since = _now_ms() - rounds * MINUTE_MS

    def due(self, elapsed_s: float, sent: int) -> int:
        del elapsed_s, sent
        return self._total

    def is_over(self, elapsed_s: float) -> bool:
        del elapsed_s
        return True

    def batch(self, seq: int) -> bytes:
        minute = (seq - 1) // self._per_round + 1
        template = self._templates[(seq - 1) % len(self._templates)]
        return template.fill(seq, sent_at=_now_ms(), at=self._since + minute * MINUTE_MS)


class Ordered(msgspec.Struct, frozen=True, tag=True):
    """``batches`` of ``readings`` made beforehand, as fast as they are committed."""

    batches: int


class Sustained(msgspec.Struct, frozen=True, tag=True):
    """As fast as committed for so many seconds."""

    seconds: float


class Phases(msgspec.Struct, frozen=True, tag=True):
    """At rates."""

    phases: list[Phase]


class Day(msgspec.Struct, frozen=True, tag=True):
    """One reading of two values per device and minute, of so many minutes that are past."""

    minutes: int


Task = Ordered | Sustained | Phases | Day


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
