"""The walk of messages through a real broker, a real ingest process and a real database."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ingest_process import IngestProcess
from sqlalchemy import Engine, select, text
from wire_sender import COMMUNITY, GATEWAY, Sender, now_ms, until

from anju_devices import topics
from anju_devices.link import Link, LinkSettings
from anju_devices.messages import Batch, Lane, Reading, decode_command, encode
from anju_devices.topics import Channel
from anju_platform.commands.requests import ask as ask_gateway
from anju_platform.database import transaction
from anju_platform.demo.mosquitto import Mosquitto
from anju_platform.registry.model import Gateway
from anju_platform.term import REPEAT_S

Ask = Callable[[str], list[Any]]


def add_device(engine: Engine, slug: str, model: str) -> None:
    """Approve a device beside the first climate sensor; ingest is told."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO devices (community_id, gateway_id, place_id, slug, model, name,"
                " name_en, attributes, state, created_at) SELECT community_id, gateway_id,"
                " place_id, :slug, :model, name, name_en, attributes, state, created_at"
                " FROM devices WHERE slug = 'climate-0'"
            ),
            {"slug": slug, "model": model},
        )


def test_a_batch_becomes_points_events_and_latest_values(sender: Sender, ask: Ask) -> None:
    at = now_ms() - 1500
    climate = Reading(device="climate-0", at=at, values={"temperature": 21.5, "humidity": 40})
    sender.put(Lane.TELEMETRY, climate)
    sender.put(Lane.EVENTS, Reading(device="sos", at=at, event="pressed", id="e-1"))
    sender.wait()
    assert sorted(ask("SELECT value FROM telemetry")) == [21.5, 40.0]
    assert ask("SELECT event, event_id FROM device_events WHERE event = 'pressed'") == [
        ("pressed", "e-1")
    ]
    query = "SELECT latest FROM device_states JOIN devices d ON d.id = device_id"
    assert ask(query + " WHERE slug = 'climate-0'") == [
        {"temperature": [21.5, at], "humidity": [40, at]}
    ]
    observed = ask("SELECT (extract(epoch FROM observed_at) * 1000)::bigint FROM telemetry")
    assert set(observed) == {at}


def test_a_press_is_an_alert_with_timeline_feed_and_outbox(sender: Sender, ask: Ask) -> None:
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed", id="e-1"))
    sender.wait()
    (alert,) = ask("SELECT id, severity, condition, handling, latched, place_id FROM alerts")
    assert alert[1:5] == (1, "active", "unacked", True)
    assert alert[5] == ask("SELECT id FROM places WHERE slug = 'b1-101'")[0]
    assert ask("SELECT kind FROM alert_timeline") == ["raised"]
    assert str(alert[0]) in ask("SELECT ref FROM feed")
    seqs = ask("SELECT seq FROM feed ORDER BY seq")
    assert seqs == list(range(1, len(seqs) + 1))
    assert "role:guard" in ask("SELECT recipient FROM notifications")


def test_another_press_is_another_occurrence_of_the_same_alert(sender: Sender, ask: Ask) -> None:
    for n in range(3):
        sender.put(
            Lane.EVENTS,
            # presses within ten seconds are one; further ones are said again
            Reading(device="sos", at=now_ms() - 30_000 + n * 11_000, event="pressed", id=f"e-{n}"),
        )
    sender.wait()
    (alert,) = ask("SELECT occurrences, evidence FROM alerts")
    assert alert[0] == 3
    assert alert[1]["event_ids"] == ["e-0", "e-1", "e-2"]
    assert ask("SELECT count(*) FROM notifications WHERE recipient = 'role:guard'") == [1]


def test_an_unreadable_payload_is_kept_aside_and_blocks_nothing(sender: Sender, ask: Ask) -> None:
    sender.raw(Channel.EVENTS, b"\xff not json")
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait()
    assert ask("SELECT reason, payload FROM quarantine") == [("unreadable", b"\xff not json")]
    assert ask("SELECT count(*) FROM alerts") == [1]


@pytest.mark.parametrize(
    "readings",
    [
        b'[{"device": "SOS!", "at": 1}]',
        b'[{"device": "sos"}]',
        b'[{"device": "sos", "at": 1, "event": "pressed", "data": {"x": "\\u0000"}}]',
        b'"' + b"x" * 300_000 + b'"',
    ],
)
def test_an_invalid_batch_is_kept_aside_and_its_lane_moves_on(
    sender: Sender, ask: Ask, readings: bytes
) -> None:
    head = f'{{"epoch": "{sender.epoch}", "seq": 1, "sent_at": 1, "readings": '.encode()
    sender.raw(Channel.EVENTS, head + readings + b"}")
    until(lambda: sender.committed[Lane.EVENTS] == 1)
    assert ask("SELECT reason, seq FROM quarantine") == [("invalid_batch", 1)]
    assert ask("SELECT committed FROM lanes WHERE lane = 'events'") == [1]


@pytest.mark.usefixtures("sender")
def test_a_message_under_an_unknown_gateway_is_kept_aside(broker: Mosquitto, ask: Ask) -> None:
    stranger = Sender(broker.port, gateway="gw-unknown")
    try:
        stranger.raw(Channel.EVENTS, b"{}")
        until(lambda: ask("SELECT reason FROM quarantine") == ["unknown_gateway"])
        owner = "SELECT c.slug FROM quarantine q JOIN communities c ON c.id = q.community_id"
        assert ask(owner) == ["tiny"]
    finally:
        stranger.stop()


def test_readings_the_model_does_not_allow_are_kept_aside_alone(sender: Sender, ask: Ask) -> None:
    at = now_ms()
    sender.put(
        Lane.TELEMETRY,
        Reading(device="climate-0", at=at, values={"temperature": 4000}),
        Reading(device="climate-1", at=at, values={"temperature": 20}),
    )
    sender.wait()
    assert ask("SELECT value FROM telemetry") == [20.0]
    assert ask("SELECT reason, device FROM quarantine") == [("invalid_reading", "climate-0")]


def test_what_an_unknown_device_said_is_replayed_when_it_is_approved(
    sender: Sender, ask: Ask, engine: Engine
) -> None:
    at = now_ms()
    sender.put(
        Lane.TELEMETRY,
        Reading(device="newcomer", at=at, values={"temperature": 18}),
        Reading(device="climate-0", at=at, values={"temperature": 20}),
    )
    sender.wait()
    assert ask("SELECT reason, device FROM quarantine") == [("unknown_device", "newcomer")]
    add_device(engine, "newcomer", "climate")
    until(lambda: ask("SELECT 1 FROM quarantine WHERE released_at IS NOT NULL"))
    assert sorted(ask("SELECT value FROM telemetry")) == [18.0, 20.0]


def test_what_cannot_be_replayed_blocks_nobody_and_is_left_aside(
    sender: Sender, ingest: IngestProcess, ask: Ask, engine: Engine
) -> None:
    batteries = {"new-1": 50, "new-2": 1.5, "new-3": 60, "odd": 70}
    for name, battery in batteries.items():
        said = Reading(device=name, at=now_ms(), values={"battery": battery})
        sender.put(Lane.TELEMETRY, said)
    sender.wait()
    with engine.begin() as connection:
        connection.execute(text("UPDATE quarantine SET payload = '?' WHERE device = 'odd'"))
        connection.execute(text("ALTER TABLE telemetry ADD CHECK (value <> 1.5)"))
    for name in batteries:
        add_device(engine, name, "pir")
    until(lambda: sorted(ask("SELECT value FROM telemetry")) == [50, 60])
    until(lambda: ask("SELECT device FROM quarantine WHERE reason = 'refused'") == ["new-2"])
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait()
    assert ask("SELECT rule_id FROM alerts WHERE entity = 'sos'") == ["sos-pressed"]
    assert "trying one by one" not in ingest.said()
    assert ask("SELECT count(*) FROM quarantine") == [4]
    watched = "SELECT entity FROM rule_states WHERE rule_id = 'device-silent' AND entity ~ 'new'"
    assert len(set(ask(watched))) == 3


def test_a_future_time_is_kept_raw_flagged_and_evaluated_on_arrival(
    sender: Sender, ask: Ask
) -> None:
    at = now_ms() + 3_600_000
    sender.put(Lane.EVENTS, Reading(device="sos", at=at, event="pressed"))
    sender.wait()
    query = "SELECT (extract(epoch FROM observed_at) * 1000)::bigint, flags FROM device_events"
    assert ask(query + " WHERE event = 'pressed'") == [(at, 4)]
    assert ask("SELECT observed_at <= now() FROM alerts") == [True]


def test_a_clock_that_was_never_set_still_rings(sender: Sender, ask: Ask) -> None:
    sender.put(Lane.EVENTS, Reading(device="sos", at=5000, event="pressed"))
    sender.wait()
    assert ask("SELECT count(*) FROM alerts") == [1]


def test_an_intrusion_older_than_fifteen_minutes_is_history_only(sender: Sender, ask: Ask) -> None:
    data = {"zone": "road", "zone_kind": "intrusion", "class": "person"}
    at = now_ms() - 16 * 60_000
    sender.put(Lane.EVENTS, Reading(device="cam", at=at, event="zone_entered", data=data))
    sender.wait()
    assert ask("SELECT flags FROM device_events WHERE event = 'zone_entered'") == [8]
    assert ask("SELECT count(*) FROM alerts") == [0]


def test_a_press_no_link_could_carry_rings_when_it_is_told_and_says_how_late(
    sender: Sender, ask: Ask
) -> None:
    for hours in (25, 0.5):
        at = now_ms() - round(hours * 3_600_000)
        sender.put(Lane.EVENTS, Reading(device="sos", at=at, event="pressed"))
    sender.wait()
    assert ask("SELECT flags FROM device_events WHERE event = 'pressed'") == [8, 8]
    assert ask(LATE_PRESSES) == [(30, True)]


LATE_PRESSES = """
SELECT ((evidence->>'late_s')::float / 60)::int, observed_at < now() - interval '29 min'
FROM alerts WHERE rule_id = 'sos-pressed'"""


def say_slowly(sender: Sender, epoch: str, seq: int, minutes: int) -> None:
    """Press the button of a gateway whose clock is behind."""
    at = now_ms() - minutes * 60_000
    press = Reading(device="sos", at=at, event="pressed")
    batch = Batch(epoch=epoch, seq=seq, sent_at=at + 20, readings=[press])
    sender.raw(Channel.EVENTS, encode(batch))


@pytest.mark.parametrize("minutes", [40, 3 * 365 * 24 * 60])
def test_a_press_rings_though_its_gateways_clock_is_behind(
    sender: Sender, ask: Ask, minutes: int
) -> None:
    say_slowly(sender, "slow", 1, minutes)
    until(lambda: ask("SELECT count(*) FROM alerts") == [1])
    pressed = "FROM device_events WHERE event = 'pressed'"
    assert ask("SELECT flags " + pressed) == [32]
    assert ask("SELECT observed_at < now() - interval '39 min' " + pressed) == [True]


def test_what_was_timed_rightly_before_the_clock_was_lost_is_told_late(
    sender: Sender, ask: Ask
) -> None:
    press = Reading(device="sos", at=now_ms() - 5 * 3_600_000, event="pressed")
    batch = Batch(epoch="e", seq=1, sent_at=now_ms() - 3 * 365 * 86_400_000, readings=[press])
    sender.raw(Channel.EVENTS, encode(batch))
    until(lambda: ask("SELECT flags FROM device_events WHERE event = 'pressed'") == [8])
    assert ask(LATE_PRESSES) == [(300, True)]


def test_a_press_the_broker_kept_while_we_were_away_is_not_taken_for_a_new_one(
    sender: Sender, ingest: IngestProcess, ask: Ask
) -> None:
    ingest.freeze()
    say_slowly(sender, "kept", 1, 40)
    time.sleep(6)
    ingest.thaw()
    until(lambda: ask("SELECT flags FROM device_events WHERE event = 'pressed'") == [8])
    assert ask(LATE_PRESSES) == [(40, True)]


def test_a_snapshot_an_alert_needs_is_asked_of_its_gateway(sender: Sender, ask: Ask) -> None:
    data = {"zone": "road", "zone_kind": "intrusion", "class": "person", "snapshot": "snap-1"}
    event = Reading(device="cam", at=now_ms(), event="zone_entered", data=data)
    sender.put(Lane.EVENTS, event)
    sender.wait()
    command = until(lambda: sender.commands)[0]
    assert (command.name, command.args) == ("upload-snapshot", {"id": "snap-1"})
    assert ask("SELECT media_id FROM alerts") == ["snap-1"]
    answer = f'{{"id": "{command.id}", "ok": true, "at": 1}}'.encode()
    sender.raw(Channel.RESULTS, answer)
    until(lambda: ask("SELECT ok FROM commands WHERE answered_at IS NOT NULL") == [True])


def test_a_lost_gateway_is_blind_until_it_is_back(sender: Sender, ask: Ask) -> None:
    until(lambda: ask("SELECT online FROM gateways") == [True])
    sender.say(online=False)
    until(lambda: ask("SELECT online FROM gateways") == [False])
    assert ask("SELECT count(*) FROM blind_periods WHERE ended_at IS NULL") == [1]
    sender.say(online=True)
    until(lambda: ask("SELECT online FROM gateways") == [True])
    assert ask("SELECT count(*) FROM blind_periods WHERE ended_at IS NULL") == [0]
    assert "gateway" in ask("SELECT kind FROM feed")


def test_what_the_database_refuses_is_kept_aside_and_blocks_nobody(
    sender: Sender, ask: Ask, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE device_events ADD CHECK (event_id <> 'poison')"))
    for ago_s, name in ((30, "a"), (15, "poison"), (0, "b")):
        at = now_ms() - ago_s * 1000
        sender.put(Lane.EVENTS, Reading(device="sos", at=at, event="pressed", id=name))
    sender.wait()
    query = "SELECT event_id FROM device_events WHERE event = 'pressed' ORDER BY id"
    assert ask(query) == ["a", "b"]
    (kept,) = ask("SELECT reason, seq, detail FROM quarantine")
    assert kept[:2] == ("refused", 2)
    assert "CheckViolation" in kept[2]
    assert ask("SELECT occurrences FROM alerts") == [2]


def test_what_is_too_long_for_an_index_is_kept_aside_and_blocks_nobody(
    sender: Sender, ask: Ask
) -> None:
    zone = "".join(random.Random(1).choices(string.ascii_letters, k=20_000))
    data = {"zone": zone, "zone_kind": "fire_lane", "dwell_s": 400}
    sender.put(Lane.EVENTS, Reading(device="cam", at=now_ms(), event="zone_dwell", data=data))
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait(20)
    assert ask("SELECT rule_id FROM alerts") == ["sos-pressed"]
    assert ask("SELECT reason FROM quarantine") == ["refused"]


def test_a_head_that_text_cannot_hold_blocks_nobody(sender: Sender, ask: Ask) -> None:
    head = b'{"epoch": "a\\u0000b", "seq": 1, "sent_at": 1, "readings": []}'
    sender.raw(Channel.EVENTS, head)
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait(20)
    assert ask("SELECT rule_id FROM alerts") == ["sos-pressed"]
    assert ask("SELECT count(*) FROM quarantine") == [1]


DEADLOCK_ONCE = """
    CREATE SEQUENCE tries;
    CREATE FUNCTION deadlock_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') = 1 THEN
            RAISE EXCEPTION 'chosen to end a deadlock' USING ERRCODE = 'deadlock_detected';
        END IF;
        RETURN new;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION deadlock_once();
"""


def test_who_leaves_office_though_the_database_lives_takes_it_again(
    sender: Sender, ingest: IngestProcess, ask: Ask, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text(DEADLOCK_ONCE))
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait(20)
    assert ask("SELECT rule_id, occurrences FROM alerts") == [("sos-pressed", 1)]
    assert ingest.said().count("ingest is at work") == 2


def test_a_command_asked_for_elsewhere_is_sent_at_once_and_again_on_return(
    sender: Sender, ask: Ask, engine: Engine
) -> None:
    with transaction(engine) as session:
        gateway = session.scalars(select(Gateway)).one()
        ask_gateway(
            session, community_id=gateway.community_id, gateway_id=gateway.id, name="unlock"
        )
    until(lambda: [command.name for command in sender.commands] == ["unlock"])
    sender.say(online=False)
    sender.say(online=True)
    until(lambda: len(sender.commands) == 2)
    assert sender.commands[0] == sender.commands[1]
    assert ask("SELECT answered_at FROM commands") == [None]


def test_the_broker_keeps_no_command_for_a_gateway_longer_than_it_is_valid(
    sender: Sender, broker: Mosquitto, ask: Ask, engine: Engine
) -> None:
    del sender  # the gateway counts as online
    names: list[str] = []
    box = LinkSettings(host=broker.host, port=broker.port, client_id="box")
    topic = topics.build(COMMUNITY, GATEWAY, Channel.COMMANDS)

    def listening() -> Link:
        link = Link(
            box,
            on_message=lambda one: names.append(decode_command(one.payload).name),
            on_state=lambda *_: None,
            subscriptions=(topic,),
        )
        link.start()
        until(lambda: link.connected)
        return link

    listening().stop()  # from here on the broker keeps what is sent
    with transaction(engine) as session:
        gateway = session.scalars(select(Gateway)).one()
        for name, valid in (("unlock", timedelta(seconds=2)), ("later", timedelta(minutes=1))):
            whose = {"community_id": gateway.community_id, "gateway_id": gateway.id}
            ask_gateway(session, **whose, name=name, ttl=valid)
    until(lambda: ask("SELECT count(*) FROM commands WHERE sent_at IS NOT NULL") == [2])
    time.sleep(3)
    link = listening()
    until(lambda: names)
    link.stop()
    assert names == ["later"]  # whatever the gateway's own clock says


def test_a_gateway_hears_twice_what_is_stored_when_the_broker_is_back(
    sender: Sender, broker: Mosquitto
) -> None:
    """What a broker without its store took before we subscribed is lost: an agent must know."""
    press = Reading(device="sos", at=now_ms(), event="pressed", id="e-1")
    sender.put(Lane.EVENTS, press)
    sender.wait()
    time.sleep(REPEAT_S + 2)  # a term that has just begun says it twice as well
    broker.stop()
    broker.start()
    before = sender.answers
    once_more = Batch(epoch=sender.epoch, seq=1, sent_at=now_ms(), readings=[press])
    sender.raw(Channel.EVENTS, encode(once_more))
    until(lambda: sender.answers >= before + 2)


def test_who_fell_is_told_of_while_the_broker_is_away(
    sender: Sender, broker: Mosquitto, ask: Ask, engine: Engine
) -> None:
    add_device(engine, "radar", "fall_radar")
    at = now_ms() - 22_000  # told late: of the half minute for getting up, little is left
    data = {"fall_confidence": 0.9, "still_s": 5}
    sender.put(Lane.EVENTS, Reading(device="radar", at=at, event="fall", data=data))
    sender.wait()
    broker.stop()
    assert ask("SELECT 1 FROM alerts WHERE rule_id = 'fall'") == []
    until(lambda: ask("SELECT severity FROM alerts WHERE rule_id = 'fall'") == [1])


def test_a_timer_the_database_refuses_takes_nobody_else_along(
    sender: Sender, ingest: IngestProcess, ask: Ask, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE alerts ADD CHECK (rule_id <> 'device-silent')"))
    until(lambda: "no alert: the database refused" in ingest.said())
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait()
    assert ask("SELECT rule_id FROM alerts") == ["sos-pressed"]
    assert ask("SELECT count(*) FROM quarantine") == [0]
