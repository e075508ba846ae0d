"""Rule files: every fault is told, at its line and column, with what is expected."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from anju_rules import InvalidRuleError, load_library, load_rules
from anju_rules.errors import Fault
from anju_rules.loading import read_rules

HEAD = "id: hot\ntitle: {zh: 热, en: Hot}\nicon: flame\nseverity: 3\nmodels: [climate]\n"
GOOD = HEAD + "when: m.temperature > 35\n"
DOOR = HEAD.replace("climate", "door")


def faults(text: str) -> tuple[Fault, ...]:
    with pytest.raises(InvalidRuleError) as caught:
        read_rules(text, "hot.yaml")
    assert caught.value.faults
    for fault in caught.value.faults:
        assert str(fault) in str(caught.value)
    return caught.value.faults


def marked(text: str) -> tuple[str, int, int]:
    """Take out ‸, which stands before the place that must be pointed at."""
    place = text.index("‸")
    line = text.count("\n", 0, place) + 1
    return text.replace("‸", ""), line, place - text.rfind("\n", 0, place)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "when: m.temperature >‸", "found the end"),
        (HEAD + "when: m.temperature > 3 ‸4", "unexpected '4'"),
        (HEAD + "when: 'm.temperature > 1 && ''it'' ‸5'", "unexpected '5'"),
        (HEAD + 'when: "m.temperature > 1 \\\n  \\u0026& ‸x > 2"', "unknown name 'x'"),
        (HEAD + 'when: "m.temperature\n\n   > 1\n   && ‸x > 2"', "unknown name 'x'"),
        (HEAD + "when: >-\n  m.temperature > 1\n  && ‸x > 2\n", "unknown name 'x'"),
        (HEAD + "when: |\n\n    m.temperature > 1\n      && ‸x > 2\n", "unknown name 'x'"),
        (HEAD + "when: m.temperature > 1\n  && ‸x > 2\n", "unknown name 'x'"),
        (HEAD + "when: ‸m.temprature > 1", "did you mean 'temperature'"),
        (HEAD + "when: m.temperature ‸＞ 1", "FULLWIDTH GREATER-THAN SIGN; write '>'"),
        (HEAD + "when: m.tem‸рerature > 1", "CYRILLIC SMALL LETTER ER; write 'p'"),
        (GOOD + "clear: m.event == ‸'cold'", "none of its models has an event 'cold'"),
        (GOOD + "unless: {when: m.humidity > ‸y, within: 5s}", "unknown name 'y'"),
        (GOOD + "absent_for: {for: 5s, while: ‸m.wind > 2}", "none of its models says m.wind"),
        (DOOR + "when: m.door_state == ‸'opne'", "did you mean 'open'"),
        (DOOR + "when: m.event == 'passed' && m.bodies == ‸'two'", "is a number, never 'two'"),
        (DOOR + "when: m.event == 'opened' && ‸m.bodies > 1", "opened comes without m.bodies"),
        (DOOR + "when: m.battery > ‸120", "never over 100"),
        (DOOR + "when: m.battery < params.x || ‸params.x > m.battery\nparams: {x: -1}", "under 0"),
        (DOOR + "when: m.door_state == ‸true", "is a word, never True"),
        (DOOR + "when: m.event in ['opened', ‸'shut']", "an event 'shut'"),
        (GOOD + "notify: [guard, ‸gaurd]", "did you mean 'guard'"),
        (GOOD + "clear: ‸[a]", "expected text, found a list"),
        (GOOD + "clear: ‸true", "expected text, found true; put it in quotes"),
        (GOOD + "clear: ‸!m.temperature", "a text that begins with ! needs quotes"),
        (GOOD + "‸wen: m.x", "did you mean 'when'"),
        (GOOD + "steps: [{severity: 2, ‸fro: 5m}]", "did you mean 'for'"),
        (GOOD + "steps: [{severity: 2, for: ‸soon}]", "'soon' is not a duration"),
        (GOOD + "for: 5m\nsteps: [{severity: 2, for: ‸5m}]", "waits 300 s already"),
        (GOOD + "steps: [{severity: 2, n: ‸5}]", "counts nothing"),
        (GOOD + "count: {n: 5, within: 1m}\nsteps: [{severity: 2, n: ‸5}]", "waits for 5 already"),
        (
            GOOD + "steps: [{severity: 1, for: 5m}, ‸{severity: 2, for: 6m}]",
            "another step is sooner",
        ),
        (GOOD + "for: ‸.nan", "ten years"),
        (GOOD + "for: ‸.inf", "ten years"),
        (GOOD + "for: ‸-5", "ten years"),
        (GOOD + "for: ‸999999999999999d", "ten years"),
        (GOOD + "for: ‸３0s", "write '3'"),
        (GOOD + "for: " + "‸" + "9" * 5_000, "a number of 5000 characters"),
        (GOOD + "for: " + "‸" + "1:" * 5_000 + "1", "a number of 10001 characters"),
        (GOOD + "for: ‸params.hold", "there is no parameter 'hold'"),
        (GOOD + "params: {hold: 5s}\nfor: ‸params.hodl", "did you mean 'hold'"),
        (GOOD + "params: {x: ‸.nan}", "finite"),
        (GOOD + "params: {x: ‸[1]}", "a number, a text, true or false"),
        (GOOD + "schedule: {hours: ‸'25:00-26:00'}", "expected HH:MM-HH:MM"),
        (GOOD + "discriminator: ‸zone", "none of its models says m.zone"),
        (GOOD + "entity: ‸plaec", "did you mean 'place'"),
        (GOOD + "except_models: ‸[door]", 'goes with models: ["*"]'),
        (GOOD.replace("[climate]", "[‸climat]"), "did you mean 'climate'"),
        (GOOD.replace("[climate]", "[‸*]"), "needs quotes"),
        (GOOD.replace("[climate]", "‸climate"), "expected a list"),
        (GOOD + "‸when: m.temperature > 2", "given twice, first on line 6"),
        (GOOD + "params:\n‸\tx: 5", "a tab"),
        (GOOD + "for‸：5s\nclear: m.x", "FULLWIDTH COLON"),
        ("id‸：hot", "expected a rule"),
        (GOOD + "clear: ‸&a m.temperature < 3", "anchor"),
        (GOOD + "params: {x: ‸*a}", "an alias"),
        (GOOD + "params: {x: ‸!!python/name:os.system 3}", "YAML tag"),
        (GOOD + "params: {x: {y: " + "[" * 13 + "‸[", "nested more than 16"),
        (GOOD + "# said\u0020by ‸\u202egnihton", "RIGHT-TO-LEFT OVERRIDE"),
        (GOOD + "clear: 'm.temp‸\u200berature < 3'", "ZERO WIDTH SPACE"),
        (GOOD + "clear: 'm.‸\0'", "U+0000"),
        (GOOD + "‸---\n" + GOOD, "second document"),
        ("- ‸5", "expected a rule with keys"),
        ("‸", "there is no rule"),
        (
            GOOD + "tests: [{name: a, expect: [], given: [{t: 0, ‸evnt: x}]}]",
            "did you mean 'event'",
        ),
        (GOOD + "tests: [{name: a, expect: [], given: [‸{t: 0}]}]", "nothing happens"),
        (GOOD + "tests: [{name: a, expect: [{t: 0, kind: ‸ative}]}]", "did you mean 'active'"),
        (GOOD + "tests: [{name: a, expect: [], shows: ‸restart}]", "does not show 'restart'"),
        (GOOD + "tests: [{name: a, expect: [], start: ‸99999999999999999999}]", "4102444800000"),
        (GOOD + "tests: [{name: a, expect: [], timezone: ‸Mars}]", "no time zone"),
    ],
)
def test_a_fault_is_told_where_it_stands(text: str, message: str) -> None:
    text, line, column = marked(text)
    found = faults(text)
    spots = [(fault.line, fault.column) for fault in found if message in fault.message]
    assert (line, column) in spots, found


def test_all_faults_are_told_in_order() -> None:
    text = (
        "- id: a\n  icon: x\n  severity: 9\n  models: [dor, door]\n  when: m.x > 1 && y\n"
        "  clear: m.event == 'opend' || m.door_state == 'opn'\n  for: soon\n  bogus: 1\n"
        "- id: b\n  title: {zh: 热}\n  icon: 5\n  severity: high\n  models: [door]\n"
        "  when: 'true'\n  steps: [{severity: 1, for: x}, {severity: 2, n: y}]\n"
    )
    found = faults(text)
    assert [(f.line, f.column) for f in found] == sorted((f.line, f.column) for f in found)
    keys = [(f.rule, f.path) for f in found]
    assert set(keys) == {
        ("a", "title"),
        ("a", "severity"),
        ("a", "models[0]"),
        ("a", "when"),
        ("a", "clear"),
        ("a", "for"),
        ("a", "bogus"),
        ("b", "title.en"),
        ("b", "icon"),
        ("b", "severity"),
        ("b", "steps[0].for"),
        ("b", "steps[1].n"),
    }
    assert keys.count(("a", "clear")) == 2


def test_two_rules_of_one_id_in_a_file_are_refused_at_the_second() -> None:
    text = "".join("- " + GOOD.replace("\n", "\n  ").rstrip() + "\n" for _ in range(2))
    assert [(f.line, f.column) for f in faults(text)] == [(7, 7)]


def test_events_that_exclude_each_other_are_never_true() -> None:
    text = GOOD.replace("climate", "door").replace(
        "m.temperature > 35", "m.event == 'opened' && m.event == 'closed'"
    )
    assert "never be true" in faults(text)[0].message


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n" * 2,
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 50_000,
        "- a\n" * 200_000,
        "x" * 1_000_001,
        "id: " + "x" * 900_000,
        "? " * 1_000,
        "when: '" + "'" * 100_001,
        "when: |\n" + " \n" * 100_000 + "  m.x >\n",
        GOOD + "params: {" + ", ".join(f"p{n}: {n}" for n in range(20_000)) + ", x: [",
        GOOD + "".join(f"k{n}: {n}\n" for n in range(20_000)),
        "%YAML 9.9\n---\na",
        "\ud800",
        "<<: {a: b}",
        "=: =",
        "when: 2026-99-99",
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_bombs_are_refused_quickly(text: str) -> None:
    began = time.perf_counter()
    assert 1 <= len(faults(text)) <= 50
    assert time.perf_counter() - began < 10


def test_files_that_are_no_text_are_refused_at_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(GOOD.encode() + "clear: 热".encode() + b"\xff\xfe")
    with pytest.raises(InvalidRuleError, match=r"a\.yaml:7:9: not UTF-8: byte 0xFF"):
        load_rules(file)
    file.write_bytes(b"x" * 5_000_000)
    with pytest.raises(InvalidRuleError, match="larger than"):
        load_rules(file)
    with pytest.raises(InvalidRuleError, match="cannot be read"):
        load_rules(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert [rule.id for rule in load_rules(file)] == ["hot"]


def test_the_library_is_without_fault() -> None:
    assert len(load_library()) > 40


def test_words_yaml_takes_for_yes_are_keys_and_texts_where_they_should() -> None:
    (rule,) = read_rules(GOOD + 'tests: [{name: "on", expect: [], s: {home: out}}]', "hot.yaml")
    assert re.match("on", rule.tests[0]["name"])
