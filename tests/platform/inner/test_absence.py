"""Silence: timers are rows, so no restart resets or repeats one; blindness is not silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ingest_process import IngestProcess
from sqlalchemy import Engine, text
from wire_sender import GATEWAY, QUICK_INTERVAL_S, Sender, now_ms, until

from anju_devices.messages import Lane, Reading
from anju_platform.demo.mosquitto import Mosquitto

Ask = Callable[[str], list[Any]]

SILENT_S = 2 * QUICK_INTERVAL_S
"""After so much silence the quick device is silent."""
ALERTS = "SELECT condition, occurrences FROM alerts WHERE entity = 'quick'"
LAST_WORD = """
    SELECT least(extract(epoch FROM last_seen_at) * 1000, (value ->> 1)::numeric)::bigint
    FROM device_states JOIN devices d ON d.id = device_id, jsonb_each(latest)
    WHERE d.slug = 'quick'
"""
MEMORY = (
    "SELECT state -> 'state' FROM rule_states WHERE entity = 'quick' AND rule_id = 'device-silent'"
)


def speak(sender: Sender) -> None:
    """Let the quick device say something."""
    values = {"temperature": 20}
    sender.put(Lane.TELEMETRY, Reading(device="quick", at=now_ms(), values=values))
    sender.wait()


def test_a_timer_is_neither_reset_nor_repeated_by_restarts(
    sender: Sender, ingest: IngestProcess, ask: Ask
) -> None:
    speak(sender)
    (spoke,) = ask(LAST_WORD)
    ingest.kill()
    ingest.start()
    until(lambda: ask(ALERTS) == [("active", 1)])
    (after,) = ask(MEMORY)
    assert after["heard_at"] == spoke
    ingest.kill()
    ingest.start()
    until(lambda: ingest.said().count("ingest is at work") == 3)
    time.sleep(2)
    assert ask(ALERTS) == [("active", 1)]
    speak(sender)
    assert ask(ALERTS) == [("clear", 1)]


def test_a_device_that_never_spoke_is_silent_too(sender: Sender, ask: Ask) -> None:
    del sender
    until(lambda: ask(ALERTS) == [("active", 1)])


def test_behind_a_lost_gateway_nobody_is_silent(sender: Sender, ask: Ask) -> None:
    speak(sender)
    sender.say(online=False)
    until(lambda: ask("SELECT online FROM gateways") == [False])
    time.sleep(SILENT_S + 2)
    assert ask(ALERTS) == []
    sender.say(online=True)
    until(lambda: ask(ALERTS) == [("active", 1)])


def test_a_gateway_that_is_there_and_says_nothing_is_told_of(
    sender: Sender, ask: Ask, engine: Engine
) -> None:
    with engine.begin() as connection:
        quick = text("UPDATE devices SET interval_s = 1 WHERE slug = :gateway")
        connection.execute(quick, {"gateway": GATEWAY})
    sender.put(Lane.TELEMETRY, Reading(device=GATEWAY, at=now_ms(), values={"cpu": 1}))
    sender.wait()
    until(lambda: ask("SELECT 1 FROM alerts WHERE rule_id = 'gateway-silent'"))


def test_the_time_without_ingest_is_not_silence(
    sender: Sender, ingest: IngestProcess, ask: Ask
) -> None:
    speak(sender)
    ingest.kill()
    time.sleep(SILENT_S + 3)
    ingest.start()
    until(lambda: ask("SELECT 1 FROM blind_periods WHERE gateway_id IS NULL"))
    time.sleep(1)
    assert ask(ALERTS) == []


def test_the_time_in_which_ingest_stood_still_is_not_silence(
    sender: Sender, ingest: IngestProcess, ask: Ask
) -> None:
    speak(sender)
    ingest.freeze()
    time.sleep(SILENT_S + 3)
    ingest.thaw()
    until(lambda: ask("SELECT 1 FROM blind_periods WHERE gateway_id IS NULL"))
    speak(sender)
    assert ask(ALERTS) == []


REFUSE_ONCE = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') = 1 THEN RAISE EXCEPTION 'not this time'; END IF;
        RETURN new;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON blind_periods FOR EACH ROW
        WHEN (new.gateway_id IS NULL) EXECUTE FUNCTION refuse_once();
"""


def test_the_time_without_a_broker_is_not_silence_and_is_kept_though_a_transaction_fails(
    sender: Sender, broker: Mosquitto, ask: Ask, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text(REFUSE_ONCE))
    speak(sender)
    broker.stop()
    time.sleep(SILENT_S + 3)
    assert ask(ALERTS) == []
    broker.start()
    until(lambda: ask("SELECT 1 FROM blind_periods WHERE gateway_id IS NULL"))
    assert ask("SELECT last_value > 1 FROM tries") == [True]


def test_the_time_without_a_broker_is_not_silence_after_a_restart(
    sender: Sender, ingest: IngestProcess, broker: Mosquitto, ask: Ask
) -> None:
    speak(sender)
    broker.stop()
    time.sleep(SILENT_S + 3)
    ingest.kill()
    ingest.start()
    blind = "SELECT 1 FROM blind_periods WHERE gateway_id IS NULL AND ended_at > started_at"
    until(lambda: ask(f"{blind} + '{SILENT_S} s'::interval"))
