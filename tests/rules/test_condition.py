"""Conditions: three values, bounded in every direction, and CEL agrees."""

from __future__ import annotations

import contextlib
from typing import Any

import celpy
import pytest
from hypothesis import given, settings
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

NUMBERS = ("a", "b")
FLAGS = ("p", "q")


def numbers() -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from([f"m.{name}" for name in NUMBERS]),
        st.integers(0, 9).map(lambda n: f"{n}.0"),
    )
    return st.recursive(
        leaf,
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        max_leaves=4,
    )


def booleans() -> st.SearchStrategy[str]:
    comparison = st.tuples(
        numbers(), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers()
    ).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    leaf = st.one_of(comparison, st.sampled_from([f"m.{name}" for name in FLAGS]))
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            inner.map(lambda t: f"!({t})"),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})"),
        ),
        max_leaves=6,
    )


@given(
    text=booleans(),
    values=st.fixed_dictionaries(
        {
            **{name: st.floats(-9, 9, width=16) for name in NUMBERS},
            **{name: st.booleans() for name in FLAGS},
        }
    ),
)
@settings(max_examples=150, deadline=None)
def test_cel_gives_the_same_verdict(text: str, values: dict[str, Any]) -> None:
    program = CEL.program(CEL.compile(text))
    expected = bool(program.evaluate({"m": celpy.json_to_cel(values)}))
    assert judge(text, values) is expected


@given(text=booleans(), missing=st.sets(st.sampled_from([*NUMBERS, *FLAGS]), min_size=1))
@settings(max_examples=150, deadline=None)
def test_a_verdict_with_values_missing_holds_whatever_they_are(
    text: str, missing: set[str]
) -> None:
    """Kleene's promise: true or false without a value stays so with any value."""
    full: dict[str, Any] = {"a": 1.5, "b": -2.0, "p": True, "q": False}
    verdict = judge(text, {name: value for name, value in full.items() if name not in missing})
    others: dict[str, Any] = {"a": 7.0, "b": 3.0, "p": False, "q": True}
    for world in (full, {**full, **{name: others[name] for name in missing}}):
        assert verdict is None or verdict is judge(text, world)
