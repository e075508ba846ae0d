"""``anju-sim run``: plays a site's devices at edge agents, for ever."""

import asyncio
import logging
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anju_devices.messages import Command, CommandResult, Reading
from anju_devices.sim.answers import refuse
from anju_devices.sim.client import NativeClient
from anju_devices.sim.clock import Clock, real_ms
from anju_devices.sim.script import STEP_MS, Cue, Director, demo
from anju_devices.sim.site import Site
from anju_devices.sim.world import World

log = logging.getLogger(__name__)

PAST_S = 2 * 86_400.0
"""How far in the past a simulation faster than life begins."""
_GATHER_S = 3.0
_LONGEST_WAIT_S = 0.5
_MOST_AT_ONCE = 2000


@dataclass(frozen=True, kw_only=True)
class Play:
    """What to play and where: agents' addresses by gateway (a port, or the file with it).

    ``lived_h`` is for how many hours people have lived there already, as motion sensors saw it.
    """

    site: Site
    agents: Mapping[str, tuple[str, int | Path]]
    token: str
    seed: int = 1
    speed: float = 1.0
    script: str = "demo"
    lived_h: float = 0.0


class Player:
    """The simulation of a site behind one or several agents, in one event loop."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._world: World | None = None
        self._heard = asyncio.Event()
        self._woken = asyncio.Event()
        self.clients = {name: self._client(name) for name in play.agents}

    def _client(self, gateway: str) -> NativeClient:
        own = {d.slug: d.model for d in self._play.site.devices.values() if d.gateway == gateway}
        return NativeClient(
            self._play.agents[gateway],
            self._play.token,
            own,
            on_command=self._command,
            on_connected=self._heard.set,
        )

    async def run(self) -> None:
        """Play until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for client in self.clients.values():
                tasks.create_task(client.run())
            await self._gather()
            await self._go_on()

    async def _gather(self) -> None:
        """Wait for the first agent, and a moment for the others."""
        await self._heard.wait()
        end = asyncio.get_running_loop().time() + _GATHER_S
        while asyncio.get_running_loop().time() < end:
            if all(client.connected for client in self.clients.values()):
                return
            await asyncio.sleep(0.05)

    async def _go_on(self) -> None:
        play = self._play
        fast = play.speed > 1
        clock = Clock(speed=play.speed, past_s=PAST_S if fast else 0.0)
        world = self._world = World(play.site, play.seed, clock.start_ms)
        rng = random.Random(f"script-{play.seed}-{clock.start_ms}")
        cues: Iterator[Cue] = demo(rng, clock.start_ms) if play.script == "demo" else iter(())
        for reading in world.lately(play.lived_h):
            self._offer(world, reading)
        director = Director(world, cues, rng)
        while True:
            for incident in director.plan():
                names = ", ".join(sorted(incident.reserved))
                log.info("%s at %s", incident.kind, names)
            due = min(clock.now_ms(), world.now_ms + STEP_MS)
            for number, reading in enumerate(world.until(due)):
                self._offer(world, reading)
                if number % _MOST_AT_ONCE == 0:
                    await asyncio.sleep(0)
            await self._wait(clock.wait_s(world.next_at()))

    def _offer(self, world: World, reading: Reading) -> None:
        client = self.clients.get(world.twins[reading.device].entry.gateway)
        if client is not None:
            client.offer(reading)

    async def _wait(self, seconds: float) -> None:
        """Wait, but not long, and not at all once a command has made something happen."""
        self._woken.clear()
        try:
            async with asyncio.timeout(min(seconds, _LONGEST_WAIT_S)):
                await self._woken.wait()
        except TimeoutError:
            return

    def _command(self, command: Command) -> CommandResult:
        if self._world is None:
            return refuse(command, real_ms(), "the device is starting")
        self._woken.set()
        log.info("command %s for %s", command.name, command.device)
        return self._world.command(command)
