"""What whoever lives there wants not to be passed on stays on the box, across restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from devices_on_wire import NativeClient

from anju_devices.messages import Command
from anju_devices.topics import Channel
from anju_edge.clock import now_ms
from anju_edge.withheld import Withheld, WithholdError

TOKEN = "a-token"


def wait_until(true: Callable[[], object], what: str = "it", timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def command(number: int, *devices: str) -> Command:
    args = {"devices": list(devices)}
    return Command(id=f"c-{number}", name="withhold", expires_at=now_ms() + 60_000, args=args)


def test_it_holds_across_restarts_and_in_the_order_of_asking(tmp_path: Path) -> None:
    path = tmp_path / "withheld.json"
    withheld = Withheld(path)
    assert withheld.withhold(command(2, "pir-1", "bed-1")).ok
    assert withheld.withhold(command(1, "sos-1")).ok  # overtaken on the way
    for one in (withheld, Withheld(path)):
        assert [name in one for name in ("pir-1", "bed-1", "sos-1")] == [True, True, False]
    Withheld(path).withhold(command(3))
    assert "pir-1" not in Withheld(path)


def test_what_cannot_be_kept_is_not_confirmed(tmp_path: Path) -> None:
    withheld = Withheld(tmp_path / "nowhere" / "withheld.json")
    with pytest.raises(WithholdError, match="cannot be written"):
        withheld.withhold(command(1, "pir-1"))
    assert "pir-1" not in withheld


@pytest.mark.parametrize("args", [{}, {"devices": "pir-1"}, {"devices": [1]}])
def test_a_command_that_names_no_devices_changes_nothing(
    tmp_path: Path, args: dict[str, Any]
) -> None:
    withheld = Withheld(tmp_path / "withheld.json")
    withheld.withhold(command(1, "pir-1"))
    with pytest.raises(WithholdError):
        withheld.withhold(Command(id="c-2", name="withhold", expires_at=0, args=args))
    assert "pir-1" in withheld


def test_a_file_that_cannot_be_read_stops_nobodys_alarms(tmp_path: Path) -> None:
    path = tmp_path / "withheld.json"
    path.write_text("{")
    assert "sos-1" not in Withheld(path)


def test_the_agent_passes_nothing_on_of_what_is_withheld(
    agent: Callable[..., Any], ingest: Any
) -> None:
    process = agent()
    process.start()

    def say(number: int) -> None:
        models = {"pir-1": "pir", "sos-1": "sos_button"}
        client = NativeClient(process.port(), TOKEN, models)
        client.send("pir-1", values={"motion": True, "lux": number})
        client.send("sos-1", event="pressed")
        client.wait_kept()
        client.close()
        wait_until(lambda: len(ingest.events("pressed")) == number, "the button")

    def heard() -> list[Any]:
        return [r.values["lux"] for _, r in ingest.readings if r.device == "pir-1"]

    def withhold(number: int, *devices: str) -> None:
        said = {"id": f"c-{number}", "name": "withhold", "expires_at": now_ms() + 60_000}
        ingest.send(Channel.COMMANDS, {**said, "args": {"devices": list(devices)}})
        wait_until(lambda: len(ingest.results) == number, "the answer")

    say(1)
    wait_until(lambda: heard() == [1])
    withhold(1, "pir-1")
    assert ingest.results[0]["ok"] is True
    say(2)
    process.kill()
    process.start()
    say(3)
    withhold(2)
    say(4)
    wait_until(lambda: heard() == [1, 4])
