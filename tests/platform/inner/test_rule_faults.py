"""A rule that fails, or a new version that cannot use what the old one kept, costs no alarm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rule_editor import HEAT, HEATED, Editor, hot
from rule_office import Office
from sqlalchemy import Engine, text
from wire_sender import now_ms

from anju_platform.alerts.unwatched import lose_sight
from anju_platform.database import transaction
from anju_platform.registry.coverage import KEPT_MS
from anju_platform.rulebook import listing
from anju_platform.rulebook.succession import shape
from anju_platform.rulebook.texts import read
from anju_rules import CompiledRule, InvalidRuleError, Outcome

Ask = Callable[[str], list[Any]]


def failing(*_: Any) -> Outcome:
    raise ZeroDivisionError


def test_a_timer_whose_rule_failed_comes_again(
    office: Office, editor: Editor, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.put_in_force(hot(after="30s"))
    office.follow()
    office.say(40)
    with monkeypatch.context() as patched:
        patched.setattr(CompiledRule, "tick", failing)
        office.pass_time(40)
    assert ask(HEATED) == []
    office.pass_time(60)
    assert ask(HEATED) == [("active", 1, 3)]


def test_a_rule_that_fails_at_every_reading_does_not_flood_the_log(
    office: Office,
    editor: Editor,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    editor.put_in_force()
    office.follow()
    step = CompiledRule.step
    monkeypatch.setattr(
        CompiledRule,
        "step",
        lambda rule, *about: failing() if rule.rule.id == "heat" else step(rule, *about),
    )
    for number in range(40):
        office.say(20 + number % 3)
    failures = [record for record in caplog.records if "rule heat failed" in record.getMessage()]
    assert len(failures) == 6  # 1, 2, 4, 8, 16, 32


def test_an_alert_whose_memory_cannot_be_read_is_unknown(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    with engine.begin() as connection:
        broken = "UPDATE rule_states SET state = jsonb_set(state, '{state}', '[]') "
        connection.execute(text(f"{broken} WHERE rule_id = 'heat'"))
    office.open()
    office.pass_time(1)
    assert ask(HEATED) == [("unknown", 1, 3)]
    office.say(40)
    assert ask(HEATED) == [("active", 1, 3)]
    office.open()
    office.pass_time(1)
    assert ask(HEATED) == [("active", 1, 3)]


def test_a_fault_the_database_cannot_keep_stops_nobody(
    office: Office, editor: Editor, ask: Ask, engine: Engine
) -> None:
    editor.put_in_force()
    office.follow()
    office.say(40)
    broken = HEAT + '"x\\0": a former release could read this\n'
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE rule_versions DISABLE TRIGGER only_added"))
        connection.execute(text("UPDATE rule_versions SET text = :text"), {"text": broken})
        connection.execute(text("ALTER TABLE rule_versions ENABLE TRIGGER only_added"))
    office.open()
    assert ask(HEATED) == [("unknown", 1, 3)]


def two_steps(after: str) -> str:
    """Give a rule that rings for heat after other things came before it."""
    said = HEAT.replace("given: [{t: 0, values: {temperature: 80}}]", GIVEN)
    return f"{said}sequence: {{after: {after}, within: 1h}}\n".replace("t: 0, kind", "t: 2, kind")


GIVEN = (
    "given: [{t: 0, values: {humidity: 95}}, {t: 1, values: {temperature: -5}},"
    " {t: 2, values: {temperature: 80}}]"
)


def test_a_beginning_of_fewer_steps_is_none_of_more(
    office: Office, editor: Editor, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    editor.put_in_force(two_steps("[m.humidity > 90]"))
    office.follow()
    office.tell_values(humidity=95.0)
    editor.activate("heat", editor.save("heat", two_steps("[m.humidity > 90, m.temperature < 0]")))
    office.follow()
    office.pass_time(1)
    office.say(40)
    assert ask(HEATED) == []  # it has not been cold
    for said in ({"humidity": 95.0}, {"temperature": -5.0}, {"temperature": 40.0}):
        office.pass_time(1)
        office.tell_values(**said)
    assert ask(HEATED) == [("active", 2, 3)]
    assert "failed" not in caplog.text


def daily(now_ms: int) -> str:
    """Give a rule that something must come between twenty and ten minutes ago."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    since, by = (f"{now - timedelta(minutes=m):%H:%M}" for m in (20, 10))
    wait = f"daily: {{by: wake_by, default: '{by}', since: '{since}', plus: 1m}}\n"
    tests = "tests: [{name: it came, given: [{t: 0, values: {temperature: 80}}], expect: []}]\n"
    return HEAT.partition("tests:")[0] + wait + tests


def test_readings_remembered_are_no_silence(office: Office, editor: Editor, ask: Ask) -> None:
    editor.put_in_force()
    office.follow()
    office.say(20)
    office.pass_time(1)
    editor.activate("heat", editor.save("heat", daily(office.now)))
    office.follow()
    office.pass_time(70)
    assert ask(HEATED) == []  # it was not asked for when it should have come


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "rate: {of: temperature, within: 1h, above: 5}",
            "rate: {of: humidity, within: 1h, above: 5}",
        ),
        ("rate: {of: temperature, within: 1h, above: 5}", "count: {n: 3, within: 1h}"),
        ("distinct: {of: temperature, n: 3, within: 1h}", "count: {n: 3, within: 1h}"),
        ("sequence: {after: [m.humidity > 90], within: 1h}", "for: 10s"),
        ("daily: {by: wake_by}", "for: 10s"),
        ("absent_for: {for: 1h}", "for: 10s"),
    ],
)
def test_what_one_operator_keeps_means_nothing_to_another(one: str, other: str) -> None:
    first, second = (shape(read(hot(extra=f"{extra}\n"))) for extra in (one, other))
    assert first != second


@pytest.mark.parametrize(
    "silence",
    [
        "{for: 8d}",
        "{for: 1h, learned: {least: 1h, most: 8d}}",
        "{for: 1h}\nsteps: [{severity: 1, for: 8d}]",
        "{for: 1h, learned: {least: 1h, most: 4d}}\nsteps: [{severity: 1, for: 2h, times: 2}]",
    ],
)
def test_no_rule_waits_longer_than_blindness_is_remembered(silence: str) -> None:
    assert KEPT_MS >= 7 * 86_400_000
    with pytest.raises(InvalidRuleError, match="longer than 7 days"):
        read(hot(extra=f"absent_for: {silence}\n"))
    assert read(hot(extra="absent_for: {for: 7d}\n"))


def test_a_rule_has_few_steps() -> None:
    steps = ", ".join(f"{{severity: 1, when: m.temperature > {n}}}" for n in range(36, 53))
    with pytest.raises(InvalidRuleError, match="16 at most"):
        read(hot(extra=f"steps: [{steps}]\n"))


def test_another_length_or_limit_is_no_other_shape() -> None:
    for extra in ("for: 10s", "clear_for: 10s", "steps: [{severity: 1, for: 10m}]", "latch: true"):
        assert shape(read(hot(20, extra=f"{extra}\n"))) == shape(read(hot()))


def test_any_number_of_memories_may_be_lost_at_once(office: Office, engine: Engine) -> None:
    del office
    lost = [(1, "heat", f"device-{number}") for number in range(100_000)]
    with transaction(engine) as session:
        assert lose_sight(session, [], lost, now_ms()) == []
        assert listing.texts(session, [(1, rule, 1) for _, _, rule in lost]) == {}
