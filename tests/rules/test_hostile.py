"""Whatever is written in a rule file, it is a rule or a fault with its place; never worse."""

from __future__ import annotations

import time
from importlib.resources import files
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from anju_rules import ConditionError, InvalidRuleError, Rule, compile_condition, load_library
from anju_rules.loading import read_rules
from anju_rules.syntax import MAX_CHARACTERS

LIBRARY = load_library()
CONDITIONS = sorted({t for r in LIBRARY for t in (r.when, r.clear, r.at_once) if t})
FOLDER = files("anju_rules") / "library"
FILES = [e.read_text("utf-8") for e in FOLDER.iterdir() if e.name.endswith(".yaml")]
RULES = sorted({"- id: " + part for text in FILES for part in text.split("- id: ")[1:]})
ODD = [
    "\u202e",
    "\u200b",
    "\ufeff",
    "\0",
    "\x1b",
    "０",
    "＞",
    "：",
    "м",
    "\u3000",
    "\u2028",
    "\ud800",
]
PARTS = [
    *("m.x", "d.y", "p.z", "s.home", "params.limit", "has(", "m.", "event", "unknown", "null"),
    *("&&", "||", "!", "-", "+", "*", "/", "%", "==", "!=", "<", ">=", "in", "?", ":", "("),
    *(")", "[", "]", ",", ".", '"a"', "'b'", '"', "'", "\\", "1", "0.5", "1e308", "1e-400"),
    *(".startsWith(", ".contains(", "true", "false", "__class__", "9" * 30, "\n", "\t", *ODD),
]
YAML_PARTS = [
    *(
        "- ",
        "? ",
        ": ",
        ", ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!t ",
        "!!int ",
        "<<: ",
        "|\n",
        ">-\n",
    ),
    *(
        "\n",
        "\n  ",
        "\t",
        "#",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "'",
        '"',
        "\\",
        "@",
        "`",
        "~",
        "=",
        ".nan",
    ),
    *(
        "id: a",
        "when: ",
        "for: ",
        "tests: ",
        "params: ",
        "params.x",
        "1:2:3",
        "2026-02-31",
        "0x",
        "0b1_",
    ),
    *ODD,
]


def judged(text: str, params: dict[str, Any] | None = None) -> None:
    """It compiles and can be asked, or is refused at a column of it."""
    began = time.process_time()
    refused = None
    try:
        function = compile_condition(text, params).function
        assert function({"x": 1, "event": "a"}, {}, {}, {}, {}) in {True, False, None}
    except ConditionError as error:
        refused = error
    assert time.process_time() - began < 1
    if refused is not None:
        assert 1 <= refused.column <= len(text) + 1
        assert refused.message
        assert str(refused).startswith(f"column {refused.column}: ")


def loaded(text: str) -> None:
    """It is rules, or faults that each have a place in it."""
    began = time.process_time()
    refused = None
    try:
        read_rules(text, "hostile.yaml")
    except InvalidRuleError as error:
        refused = error
    assert time.process_time() - began < 1
    if refused is None:
        return
    assert refused.faults
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for fault in refused.faults:
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
        assert fault.message


def mutated(seeds: list[str], parts: list[str]) -> st.SearchStrategy[str]:
    """Something valid, cut off, or with a part put in, taken out or exchanged."""

    def change(seed: str, place: float, width: int, part: str, how: str) -> str:
        at = round(place * len(seed))
        match how:
            case "cut":
                return seed[:at]
            case "insert":
                return seed[:at] + part + seed[at:]
            case "remove":
                return seed[:at] + seed[at + width :]
            case _:
                return seed[:at] + part + seed[at + width :]

    return st.builds(
        change,
        st.sampled_from(seeds),
        st.floats(0, 1),
        st.integers(1, 8),
        st.sampled_from(parts),
        st.sampled_from(["cut", "insert", "remove", "exchange"]),
    )


RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(st.text(st.characters(), max_size=1_200))
@example("m.x > 1\u3000")
@example("m.x > ３")
@example("m.x ＞ 3")
@example("\ud800")
@settings(RELAXED, max_examples=300)
def test_any_text_is_a_condition_or_refused_at_its_column(text: str) -> None:
    judged(text)


@given(st.lists(st.sampled_from(PARTS), max_size=60), st.sampled_from(["", " "]))
@settings(RELAXED, max_examples=500)
def test_any_heap_of_words_is_a_condition_or_refused(parts: list[str], between: str) -> None:
    judged(between.join(parts), {"limit": 5})


@given(mutated(CONDITIONS, PARTS))
@settings(RELAXED, max_examples=500)
def test_a_condition_that_was_changed_is_one_or_refused(text: str) -> None:
    judged(text, {"dwell_s": 300, "confidence": 0.8, "least": 20})


@given(
    st.lists(
        st.sampled_from(["(", "!", "-", "m.x ? (", "m.x && (", "has(", "m.x in [", "[["]),
        max_size=40,
    ),
    st.integers(1, 400),
    st.booleans(),
)
@settings(RELAXED, max_examples=200)
def test_however_deep_it_is_a_condition_or_refused(
    opened: list[str], times: int, closed: bool
) -> None:
    text = "".join(opened) * times + "m.x"
    for part in reversed(opened * times if closed else []):
        text += {"m.x ? (": ") : m.x", "m.x in [": "]", "[[": "]]", "!": "", "-": ""}.get(part, ")")
    judged(text[: 2 * MAX_CHARACTERS])


def test_the_deepest_condition_of_the_language_can_be_asked() -> None:
    text = "m.x"
    while len(text) < MAX_CHARACTERS - 40:
        longer = f"m.a || m.b && ({text})"
        try:
            compile_condition(longer)
        except ConditionError:
            break
        text = longer
    assert text.count("(") == 31
    judged(text)


@pytest.mark.parametrize("text", ["x" * 10**6, "m.x" + " " * 10**6, '"' * 10**5, "(" * 10**6])
def test_a_huge_condition_is_refused_at_once(text: str) -> None:
    with pytest.raises(ConditionError, match="at most 1000"):
        compile_condition(text)
    judged(text)


@given(st.text(st.characters(), max_size=400))
@example("\x00")
@example("a: b: c")
@example("%")
@settings(RELAXED, max_examples=300)
def test_any_text_is_rules_or_faults_in_it(text: str) -> None:
    loaded(text)


@given(st.lists(st.sampled_from(YAML_PARTS), max_size=40))
@settings(RELAXED, max_examples=500)
def test_any_heap_of_yaml_is_rules_or_faults_in_it(parts: list[str]) -> None:
    loaded("".join(parts))


@given(mutated(RULES, [*YAML_PARTS, *PARTS]))
@settings(RELAXED, max_examples=500)
def test_a_rule_that_was_changed_is_one_or_has_faults_in_it(text: str) -> None:
    loaded(text)


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["30s", "params.x", "m.x > 1", "*", "camera", "2026-01-01", "３0s", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["for", "n", "when", "within", "severity", "zh", "t", "x", "given"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)
KEYS = st.sampled_from([field.encode_name for field in msgspec.structs.fields(Rule)])


@given(st.dictionaries(KEYS, VALUES, max_size=8))
@settings(RELAXED, max_examples=500)
def test_any_value_under_any_key_is_a_rule_or_a_fault(entry: dict[str, Any]) -> None:
    good = {"id": "a", "title": {"zh": "热", "en": "Hot"}, "icon": "x", "severity": 3}
    rule = {**good, "models": ["climate"], "when": "m.temperature > 35", **entry}
    loaded(yaml.safe_dump([rule], allow_unicode=True, sort_keys=False))
