"""Conditions: three values, bounded in every direction, and CEL agrees."""

from __future__ import annotations

import contextlib
from typing import Any

import celpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anju_rules import ConditionError, compile_condition

E: dict[str, Any] = {}
CEL = celpy.Environment()  # made here: it sets the recursion limit, once


def judge(text: str, m: dict[str, Any] | None = None, **params: Any) -> bool | None:
    return compile_condition(text, params).function(m or {}, E, E, E, E)


@pytest.mark.parametrize(
    ("text", "m", "expected"),
    [
        ("m.x > 3", {"x": 4}, True),
        ("m.x > 3", {"x": 3}, False),
        ("m.x > 3", {}, None),
        ("m.x > 3", {"x": None}, None),
        ("m.x > 3", {"x": "4"}, None),
        ("m.x > 3", {"x": True}, None),
        ("m.x > 3", {"x": float("nan")}, None),
        ("m.x == m.y", {"x": 1, "y": 1.0}, True),
        ("m.x == m.y", {"x": 1, "y": "1"}, None),
        ("m.x == m.y", {"x": True, "y": 1}, None),
        ("m.x < m.y", {"x": {}, "y": {}}, None),
        ("m.x == m.y", {"x": [], "y": []}, None),
        ("m.x == true", {"x": True}, True),
        ("m.x == true", {"x": 1}, None),
        ("m.a == true && m.b == true", {"a": False}, False),
        ("m.a == true && m.b == true", {"b": False}, False),
        ("m.a == true && m.b == true", {"a": True}, None),
        ("m.a == true || m.b == true", {"b": True}, True),
        ("m.a == true || m.b == true", {"b": False}, None),
        ("!m.a", {"a": False}, True),
        ("!m.a", {}, None),
        ("m.a ? m.x > 1 : m.x > 5", {"a": False, "x": 3}, False),
        ("m.a ? m.x > 1 : m.x > 5", {"x": 9}, None),
        ("has(m.x)", {"x": 0}, True),
        ("has(m.x)", {"x": None}, False),
        ("m.x / m.y > 1", {"x": 1, "y": 0}, None),
        ("m.x % 2 == 1", {"x": -3}, False),
        ("7 / 2 == 3.5", {}, True),
        ("-m.x < -1", {"x": 2}, True),
        ('m.s.startsWith("ab")', {"s": "abc"}, True),
        ('m.s.endsWith("ab")', {"s": "abc"}, False),
        ('m.s.contains("b")', {"s": "abc"}, True),
        ('m.s.contains("b")', {"s": 3}, None),
        ('m.event in ["a", "b"]', {"event": "b"}, True),
        ('m.event in ["a", "b"]', {}, None),
        ("m.x in [1, 2]", {"x": True}, None),
        ("m.x in []", {"x": 1}, False),
        ("m.x > 1 ? unknown : true", {"x": 2}, None),
        ("m.x > 1 && unknown", {"x": 1}, False),
        ('m.s == "说\\"明"', {"s": '说"明'}, True),
    ],
)
def test_condition_is_true_false_or_unknown(
    text: str, m: dict[str, Any], expected: bool | None
) -> None:
    assert judge(text, m) is expected


def test_parameters_are_constants() -> None:
    assert judge("m.x >= params.limit", {"x": 5}, limit=5) is True


def test_it_tells_what_it_reads_and_which_events_it_needs() -> None:
    condition = compile_condition('m.event == "opened" && (m.x > 1 || d.y > 2)')
    assert condition.reads == {("m", "event"), ("m", "x"), ("d", "y")}
    assert condition.events == {"opened"}


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("m.x >", 6),
        ("m.x === 3", 7),
        ("foo.x > 1", 1),
        ("m.x < true", 5),
        ("m.x + 1", 1),
        ('m.x > 1 && "a"', 12),
        ('"abc', 1),
        ("温度 > 1", 1),
        ("m.x > 1 # note", 9),
        ('m.s.matches("a+")', 5),
        ("1 < m.x < 2", 9),
        ("m.x == null", 8),
        ("params.limit > 1", 1),
        ("m.x in m.y", 8),
        ("m.x in [1, m.y]", 8),
        ("(" * 10_000, None),
        ("!" * 900 + "m.x", 32),
        ("(" * 400 + "m.x" + ")" * 400, 33),
        ("m.x > 1" + " && m.x > 1" * 80, None),
        ("m." + "x" * 2_000, 1_001),
        ("m.x > 1e999", 7),
        ('m.s == "\\q"', 9),
        ("m.x > 1 \u202e", 9),
        ("m.__class__ == 1 && m.x.y", 25),
    ],
)
def test_what_is_not_of_the_language_is_refused_at_its_column(
    text: str, column: int | None
) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    assert column is None or caught.value.column == column
    assert str(caught.value).startswith("column ")


@given(st.text(max_size=1_200))
@settings(max_examples=300, deadline=None)
def test_hostile_text_never_does_more_than_raise(text: str) -> None:
    with contextlib.suppress(ConditionError):
        compile_condition(text)


# -- CEL as an oracle, on expressions both understand ---------------------------------------
#
# Whole expressions, nested, with values missing: our "unknown" is CEL's error, which its
# && and || absorb as Kleene's do. What differs by design and is therefore not generated:
# - numbers: ours are all doubles, CEL compares no int with a double: literals have a point;
# - dividing by zero (unknown here, infinity in CEL) and % (of whole numbers only in CEL);
# - values of another type than the one they are compared with (unknown here; in CEL false
#   for == and 'in', an error otherwise), null (a missing value here), NaN;
# - 'unknown' and the comparison of two booleans' order, which CEL has or has not.

WORDS = ["a", "ab", "b", "", "门", "abc"]
NUMBERS = ("a", "b")
FLAGS = ("p", "q")
TEXTS = ("s", "t")


def quoted(words: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return words.map(lambda word: f'"{word}"')


def joined(*parts: Any) -> st.SearchStrategy[str]:
    """Parts in brackets: ``(left operator right)``."""
    return st.tuples(*parts).map(lambda t: "(" + " ".join(t) + ")")


def numbers(flags: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from([f"m.{name}" for name in NUMBERS]),
        st.integers(0, 9).map(lambda n: f"{n}.0"),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            joined(inner, st.sampled_from("+-*"), inner),
            joined(inner, st.just("/"), st.sampled_from(["2.0", "4.0"])),
            inner.map(lambda t: f"-({t})"),
            joined(flags, st.just("?"), inner, st.just(":"), inner),
        ),
        max_leaves=4,
    )


def texts(flags: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from([f"m.{name}" for name in TEXTS]), quoted(st.sampled_from(WORDS))
    )
    return st.one_of(leaf, joined(flags, st.just("?"), leaf, st.just(":"), leaf))


def booleans() -> st.SearchStrategy[str]:
    flag = st.sampled_from([f"m.{name}" for name in FLAGS])
    number, text = numbers(flag), texts(flag)
    order = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    names = [*NUMBERS, *FLAGS, *TEXTS]
    leaf = st.one_of(
        flag,
        joined(number, order, number),
        joined(text, order, text),
        joined(flag, st.sampled_from(["==", "!="]), st.sampled_from(["true", "false"])),
        st.sampled_from(names).map(lambda name: f"has(m.{name})"),
        joined(
            number,
            st.just("in"),
            st.lists(st.integers(0, 4), min_size=1, max_size=3).map(
                lambda ns: "[" + ", ".join(f"{n}.0" for n in ns) + "]"
            ),
        ),
        joined(
            text,
            st.just("in"),
            st.lists(quoted(st.sampled_from(WORDS)), min_size=1, max_size=3).map(
                lambda items: "[" + ", ".join(items) + "]"
            ),
        ),
        st.tuples(text, st.sampled_from(["startsWith", "endsWith", "contains"]), text).map(
            lambda t: f"{t[0]}.{t[1]}({t[2]})"
        ),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            joined(inner, st.sampled_from(["&&", "||"]), inner),
            inner.map(lambda t: f"!({t})"),
            joined(inner, st.just("?"), inner, st.just(":"), inner),
        ),
        max_leaves=6,
    )


def worlds() -> st.SearchStrategy[dict[str, Any]]:
    """Readings in which each value may be missing."""
    return st.fixed_dictionaries(
        {},
        optional={
            **{name: st.integers(-9, 9).map(float) for name in NUMBERS},
            **{name: st.booleans() for name in FLAGS},
            **{name: st.sampled_from(WORDS) for name in TEXTS},
        },
    )


def ask_cel(program: Any, values: dict[str, Any]) -> bool | None:
    try:
        return bool(program.evaluate({"m": celpy.json_to_cel(values)}))
    except celpy.CELEvalError:
        return None


@given(text=booleans(), readings=st.lists(worlds(), min_size=1, max_size=4))
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_cel_gives_the_same_verdict(text: str, readings: list[dict[str, Any]]) -> None:
    program = CEL.program(CEL.compile(text))
    for values in readings:
        assert judge(text, values) is ask_cel(program, values), values


@given(
    text=booleans().filter(lambda text: "has(" not in text),
    missing=st.sets(st.sampled_from([*NUMBERS, *FLAGS, *TEXTS]), min_size=1),
)
@settings(max_examples=150, deadline=None)
def test_a_verdict_with_values_missing_holds_whatever_they_are(
    text: str, missing: set[str]
) -> None:
    """Kleene's promise: true or false without a value stays so with any value.

    ``has`` is the exception: it asks just that.
    """
    full: dict[str, Any] = {"a": 1.5, "b": -2.0, "p": True, "q": False, "s": "ab", "t": "门"}
    verdict = judge(text, {name: value for name, value in full.items() if name not in missing})
    others: dict[str, Any] = {"a": 7.0, "b": 3.0, "p": False, "q": True, "s": "", "t": "a"}
    for world in (full, {**full, **{name: others[name] for name in missing}}):
        assert verdict is None or verdict is judge(text, world)
