"""The figures of a rule: every number that decides when it rings, and how it may be written."""

import re
from collections.abc import Iterator

from anju_rules.durations import Duration
from anju_rules.meaning import nodes
from anju_rules.rule import Rule
from anju_rules.syntax import Literal, parse

_UNITS_MS = (1, 1_000, 60_000, 3_600_000, 86_400_000)
_PLAIN = {0, 1}
"""Numbers in a condition that say "none" or "some": nobody reads them as a limit."""


def figures(rule: Rule) -> Iterator[tuple[str, frozenset[str]]]:
    """Give each figure's key in the rule, and the ways it may be written."""
    yield from ((f"params.{name}", _value(value)) for name, value in rule.params.items())
    yield from ((name, _length(value)) for name, value in _lengths(rule))
    yield from ((name, _number(value)) for name, value in _numbers(rule) if value)
    if rule.schedule is not None and rule.schedule.hours != "00:00-24:00":
        yield "schedule.hours", frozenset({rule.schedule.hours})
    yield from _limits(rule)


def is_named(ways: frozenset[str], text: str) -> bool:
    """Say whether a text names a figure in one of the ways it may be written."""
    return any(re.search(rf"(?<![\d.]){re.escape(way)}(?!\.?\d)", text) for way in ways)


def _numbers(rule: Rule) -> Iterator[tuple[str, float | None]]:
    absence, rate = rule.absent_for, rule.rate
    yield "count.n", rule.count.n if rule.count else None
    yield "distinct.n", rule.distinct.n if rule.distinct else None
    yield "rate.above", rate.above if rate else None
    yield "rate.below", rate.below if rate else None
    yield "travel.faster_m_s", rule.travel.faster_m_s if rule.travel else None
    yield "absent_for.times", absence.times if absence and absence.interval else None
    yield "absent_for.coverage", absence.coverage if absence else None
    yield (
        "absent_for.learned.factor",
        absence.learned.factor if absence and absence.learned else None,
    )
    for number, step in enumerate(rule.steps):
        yield f"steps[{number}].n", step.n
        yield f"steps[{number}].times", step.times


def _lengths(rule: Rule) -> Iterator[tuple[str, Duration]]:
    within = {
        "count": rule.count,
        "distinct": rule.distinct,
        "sequence": rule.sequence,
        "rate": rule.rate,
        "dwell": rule.dwell,
        "unless": rule.unless,
    }
    yield from ((f"{name}.within", one.within) for name, one in within.items() if one is not None)
    if rule.hold:
        yield "for", rule.hold
    for name, whole in (("absent_for", rule.absent_for), ("dwell", rule.dwell)):
        if whole is not None:
            yield f"{name}.for", whole.hold
    if rule.absent_for is not None and rule.absent_for.learned is not None:
        learned = rule.absent_for.learned
        lengths = {"plus": learned.plus, "least": learned.least, "most": learned.most}
        yield from ((f"absent_for.learned.{name}", one) for name, one in lengths.items() if one)
    for number, step in enumerate(rule.steps):
        if step.hold is not None:
            yield f"steps[{number}].for", step.hold


def _limits(rule: Rule) -> Iterator[tuple[str, frozenset[str]]]:
    """Give the numbers written in the conditions that make it ring or rise."""
    conditions = {"when": rule.when, "at_once": rule.at_once}
    conditions |= {f"steps[{number}].when": step.when for number, step in enumerate(rule.steps)}
    for key, text in conditions.items():
        for node in nodes(parse(text)) if text is not None else ():
            value = node.value if isinstance(node, Literal) else None
            if isinstance(value, int | float) and value not in _PLAIN:  # true is 1
                yield f"{key}: {value:g}", _number(value)


def _value(value: object) -> frozenset[str]:
    if isinstance(value, bool):
        return frozenset()
    if isinstance(value, int | float):
        return _number(value)
    try:
        return _length(Duration.read(value))
    except ValueError:
        return frozenset({str(value)})


def _number(value: float) -> frozenset[str]:
    ways = {f"{value:g}", f"{value:,}"}
    return frozenset({*ways, f"{value * 100:g}%", f"{value * 100:g} %"} if value < 1 else ways)


def _length(value: Duration) -> frozenset[str]:
    """A length may be told in any unit in which it is a whole number, or a half."""
    return frozenset(f"{value / unit:g}" for unit in _UNITS_MS if value * 2 % unit == 0)
