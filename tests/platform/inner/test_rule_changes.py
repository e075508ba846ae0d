"""Ingest follows what is put in force while it runs, and loses nothing of what it remembers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from ingest_process import IngestProcess
from rule_editor import HEATED, Editor, add_person, hot
from rule_office import Office
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from wire_sender import COMMUNITY, Sender, now_ms, until

from anju_devices.messages import Lane, Reading
from anju_platform.database import transaction
from anju_platform.rulebook import force, overview
from anju_platform.rulebook.texts import library_texts

Ask = Callable[[str], list[Any]]
STATES = "SELECT count(*) FROM rule_states WHERE rule_id = 'heat'"


def test_an_activated_rule_raises_and_only_in_its_community(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.create()
    office.follow()
    office.say(40)
    assert ask(HEATED) == []
    editor.activate("heat", 1)
    office.follow()
    office.say(40)
    office.say(40, community="other")
    assert ask(HEATED) == [("active", 1, 3)]


def test_rules_that_did_not_change_keep_state_and_timers(office: Office, editor: Editor) -> None:
    office.tell(Reading(device="climate-0", at=office.now, values={"battery": 5}))
    rulebook = office._walk._rulebook
    before, due = dict(rulebook._memory), rulebook.next_due()
    sets = {key: rulebook._rule(key) for key in before}
    editor.put_in_force()
    office.follow()
    assert {key: rulebook._memory[key] for key in before} == before
    assert {key: rulebook._rule(key) for key in before} == sets
    assert rulebook.next_due() == due


def test_communities_without_rules_of_their_own_share_one_rule_set(
    office: Office, editor: Editor
) -> None:
    rulebook = office._walk._rulebook
    mine = editor.actor.community_id
    (other,) = set(rulebook._sets) - {mine}
    assert rulebook._sets[mine] is rulebook._sets[other]
    editor.put_in_force()
    office.follow()
    assert rulebook._sets[mine] is not rulebook._sets[other]
    shared = rulebook._sets[mine].get("smoke")
    assert shared is rulebook._sets[other].get("smoke")


def test_a_new_version_goes_on_with_what_the_old_one_remembered(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force(hot(35, after="60s"))
    office.follow()
    office.say(40)
    office.pass_time(30)
    text_ = hot(38, after="40s")
    editor.activate("heat", editor.save("heat", text_))
    office.follow()
    office.pass_time(5)
    assert ask(HEATED) == []
    office.pass_time(12)  # 47 s: forty of them hot, and the lateness
    assert ask(HEATED) == [("active", 2, 3)]


def test_a_shorter_time_counts_at_once_and_after_a_restart_too(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force(hot(35, after="10m"))
    office.follow()
    office.say(40)
    office.pass_time(60)
    text_ = hot(35, after="30s")
    editor.activate("heat", editor.save("heat", text_))
    office.open()  # it was away while the rule changed
    office.pass_time(1)
    assert ask(HEATED) == [("active", 2, 3)]


def test_what_means_nothing_to_a_new_version_is_dropped_and_its_alert_is_unknown(
    office: Office, editor: Editor, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    editor.activate("heat", editor.save("heat", hot(35, "entity: place\n")))
    with caplog.at_level(logging.WARNING):
        office.follow()
    assert "does not fit what is remembered" in caplog.text
    assert ask(HEATED) == [("unknown", 1, 3)]
    assert ask(STATES) == [0]
    office.say(40)
    assert sorted(ask(HEATED)) == [("active", 2, 3), ("unknown", 1, 3)]


def test_a_memory_whose_device_the_rule_is_about_no_more_is_dropped(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    of_pir = hot().replace("[climate]", "[pir]").replace("m.temperature", "m.lux")
    editor.activate("heat", editor.save("heat", of_pir.replace("temperature:", "lux:")))
    office.open()
    assert ask(HEATED) == [("unknown", 1, 3)]
    assert ask(STATES) == [0]


def test_a_rule_switched_off_leaves_its_open_alert_unknown_and_forgets(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    office.say(41, device="climate-1")
    feed = "SELECT feed_seq FROM communities WHERE slug = 'tiny'"
    (before,) = ask(feed)
    editor.switch_off("heat", "the boiler is being repaired")
    office.follow()
    assert ask(HEATED) == [("unknown", 1, 3)] * 2
    assert ask(STATES) == [0]
    assert ask(feed) == [before + 2]
    (entry,) = ask(
        "SELECT DISTINCT t.kind, u.name, t.data FROM alert_timeline t"
        " JOIN users u ON u.id = t.user_id WHERE t.kind = 'unknown'"
    )
    said = {"rule": "off", "note": "the boiler is being repaired"}
    assert entry == ("unknown", "Anna", said)
    office.say(50)
    office.follow()
    office.open()
    assert (
        ask("SELECT condition, handling, version FROM alerts WHERE rule_id = 'heat'")
        == [("unknown", "unacked", 2)] * 2
    )
    assert ask("SELECT count(*) FROM alert_timeline WHERE kind = 'unknown'") == [2]


def test_what_was_closed_or_is_over_is_left_alone_when_its_rule_is_switched_off(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    office.pass_time(1)
    office.say(20)
    office.say(40, device="climate-1")
    with engine.begin() as connection:
        close = "UPDATE alerts SET handling = 'closed' WHERE entity = 'climate-1'"
        connection.execute(text(close))
    editor.switch_off("heat")
    office.follow()
    assert sorted(row[0] for row in ask(HEATED)) == ["active", "clear"]


def test_a_rule_that_is_switched_on_again_begins_anew_and_takes_its_alert_back(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    editor.switch_off("heat")
    office.follow()
    editor.activate("heat", 1)
    office.follow()
    assert ask(HEATED) == [("unknown", 1, 3)]
    office.say(20)
    assert ask(HEATED) == [("unknown", 1, 3)]
    office.say(40)
    assert ask(HEATED) == [("active", 1, 3)]


def test_a_rule_switched_off_while_ingest_was_away_is_off_when_it_is_back(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    editor.switch_off("heat")
    office.open()
    assert ask(HEATED) == [("unknown", 1, 3)]
    assert ask(STATES) == [0]


def test_a_library_rule_is_switched_off_overridden_and_put_back(
    office: Office, editor: Editor, ask: Ask
) -> None:
    batteries = "SELECT entity, rule_version FROM alerts WHERE rule_id = 'battery-low' ORDER BY 1"

    def battery(percent: int, device: str) -> None:
        office.tell(Reading(device=device, at=office.now, values={"battery": percent}))

    editor.switch_off("battery-low")
    office.follow()
    battery(5, "climate-0")
    assert ask(batteries) == []
    mine = library_texts()["battery-low"].replace("least: 20", "least: 10")
    mine = mine.replace("battery: 19", "battery: 9")
    assert editor.create(mine) == "battery-low"
    office.follow()
    battery(5, "climate-1")
    assert ask(batteries) == []  # a version is not in force because it is there
    editor.activate("battery-low", 2)
    office.follow()
    battery(15, "climate-2")
    battery(5, "climate-2")
    assert ask(batteries) == [("climate-2", 2)]
    editor.activate("battery-low", None)
    office.follow()
    battery(15, "climate-3")
    assert ask(batteries) == [("climate-2", 2), ("climate-3", 1)]


WATCHED = """\
id: nobody-speaks
title: {zh: 无声, en: Silent}
icon: router
severity: 3
models: [climate]
when: "true"
absent_for: {for: 20s}
tests:
  - name: silent
    given: [{t: 0, values: {temperature: 1}}]
    expect: [{t: 20s, kind: active}]
    until: 60s
"""


def test_a_new_absence_rule_watches_at_once_what_never_spoke(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.create(WATCHED)
    office.pass_time(30)
    editor.activate("nobody-speaks", 1)
    office.follow()
    office.pass_time(15)
    silent = "SELECT count(*) FROM alerts WHERE rule_id = 'nobody-speaks' AND condition = 'active'"
    assert ask(silent) == [0]
    office.pass_time(15)
    assert ask(silent) == [5]


HOME = """\
id: home-quiet
title: {zh: 家中无声, en: Quiet at home}
icon: router
severity: 3
models: [pir, sos_button]
entity: household
when: "true"
absent_for: {for: 60s}
tests:
  - name: quiet
    given: [{t: 0, values: {battery: 50}}]
    expect: [{t: 60s, kind: active}]
    until: 2m
"""


def test_another_device_speaks_for_a_home_when_the_rule_is_about_the_first_no_more(
    office: Office, editor: Editor, ask: Ask
) -> None:
    editor.put_in_force(HOME)
    office.follow()
    office.tell(Reading(device="pir", at=office.now, values={"motion": True}))
    office.pass_time(40)
    editor.activate("home-quiet", editor.save("home-quiet", HOME.replace("pir, ", "")))
    office.follow()
    office.tell(Reading(device="pir", at=office.now, values={"motion": True}))
    office.pass_time(30)  # 70 s since it was heard of last
    quiet = "SELECT entity, rule_version FROM alerts WHERE rule_id = 'home-quiet'"
    assert ask(quiet) == [("b1-101", 2)]


def test_what_a_former_release_remembered_goes_on_under_an_override(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    office.tell(Reading(device="climate-0", at=office.now, values={"battery": 5}))
    office.tell(Reading(device="climate-1", at=office.now, values={"battery": 5}))
    with engine.begin() as connection:
        connection.execute(text("UPDATE rule_states SET state = state - 'version' - 'shape'"))
    editor.create(library_texts()["battery-low"])
    editor.activate("battery-low", 2)
    office.open()
    office.pass_time(1)
    office.tell(Reading(device="climate-0", at=office.now, values={"battery": 95}))
    low = "SELECT condition, rule_version FROM alerts WHERE rule_id = 'battery-low' ORDER BY 1"
    assert ask(low) == [("active", 1), ("clear", 1)]
    versions = "SELECT DISTINCT state ->> 'version' FROM rule_states WHERE rule_id = 'battery-low'"
    assert ask(versions) == ["2"]


def test_what_a_former_release_remembered_of_something_else_means_nothing_to_the_library(
    office: Office, ask: Ask, engine: Engine
) -> None:
    """Its rule was about homes and is about devices now, under the same number."""
    office.tell(Reading(device="climate-0", at=office.now, values={"battery": 5}))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE rule_states SET state = jsonb_set(state, '{shape}', :shape)"),
            {"shape": '"readings of household by nothing"'},
        )
    office.open()
    office.pass_time(1)
    low = "SELECT condition FROM alerts WHERE rule_id = 'battery-low'"
    assert ask(low) == ["unknown"]
    assert ask("SELECT count(*) FROM rule_states WHERE rule_id = 'battery-low'") == [0]


def test_what_a_rule_of_a_former_release_rang_for_is_unknown(
    office: Office, ask: Ask, engine: Engine
) -> None:
    """Its rule was split in two; nobody judges the old one any more."""
    office.tell(Reading(device="climate-0", at=office.now, values={"battery": 5}))
    states = "UPDATE rule_states SET rule_id = 'former' WHERE rule_id = 'battery-low'"
    alerts = (
        "UPDATE alerts SET rule_id = 'former', dedupe_key = 'former' || substr(dedupe_key, 12)"
        " WHERE rule_id = 'battery-low'"
    )
    with engine.begin() as connection:
        connection.execute(text(states))
        connection.execute(text(alerts))
    office.open()
    assert ask("SELECT condition FROM alerts WHERE rule_id = 'former'") == ["unknown"]
    assert ask("SELECT count(*) FROM rule_states WHERE rule_id = 'former'") == [0]


def break_text(engine: Engine, version: int) -> None:
    """Make a stored text such as this release cannot read, as one of another might be."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE rule_versions DISABLE TRIGGER only_added"))
        broken = "UPDATE rule_versions SET text = 'id: [' WHERE version = :version"
        connection.execute(text(broken), {"version": version})
        connection.execute(text("ALTER TABLE rule_versions ENABLE TRIGGER only_added"))


def test_a_stored_rule_that_cannot_be_read_any_more_gives_way_to_the_last_good_one(
    office: Office, editor: Editor, ask: Ask, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    editor.put_in_force(hot(35))
    editor.activate("heat", editor.save("heat", hot(30)))
    break_text(engine, 2)
    office.open()
    assert "version 2" in caplog.text
    office.say(32)
    assert ask(HEATED) == []
    office.say(40)
    assert ask(HEATED) == [("active", 1, 3)]
    with transaction(engine) as session:
        row = overview.detail(session, editor.actor.community_id, "heat").rule
    assert (row.active, row.version, row.activation) == (True, 1, 2)
    assert row.fault is not None
    assert "version 2" in row.fault


def test_a_broken_override_gives_way_to_the_librarys_rule(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    editor.create(library_texts()["battery-low"])
    editor.activate("battery-low", 2)
    break_text(engine, 2)
    office.open()
    office.tell(Reading(device="climate-0", at=office.now, values={"battery": 15}))
    assert ask("SELECT rule_version FROM alerts WHERE rule_id = 'battery-low'") == [1]


def test_a_broken_rule_without_another_is_not_in_force_and_its_alerts_are_unknown(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    break_text(engine, 1)
    office.open()
    assert ask(HEATED) == [("unknown", 1, 3)]
    (said,) = ask("SELECT data FROM alert_timeline WHERE kind = 'unknown'")
    assert said["rule"] == "unreadable"
    with transaction(engine) as session:
        (row,) = [r for r in overview.rows(session, editor.actor.community_id) if r.id == "heat"]
    assert (row.active, row.version) == (False, None)
    assert row.fault


def test_a_failed_transaction_takes_no_change_of_rules_along(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    editor.put_in_force()
    with Session(engine) as session:
        office._walk.reload_rules(session)
        office._walk.take_in(session, [], office.now)
        session.rollback()
    office.open()
    office.say(40)
    assert ask(HEATED) == [("active", 1, 3)]


def test_choices_of_a_rule_the_library_has_no_more_stop_nobody(
    editor: Editor, engine: Engine
) -> None:
    editor.switch_off("battery-low")
    editor.activate("battery-low", 1)
    with transaction(engine) as session:
        (overlay,) = force.load(session, {}).values()
    assert overlay["battery-low"].rule is None
    assert "no such rule" in overlay["battery-low"].fault


def test_a_running_ingest_takes_over_what_is_activated_and_switched_off(
    sender: Sender, ingest: IngestProcess, ask: Ask, engine: Engine
) -> None:
    def heat(temperature: float) -> None:
        values = {"temperature": temperature}
        sender.put(Lane.TELEMETRY, Reading(device="climate-0", at=now_ms(), values=values))
        sender.wait()

    editor = Editor(engine, add_person(engine, "anna", COMMUNITY))
    heat(40)
    editor.put_in_force()
    until(lambda: heat(40) or ask(HEATED) == [("active", 1, 3)], timeout_s=5)
    ingest.kill()
    ingest.start()
    until(lambda: ingest.said().count("ingest is at work") == 2)
    editor.switch_off("heat")
    until(lambda: ask(HEATED) == [("unknown", 1, 3)], timeout_s=5)
    assert ask(STATES) == [0]
