"""The simulator as a client of an agent's native driver, against a small server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from anju_devices.messages import Command, CommandResult, Reading
from anju_devices.sim.client import NativeClient
from anju_devices.sim.clock import real_ms
from anju_devices.sim.play import Play, Player
from anju_devices.sim.site import Site

TOKEN = "a-token"
Line = dict[str, Any]


class Agent:
    """An agent that keeps readings, and does on the way what a test wants."""

    def __init__(self) -> None:
        self.hellos: list[Line] = []
        self.kept: list[Line] = []
        self.results: list[Line] = []
        self.hang_up_after: int | None = None
        self.refuse: set[int] = set()
        self.mute = False
        self.port = 0
        self.writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        if self.writer is not None:
            self.writer.close()
        await self._server.wait_closed()

    def say(self, line: Line) -> None:
        assert self.writer is not None
        self.writer.write(json.dumps(line).encode() + b"\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        hello = json.loads(await reader.readline())
        self.hellos.append(hello)
        if hello["token"] != TOKEN:
            self.say({"error": "the token is not this agent's"})
            writer.close()
            return
        self.say({"ok": True})
        number, kept = 1, 0
        while text := await reader.readline():
            number += 1
            line = json.loads(text)
            if "result" in line:
                self.results.append(line["result"])
                continue
            if number in self.refuse:
                self.refuse.discard(number)
                self.say({"error": "not understood", "line": number})
                continue
            self.kept.append(line)
            kept += 1
            if kept == self.hang_up_after:
                self.hang_up_after = None
                break
            if not self.mute:
                self.say({"kept": kept})
        writer.close()


async def until(truth: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not truth():  # noqa: ASYNC110 - the truth lies on both sides of a socket
            await asyncio.sleep(0.01)


def reading(number: int) -> Reading:
    return Reading(device="d", at=number, values={"motion": True})


def carry_out(command: Command) -> CommandResult:
    return CommandResult(id=command.id, ok=True, at=1, detail=command.name)


def with_agent(
    test: Callable[[Agent, NativeClient], Awaitable[None]], token: str = TOKEN, **more: Any
) -> None:
    """Run a test with an agent and a client that is connecting to it."""

    async def scene() -> None:
        agent = Agent()
        await agent.start()
        client = NativeClient(
            ("127.0.0.1", agent.port), token, {"d": "pir"}, on_command=carry_out, **more
        )
        running = asyncio.create_task(client.run())
        try:
            await test(agent, client)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await agent.stop()

    asyncio.run(scene())


def test_it_says_hello_with_its_devices_and_sends_what_it_is_given() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        for number in range(10):
            client.offer(reading(number))
        await until(lambda: client.queued == 0)
        assert agent.hellos == [{"token": TOKEN, "devices": {"d": "pir"}}]
        assert [line["at"] for line in agent.kept] == list(range(10))
        assert agent.kept[0] == {"device": "d", "at": 0, "values": {"motion": True}}

    with_agent(test)


def test_what_was_not_kept_is_sent_again_in_order() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        agent.mute, agent.hang_up_after = True, 5
        for number in range(10):
            client.offer(reading(number))
        await until(lambda: len(agent.hellos) == 1 and len(agent.kept) == 5)
        assert client.queued == 10
        agent.mute = False
        await until(lambda: client.queued == 0)
        assert [line["at"] for line in agent.kept] == [*range(5), *range(10)]

    with_agent(test)


def test_an_agent_that_goes_away_is_found_again() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        client.offer(reading(1))
        await until(lambda: client.queued == 0)
        await agent.stop()
        await until(lambda: not client.connected)
        for number in range(2, 5):
            client.offer(reading(number))
        assert client.queued == 3
        await agent.start()
        await until(lambda: client.queued == 0)
        assert [line["at"] for line in agent.kept] == [1, 2, 3, 4]

    with_agent(test)


def test_an_agent_that_comes_back_on_another_port_is_found_by_its_port_file(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        first, second, file = Agent(), Agent(), tmp_path / "port"
        client = NativeClient(("127.0.0.1", file), TOKEN, {"d": "pir"}, on_command=carry_out)
        running = asyncio.create_task(client.run())
        try:
            await first.start()
            file.write_text(f"{first.port}\n")
            await until(lambda: client.connected)
            await first.stop()
            await second.start()
            file.write_text(f"{second.port}\n")
            client.offer(reading(1))
            await until(lambda: len(second.kept) == 1)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await second.stop()

    asyncio.run(scene())


def test_a_refused_line_does_not_upset_the_count() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        agent.refuse = {3, 4}
        for number in range(2, 8):
            client.offer(reading(number))
        await until(lambda: client.queued == 0)
        assert [line["at"] for line in agent.kept] == [2, 5, 6, 7]
        await agent.stop()
        await until(lambda: not client.connected)
        client.offer(reading(9))
        await agent.start()
        await until(lambda: client.queued == 0)
        assert [line["at"] for line in agent.kept] == [2, 5, 6, 7, 9]

    with_agent(test)


def test_a_wrong_token_is_tried_again_and_nothing_is_lost() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        client.offer(reading(1))
        await until(lambda: len(agent.hellos) >= 2)
        assert not client.connected
        assert client.queued == 1

    with_agent(test, token="wrong")


def test_a_full_queue_gives_up_the_oldest_that_waits() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        await agent.stop()
        for number in range(8):
            client.offer(reading(number))
        assert client.queued == 5
        assert client.given_up == 3
        await agent.start()
        await until(lambda: client.queued == 0)
        assert [line["at"] for line in agent.kept] == [3, 4, 5, 6, 7]

    with_agent(test, max_queue=5)


def test_a_command_is_carried_out_and_answered() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        await until(lambda: client.connected)
        agent.say({"command": {"id": "c1", "name": "unlock", "expires_at": 9, "device": "d"}})
        client.offer(reading(1))
        await until(lambda: bool(agent.results) and client.queued == 0)
        assert agent.results == [{"id": "c1", "ok": True, "at": 1, "detail": "unlock"}]

    with_agent(test)


def test_nonsense_from_the_agent_ends_the_connection_not_the_client() -> None:
    async def test(agent: Agent, client: NativeClient) -> None:
        await until(lambda: client.connected)
        assert agent.writer is not None
        agent.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await until(lambda: len(agent.hellos) == 2)
        agent.say({"command": {"id": 7}})
        await until(lambda: len(agent.hellos) == 3)

    with_agent(test)


def test_a_whole_site_is_played_behind_several_gateways_at_once(site: Site) -> None:
    async def scene() -> None:
        agents = {name: Agent() for name in ("gw-west", "gw-east", "gw-grounds")}
        for agent in agents.values():
            await agent.start()
        addresses: dict[str, tuple[str, int | Path]] = {
            name: ("127.0.0.1", agent.port) for name, agent in agents.items()
        }
        player = Player(Play(site=site, agents=addresses, token=TOKEN, speed=60.0))
        running = asyncio.create_task(player.run())
        try:
            await until(lambda: all(len(agent.kept) > 400 for agent in agents.values()))
            command = {"id": "c", "name": "unlock", "expires_at": 2**42, "device": "gate-east"}
            agents["gw-grounds"].say({"command": command})
            await until(lambda: bool(agents["gw-grounds"].results))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            for agent in agents.values():
                await agent.stop()
        assert agents["gw-grounds"].results[0]["ok"]
        for name, agent in agents.items():
            devices = agent.hellos[0]["devices"]
            assert devices == {d.slug: d.model for d in site.devices.values() if d.gateway == name}
            times = [line["at"] for line in agent.kept]
            assert times == sorted(times)
            assert {line["device"] for line in agent.kept} <= set(devices)

    asyncio.run(scene())


@pytest.mark.parametrize("speed", [1.0, 1000.0])
def test_at_any_speed_no_reading_lies_in_the_future(site: Site, speed: float) -> None:
    async def scene() -> None:
        agent = Agent()
        await agent.start()
        address = {"gw-grounds": ("127.0.0.1", agent.port)}
        player = Player(Play(site=site, agents=address, token=TOKEN, speed=speed, script="demo"))
        running = asyncio.create_task(player.run())
        try:
            await asyncio.sleep(1.5)
            now = real_ms()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await agent.stop()
        times = [line["at"] for line in agent.kept]
        assert times
        assert max(times) <= now
        assert (max(times) - min(times) > 600_000) == (speed > 1)

    asyncio.run(scene())
