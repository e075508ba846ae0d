"""The demo's script: what goes wrong when, so that a wall fills believably and goes on."""

import random
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from anju_devices.sim.incident import Incident
from anju_devices.sim.scenarios import SCENARIOS
from anju_devices.sim.scenarios.choice import Scenario
from anju_devices.sim.scenarios.gates import fire_lane
from anju_devices.sim.world import World

LEAD_MS = 40_000
"""An incident is planned this long before it begins, so that its doors are quiet by then."""
STEP_MS = 5_000
"""So much may happen before the script is looked at again, however far behind the player is:
what an incident's cue is about begins up to half a minute earlier, and must not be past."""

_OPENING = (
    (5, "sos"),
    (10, "silent_device"),
    (16, "forced_door"),
    (24, "held_door"),
    (34, "ebike_in_lift"),
    (45, "fire_lane"),
    (52, "camera_blocked"),
    (66, "denied"),
    (80, "fall"),
    (115, "leakage"),
    (160, "smoke"),
)
"""Seconds after the start, and what begins then."""

_CALM = {
    "held_door": 6,
    "denied": 5,
    "forced_door": 4,
    "ebike_in_lift": 4,
    "camera_blocked": 4,
    "silent_device": 4,
    "fire_lane": 3,
    "leakage": 2,
    "sos": 2,
    "smoke": 1,
    "fall": 1,
    "lift_trapped": 1,
}
"""What goes wrong later on, by how often."""
_CALM_S = (150, 420)
_PARKED_ALREADY_S = 250


class Cue(NamedTuple):
    """When something begins, and what."""

    at: int
    name: str
    scenario: Scenario


def demo(rng: random.Random, start_ms: int) -> Iterator[Cue]:
    """Give the demo's cues from ``start_ms`` on, without end."""
    at = start_ms
    for offset_s, name in _OPENING:
        at = start_ms + offset_s * 1000
        scenario = SCENARIOS[name]
        if name == "fire_lane":
            scenario = partial(fire_lane, already_s=_PARKED_ALREADY_S)
        yield Cue(at, name, scenario)
    names, weights = list(_CALM), list(_CALM.values())
    while True:
        at += rng.randint(*_CALM_S) * 1000
        name = rng.choices(names, weights)[0]
        yield Cue(at, name, SCENARIOS[name])


class Director:
    """Puts the script on: plans each incident shortly before it begins."""

    def __init__(self, world: World, cues: Iterator[Cue], rng: random.Random) -> None:
        self._world = world
        self._cues = cues
        self._rng = rng
        self._next = next(cues, None)

    def plan(self) -> list[Incident]:
        """Plan what begins within the lead time; give what was planned."""
        planned = []
        while self._next is not None and self._next.at <= self._world.now_ms + LEAD_MS:
            cue, self._next = self._next, next(self._cues, None)
            world = self._world
            incident = cue.scenario(world.site, self._rng, cue.at, world.free)
            if incident is not None:
                world.play(incident)
                planned.append(incident)
        return planned
