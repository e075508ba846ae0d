from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from anju_devices.link import Link, LinkSettings, Message
from anju_devices.messages import Command, CommandResult, decode_result, encode
from anju_edge.clock import now_ms
from anju_edge.commands import Commands
from anju_edge.config import SnapshotConfig
from anju_edge.errors import GoingDownError
from anju_edge.snapshots import Snapshots, Uploader

COMMANDS, COMMITTED, RESULTS = "c/commands", "c/committed", "c/results"


def wait_until(true: Callable[[], object], what: str = "it", timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


class Gateway:
    """The commands of one gateway at a real broker; its uploads hang until ``gate`` opens."""

    def __init__(self, port: int) -> None:
        self.gate = threading.Event()
        self.ran: list[str] = []
        self.heard: list[Message] = []
        self.results: list[CommandResult] = []
        self.commands = Commands(
            own={"upload-snapshot": self._upload},
            devices=self._ask,
            publish=lambda payload: self.link.publish(RESULTS, payload),
            acknowledge=lambda message: self.link.ack(message),  # noqa: PLW0108 - made below
            ending=threading.Event(),
        )
        settings = LinkSettings(host="127.0.0.1", port=port, client_id="gw", receive_maximum=15)
        self.link = Link(settings, on_message=self._on_message, subscriptions=(COMMITTED, COMMANDS))
        self.platform = Link(
            LinkSettings(host="127.0.0.1", port=port, client_id="platform"),
            on_message=self._on_result,
            subscriptions=(RESULTS,),
        )
        for link in (self.link, self.platform):
            link.start()
            wait_until(lambda link=link: link.connected)  # type: ignore[misc]

    def _upload(self, command: Command) -> CommandResult:
        self.ran.append(command.id)
        if command.id.startswith("odd"):
            return CommandResult(command.id, ok=True, at=now_ms(), data={"not": object()})
        self.gate.wait()
        return CommandResult(id=command.id, ok=True, at=now_ms())

    def _ask(self, command: Command) -> CommandResult:
        self.ran.append(command.id)
        if command.name == "call_cabin":  # a device that is slow to answer
            self.gate.wait()
        return CommandResult(id=command.id, ok=True, at=now_ms())

    def _on_message(self, message: Message) -> None:
        if message.topic == COMMANDS:
            self.commands.receive(message)
        else:
            self.heard.append(message)
            self.link.ack(message)

    def _on_result(self, message: Message) -> None:
        self.results.append(decode_result(message.payload))
        self.platform.ack(message)

    def ask(self, name: str, number: str, device: str | None = None) -> None:
        command = Command(id=number, name=name, expires_at=now_ms() + 60_000, device=device)
        wait_until(lambda: self.platform.publish(COMMANDS, encode(command)))

    def answered(self) -> list[str]:
        return [result.id for result in self.results]

    def close(self) -> None:
        self.commands.stop()
        self.gate.set()
        for link in (self.link, self.platform):
            link.stop(1.0)


@pytest.fixture
def gateway(broker: Any) -> Any:
    made = Gateway(broker.port)
    yield made
    made.close()


def test_uploads_asked_for_again_and_again_leave_room_for_the_platforms_acknowledgements(
    gateway: Gateway,
) -> None:
    for _ in range(10):
        for number in range(5):
            gateway.ask("upload-snapshot", f"u-{number}")
    wait_until(lambda: gateway.platform.publish(COMMITTED, b"1"))
    wait_until(lambda: gateway.heard, "committed to be heard", 5)
    gateway.gate.set()
    wait_until(lambda: len(gateway.results) == 5, "the results", 5)
    assert sorted(gateway.ran) == sorted(gateway.answered()) == [f"u-{n}" for n in range(5)]


def test_a_repeated_device_command_is_acknowledged_and_carried_out_once(gateway: Gateway) -> None:
    for _ in range(40):
        gateway.ask("call_cabin", "d-1", device="lift-1")
    wait_until(lambda: gateway.platform.publish(COMMITTED, b"1"))
    wait_until(lambda: gateway.heard, "committed to be heard", 5)
    gateway.gate.set()
    wait_until(lambda: gateway.results, "the answer", 5)
    assert gateway.ran == ["d-1"]


def test_doors_that_do_not_answer_keep_no_other_door_waiting(gateway: Gateway) -> None:
    for number in range(12):
        gateway.ask("call_cabin", f"mute-{number}", device=f"lift-{number}")
    gateway.ask("unlock", "d-1", device="gate-east")
    wait_until(lambda: "d-1" in gateway.answered(), "the door", 3)
    assert not gateway.gate.is_set()


def test_an_answer_that_cannot_be_written_costs_no_worker(gateway: Gateway) -> None:
    for number in range(6):
        gateway.ask("upload-snapshot", f"odd-{number}")
    gateway.gate.set()
    gateway.ask("upload-snapshot", "u-1")
    wait_until(lambda: gateway.answered() == ["u-1"], "the answer", 5)
    assert len(gateway.ran) == 7


def test_stuck_uploads_never_keep_a_door_waiting(gateway: Gateway) -> None:
    for number in range(8):
        gateway.ask("upload-snapshot", f"u-{number}")
    gateway.ask("unlock", "d-1", device="gate-east")
    wait_until(lambda: "d-1" in gateway.answered(), "the door", 3)
    assert not gateway.gate.is_set()


@pytest.fixture
def uploader(tmp_path: Path) -> Callable[[int, threading.Event], Uploader]:
    snapshots = Snapshots(tmp_path, SnapshotConfig())
    (tmp_path / "a.jpg").write_bytes(b"picture")

    def make(port: int, ending: threading.Event) -> Uploader:
        url, secret = f"http://127.0.0.1:{port}", SecretStr("hush")
        return Uploader(snapshots, url, secret, community="c", gateway="g", ending=ending)

    return make


def test_an_answer_that_is_no_http_is_tried_again(uploader: Callable[..., Uploader]) -> None:
    answers = [b"nonsense\r\n\r\n", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"]

    def serve() -> None:
        for answer in answers:
            client, _ = server.accept()
            with client, client.makefile("rb") as lines:
                while lines.readline().strip():
                    pass
                lines.read(len(b"picture"))
                client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        upload = uploader(server.getsockname()[1], threading.Event())
        assert upload.upload("a", until_ms=now_ms() + 20_000) == "stored"
        thread.join()


def test_an_upload_ends_with_the_agent(uploader: Callable[..., Uploader]) -> None:
    ending = threading.Event()
    threading.Timer(0.2, ending.set).start()
    with pytest.raises(GoingDownError):
        uploader(9, ending).upload("a", until_ms=now_ms() + 60_000)
