"""A sensor that is to pass nothing on: its gateway is told, and what still comes is not kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ingest_process import IngestProcess
from rule_editor import add_person
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from wire_sender import COMMUNITY, Sender, community_file, now_ms, until

from anju_devices.messages import Lane, Reading
from anju_devices.topics import Channel
from anju_platform.consent.schemas import ConsentBody
from anju_platform.consent.service import give, home_consents
from anju_platform.consent.stopping import heed_all
from anju_platform.database import now, transaction
from anju_platform.provision import import_community
from anju_platform.registry.model import Device

Ask = Callable[[str], list[Any]]
ELDER = "王奶奶"


@pytest.fixture
def say(engine: Engine, ingest: IngestProcess) -> Callable[..., None]:
    """Let the elder say that sensors stop, or go on."""
    del ingest
    actor = add_person(engine, "anna", COMMUNITY)

    def say(sensors: str, *, given: bool = False) -> None:
        body = ConsentBody(
            person=ELDER,
            sensors=sensors,
            viewer="everybody",
            purpose="measuring",
            given=given,
            how="spoken",
        )
        with transaction(engine) as session:
            give(session, actor, "b1-101", body)

    return say


def states(engine: Engine) -> dict[str, str]:
    with Session(engine) as session:
        query = select(Device.slug, Device.state).where(Device.household_id.is_not(None))
        return {row.slug: row.state for row in session.execute(query)}


def test_what_is_stopped_is_not_kept_and_its_gateway_confirms(
    sender: Sender, say: Callable[..., None], ask: Ask, engine: Engine
) -> None:
    say("device:pir")
    [command] = until(lambda: sender.commands)
    assert (command.name, command.device, command.args) == ("withhold", None, {"devices": ["pir"]})
    actor = add_person(engine, "berta", COMMUNITY)

    def stop() -> str | None:
        with Session(engine) as session:
            found = home_consents(session, actor, "b1-101")
        return next(one.stop for one in found.sensors if one.slug == "pir")

    assert stop() == "asked"
    answer = f'{{"id": "{command.id}", "ok": true, "at": 1}}'.encode()
    sender.raw(Channel.RESULTS, answer)
    until(lambda: stop() == "confirmed")
    until(lambda: _is_refused(sender, ask))
    assert ask("SELECT count(*) FROM quarantine") == [0]
    before = ask("SELECT count(*) FROM device_events WHERE event = 'pressed'")
    sender.put(Lane.EVENTS, Reading(device="sos", at=now_ms(), event="pressed"))
    sender.wait()
    assert ask("SELECT count(*) FROM device_events WHERE event = 'pressed'") == [before[0] + 1]
    say("device:pir", given=True)
    assert [one.args for one in until(lambda: sender.commands[1:])] == [{"devices": []}]
    until(lambda: not _is_refused(sender, ask))


def _is_refused(sender: Sender, ask: Ask) -> bool:
    """Say something, and tell whether it was not kept."""
    at = now_ms()
    sender.put(Lane.TELEMETRY, Reading(device="pir", at=at, values={"lux": at % 10_000}))
    sender.wait()
    return at % 10_000 not in ask("SELECT value FROM telemetry")


def test_a_gateway_that_is_away_is_not_reached_and_asked_on_its_return(
    sender: Sender, say: Callable[..., None], engine: Engine, ask: Ask
) -> None:
    sender.say(online=False)
    until(lambda: ask("SELECT online FROM gateways") == [False])
    say("device:pir")
    actor = add_person(engine, "berta", COMMUNITY)
    with Session(engine) as session:
        found = home_consents(session, actor, "b1-101")
    assert [one.stop for one in found.sensors if one.stop] == ["unreached"]
    sender.say(online=True)
    assert until(lambda: sender.commands)[0].args == {"devices": ["pir"]}


def test_what_a_life_may_hang_on_is_stopped_by_name_alone(
    say: Callable[..., None], engine: Engine
) -> None:
    say("all")
    assert states(engine) == {"pir": "stopped", "sos": "approved", "smoke": "approved"}
    say("kind:smoke_alarm")
    assert states(engine)["smoke"] == "approved"
    say("device:smoke")
    assert states(engine)["smoke"] == "stopped"


def test_who_moves_in_does_not_change_anothers_no_and_a_new_sensor_heeds_it(
    say: Callable[..., None], engine: Engine, ask: Ask
) -> None:
    say("all")
    file = community_file()
    file["households"][0]["residents"].append({"name": "李爷爷", "elder": True})
    file["devices"].append({**file["devices"][2], "slug": "pir-2"})
    with transaction(engine) as session:
        import_community(session, file)
    assert states(engine) == {
        "pir": "stopped",
        "pir-2": "stopped",
        "sos": "approved",
        "smoke": "approved",
    }
    said = ask("SELECT args->'devices' FROM commands ORDER BY id")
    assert said == [["pir"], ["pir", "pir-2"]]
    file["households"][0]["residents"] = [{"name": "李爷爷", "elder": True}]
    with transaction(engine) as session:
        import_community(session, file)  # she moved out: it was her word
    assert set(states(engine).values()) == {"approved"}


def test_a_gateway_is_asked_again_when_it_could_not_yesterday_and_not_before(
    say: Callable[..., None], engine: Engine, ask: Ask
) -> None:
    say("device:pir")
    for days, number in ((0.5, 1), (1.5, 2)):
        with transaction(engine) as session:
            at = now() - timedelta(days=days)
            session.connection().exec_driver_sql(
                "UPDATE commands SET ok = false, answered_at = %(at)s", {"at": at}
            )
        heed_all(engine)
        assert ask("SELECT count(*) FROM commands") == [number]
    heed_all(engine)
    assert ask("SELECT count(*) FROM commands") == [2]
