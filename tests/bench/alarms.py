"""Buttons that are pressed while something else goes on, and when who knew of them."""

from __future__ import annotations

import random
import threading
import time
from types import TracebackType
from typing import Self

from tests.bench.hops import Hops
from tests.bench.latency import CLOSE_AFTER, Device, Figures, percentiles
from tests.bench.screens import Guard
from tests.bench.site import GATEWAY

from anju_platform.demo.stage import Stage

_PATIENCE_S = 60.0
_dice = random.Random(2)


class Alarms:
    """Presses about ``per_s`` buttons a second, each of them once, from entering to leaving.

    Leaving waits until the last press was seen; one that never is ends the measurement.
    """

    def __init__(self, stage: Stage, *, per_s: float) -> None:
        self._every_s = 1 / per_s
        self._guard = Guard(stage.url, stage.site.passwords["guard"])
        self._device = Device(stage, GATEWAY, "sos_button")
        self._hops = Hops(stage, GATEWAY)
        self._pressed: dict[str, float] = {}
        self._kept: dict[str, float] = {}
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._received: dict[str, float] = {}
        self._presser = threading.Thread(target=self._press, daemon=True)

    def __enter__(self) -> Self:
        self._hops.__enter__()
        self._presser.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._presser.join()
        if kind is None:
            self._await_all()
        self._hops.__exit__(kind, error, trace)
        self._received = self._hops.received()
        if self._fault is not None and error is None:
            raise self._fault

    @property
    def pressed(self) -> int:
        """How many were pressed."""
        return len(self._pressed)

    def _press(self) -> None:
        try:
            buttons = [slug for slug in self._device.slugs if slug.startswith("bench-")]
            for number, name in enumerate(buttons):
                self._pressed[name] = self._device.say(name, event="pressed")
                self._kept[name] = self._device.wait_until_kept()
                if number % CLOSE_AFTER == CLOSE_AFTER - 1:
                    self._guard.close_all()
                if self._stop.wait(self._every_s * _dice.uniform(0.7, 1.3)):
                    return
        except Exception as error:  # noqa: BLE001 - raised where the alarms end
            self._fault = error

    def _await_all(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while self._pressed.keys() - self._guard.seen.keys() or (
            self._pressed.keys() - self._hops.told.keys()
        ):
            if time.monotonic() > deadline:
                lost = self._pressed.keys() - self._guard.seen.keys()
                raise SystemExit(f"{len(lost)} presses were never on a screen: {sorted(lost)[:5]}")
            time.sleep(0.1)

    def figures(self, since: float = 0.0, until: float = float("inf")) -> dict[str, Figures]:
        """Give the percentiles, in ms, of the presses between two times (epoch seconds)."""
        chosen = {n: at for n, at in self._pressed.items() if since <= at < until}
        announced = {n: self._hops.announced(seq) for seq, n in self._guard.numbers.items()}
        steps = {
            "broker": (self._pressed, self._hops.published),
            "received": (self._pressed, self._received),
            "announced": (self._pressed, announced),
            "committed": (self._pressed, self._hops.told),
            "http_stream": (self._pressed, self._guard.seen),
            "edge's disk → announced": (self._kept, announced),
        }
        if len(chosen) < 2:  # of fewer there are no percentiles
            return {}
        return {
            step: percentiles([(ends[name] - begins[name]) * 1000 for name in chosen])
            for step, (begins, ends) in steps.items()
        }
