"""The simulated community in motion: stories and heartbeats, merged in the order of time."""

import heapq
import itertools
from collections.abc import Iterator
from datetime import datetime

from anju_devices.messages import Command, CommandResult, Reading
from anju_devices.sim import answers, routine
from anju_devices.sim.incident import Incident
from anju_devices.sim.moment import Moment, Story
from anju_devices.sim.site import Site
from anju_devices.sim.twin import Twin

HELLO_MS = 20_000
"""All devices say how they are within this time from the start."""
_OPENS = frozenset({"opened", "barrier_opened"})
_CLOSES = frozenset({"closed", "barrier_closed"})


class World:
    """Plays a site from ``start_ms`` on; the same seed and incidents give the same readings."""

    def __init__(self, site: Site, seed: int, start_ms: int) -> None:
        self.site, self._seed = site, seed
        self.now_ms = start_ms
        self.twins = {d.slug: Twin(d, seed, start_ms) for d in site.devices.values()}
        self._order = itertools.count()
        self._heartbeats: list[tuple[int, int, Twin]] = []
        self._stories: list[tuple[int, int, Moment, Story, Incident | None]] = []
        for twin in self.twins.values():
            self._plan(start_ms + twin.phase_ms % HELLO_MS, twin)
        lanes = dict(site.lanes)
        for home in site.homes:
            self._follow(routine.story(home, seed, site.zone, start_ms, lanes), None)

    def lately(self, hours: float) -> Iterator[Reading]:
        """Give what motion sensors saw in so many hours before the start, in order."""
        start, seed = self.now_ms, self._seed
        for home in self.site.homes:
            for moment in routine.lately(home, seed, self.site.zone, start, hours):
                yield Reading(device=moment.device, at=moment.at, values=dict(moment.values))

    def next_at(self) -> int:
        """Give when something happens next."""
        story_at = self._stories[0][0] if self._stories else self._heartbeats[0][0]
        return min(story_at, self._heartbeats[0][0])

    def until(self, at: int) -> Iterator[Reading]:
        """Let time pass up to ``at`` and give what devices say, in order."""
        while self.next_at() <= at:
            reading = self._step()
            if reading is not None:
                yield reading
        self.now_ms = max(self.now_ms, at)

    def free(self, device: str) -> bool:
        """Whether no incident has the device to itself, and it can be heard."""
        twin = self.twins.get(device)
        return twin is not None and twin.reserved_by is None and not twin.muted(self.now_ms)

    def play(self, incident: Incident) -> None:
        """Let an incident happen; its devices are its own until it is over."""
        for device in incident.reserved:
            twin = self.twins[device]
            twin.reserved_by, twin.reserved_at = incident, self.now_ms
        self._follow(iter(incident.moments), incident)

    def command(self, command: Command) -> CommandResult:
        """Let a device carry out a command; what it then says comes with :meth:`until`."""
        twin = self.twins.get(command.device or "")
        if twin is None:
            return answers.refuse(command, self.now_ms, "no such device here")
        if twin.muted(self.now_ms):
            return answers.refuse(command, self.now_ms, "the device does not answer")
        result, moments = answers.answer(twin, command, self.now_ms)
        self._follow(iter(moments), twin.reserved_by)
        return result

    def _plan(self, at: int, twin: Twin) -> None:
        heapq.heappush(self._heartbeats, (at, next(self._order), twin))

    def _follow(self, story: Story, incident: object) -> None:
        moment = next(story, None)
        owner = incident if isinstance(incident, Incident) else None
        if moment is not None:
            heapq.heappush(self._stories, (moment.at, next(self._order), moment, story, owner))
        elif owner is not None and self.now_ms >= owner.ends_at:
            self._release(owner)

    def _release(self, incident: Incident) -> None:
        for device in incident.reserved:
            twin = self.twins[device]
            if twin.reserved_by is incident:
                twin.reserved_by, twin.depth = None, 0

    def _step(self) -> Reading | None:
        """Let the next thing happen."""
        if self._stories and self._stories[0][0] <= self._heartbeats[0][0]:
            at, _, moment, story, incident = heapq.heappop(self._stories)
            self.now_ms = max(self.now_ms, at)
            twin = self.twins.get(moment.device)
            reading = None
            if twin is not None and _allowed(twin, moment, incident):
                reading = twin.take(moment)
            self._follow(story, incident)
            return reading
        at, _, twin = heapq.heappop(self._heartbeats)
        self.now_ms = max(self.now_ms, at)
        self._plan(self._after(at, twin), twin)
        return twin.heartbeat(at, datetime.fromtimestamp(at / 1000, self.site.zone))

    def _after(self, at: int, twin: Twin) -> int:
        """Give the next time on the device's own beat, later than ``at``."""
        beats = (at - twin.phase_ms) // twin.interval_ms + 1
        return twin.phase_ms + beats * twin.interval_ms


def _allowed(twin: Twin, moment: Moment, incident: Incident | None) -> bool:
    """Whether a moment happens: not at a device an incident has, nor twice through one opening.

    Several people may go through one door: it opens with the first, closes with the last.
    """
    if twin.reserved_by is not incident:
        ending = moment.event in _CLOSES and moment.at < _begins(twin.reserved_by)
        quiet = moment.used > 0
        if not ending and not quiet:
            return False
    if moment.event in _OPENS:
        twin.depth += 1
        return twin.depth == 1
    if moment.event in _CLOSES:
        twin.depth = max(0, twin.depth - 1)
        return twin.depth == 0
    return True


def _begins(owner: object) -> int:
    return owner.begins_at if isinstance(owner, Incident) else 0
