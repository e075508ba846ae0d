"""Why did it ring? The readings that made an alert true, found again in what is stored."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from wire_sender import COMMUNITY, Sender, now_ms, until

from anju_devices.messages import Lane, Reading

Ask = Callable[[str], list[Any]]


def explained(database: str, alert: object, community: str = COMMUNITY) -> tuple[int, str]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "anju_platform.cli", "rule", "explain", str(alert)),
            *("--community", community),
        ],
        env={"ANJU_DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_both_glimpses_of_a_crowd_are_named(database: str, sender: Sender, ask: Ask) -> None:
    at = now_ms()
    for number, moment in enumerate((at - 20_000, at)):
        data = {"count": 60 + number}
        reading = Reading(device="cam", at=moment, event="crowd", id=f"crowd-{number}", data=data)
        sender.put(Lane.EVENTS, reading)
    sender.wait()
    until(lambda: ask("SELECT id FROM alerts WHERE rule_id = 'crowd'"))
    (alert,) = ask("SELECT id FROM alerts WHERE rule_id = 'crowd'")
    status, text = explained(database, alert)
    assert status == 0, text
    assert "raised P3" in text
    assert text.index("crowd count=60") < text.index("crowd count=61")
    assert "and so it was for 20 s" in text
    assert ask("SELECT subject FROM audit WHERE action = 'alert.explained'") == [f"alert:{alert}"]


def test_a_silence_is_explained_by_the_last_word(database: str, sender: Sender, ask: Ask) -> None:
    said_at = now_ms()
    sender.put(Lane.TELEMETRY, Reading(device="quick", at=said_at, values={"temperature": 21.5}))
    sender.wait()
    query = "SELECT id FROM alerts WHERE rule_id = 'device-silent' AND entity = 'quick'"
    until(lambda: ask(query))
    status, text = explained(database, ask(query)[0])
    assert status == 0, text
    assert "device-silent" in text
    assert "quick  last heard of, by our clock" in text.split("raised")[1]


def test_what_is_not_there_is_told_in_a_sentence(database: str, sender: Sender) -> None:
    del sender
    assert explained(database, "not-an-id")[1].startswith("'not-an-id' is no alert's id")
    unknown = "01920000-0000-7000-8000-000000000000"
    assert "no alert" in explained(database, unknown)[1]
    assert "there is no community" in explained(database, unknown, "elsewhere")[1]
