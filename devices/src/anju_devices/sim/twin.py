"""A simulated device: its present state, and what it says."""

import random
from datetime import datetime

from anju_devices.catalog import model
from anju_devices.messages import Reading
from anju_devices.sim.heartbeat import ONLY_WHEN_THEY_CHANGE, Values, drift, initial
from anju_devices.sim.moment import Moment
from anju_devices.sim.site import DeviceEntry

DRAIN_PER_DAY = 0.08
"""Percent of battery a device uses in a day: about three years."""
FLAT_SHARE = 0.003
"""How many batteries are nearly empty from the beginning."""
_DAY_MS = 86_400_000


class Twin:
    """One device; all about it follows from the seed, its id, and what happened to it.

    ``depth`` counts who holds a door open. ``reserved_by`` is the incident that alone may
    touch the device since ``reserved_at``.
    """

    __slots__ = (
        "_battery",
        "_born_at",
        "_on_battery",
        "_rng",
        "depth",
        "entry",
        "interval_ms",
        "model",
        "phase_ms",
        "reserved_at",
        "reserved_by",
        "silent_until",
        "values",
    )

    def __init__(self, entry: DeviceEntry, seed: int, start_ms: int) -> None:
        rng = random.Random(f"{seed}-{entry.slug}")
        self.entry = entry
        self.model = model(entry.model)
        self.interval_ms = (entry.interval_s or self.model.interval_s) * 1000
        self.phase_ms = rng.randrange(self.interval_ms)
        self.values: Values = initial(entry, rng)
        self.depth = 0
        self.reserved_by: object = None
        self.reserved_at = 0
        self.silent_until = 0
        self._rng = rng
        self._born_at = start_ms
        self._on_battery = self.model.field("rssi") is not None
        flat = rng.random() < FLAT_SHARE
        self._battery = rng.uniform(12, 19) if flat else rng.uniform(58, 100)

    def muted(self, at: int) -> bool:
        """Whether the device cannot be heard at ``at``."""
        return at < self.silent_until

    def take(self, moment: Moment) -> Reading | None:
        """Let something happen to the device; give what it says about it, if anything."""
        if moment.silent is not None:
            self.silent_until = moment.silent
        if moment.used:
            self.values["total"] = round(float(self.values["total"]) + moment.used, 4)
        self.values.update(moment.values)
        if (not moment.values and moment.event is None) or self.muted(moment.at):
            return None
        return Reading(
            device=self.entry.slug,
            at=moment.at,
            values=dict(moment.values),
            event=moment.event,
            data=dict(moment.data),
        )

    def heartbeat(self, at: int, local: datetime) -> Reading | None:
        """Give what the device says when its interval has passed."""
        self.values.update(drift(self.entry.model, self.values, self._rng, local))
        if self.muted(at):
            return None
        values = {n: v for n, v in self.values.items() if n not in ONLY_WHEN_THEY_CHANGE}
        if self._on_battery:
            spent = (at - self._born_at) / _DAY_MS * DRAIN_PER_DAY
            values["battery"] = max(1, round(self._battery - spent))
            values["rssi"] = -58 - self.phase_ms % 34 + self._rng.randint(-3, 3)
        return Reading(device=self.entry.slug, at=at, values=values) if values else None
