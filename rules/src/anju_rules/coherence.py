"""Which fields of a rule go together: what cannot be meant is refused, with its place."""

from collections.abc import Iterator
from itertools import combinations

from anju_rules.rule import LATE, Rule

_WINDOWS = ("count", "distinct", "rate", "travel", "dwell")
_NOT_WITH_ABSENCE = ("for", "unless", "sequence", "hold_from", *_WINDOWS)
_DAY_MS = 86_400_000
_LEAST_LATE_MS = 60_000
_NEEDS_ONE = {"for": "hold"}


Where = tuple[str | int, ...]
"""Keys from the rule down to what is meant."""


def faults(rule: Rule) -> Iterator[tuple[Where, str]]:
    """Give (where in the rule, what is wrong) of everything that does not fit together."""
    given = [name for name in _NOT_WITH_ABSENCE if getattr(rule, _NEEDS_ONE.get(name, name))]
    if rule.absent_for:
        yield from (((name,), "does not go with absent_for") for name in given)
    if rule.daily:
        yield from _daily(rule, given)
    windows = [name for name in _WINDOWS if name in given]
    for first, second in combinations(windows, 2):
        yield (second,), f"does not go with {first}"
    if rule.hold_from and (windows or rule.at_once):
        yield ("hold_from",), f"does not go with {(windows or ['at_once'])[0]}"
    yield from _late(rule)
    if rule.dwell:
        yield from _dwell(rule)
    if rule.rate and (rule.rate.above is None) == (rule.rate.below is None):
        yield ("rate",), "has either above or below"
    if rule.travel and rule.entity != "person":
        yield ("travel",), "is about one person: entity must be person"
    yield from _steps(rule)


def _late(rule: Rule) -> Iterator[tuple[Where, str]]:
    if rule.late < _LEAST_LATE_MS:
        yield ("late",), "expected at least 1m: no two clocks agree"
    if rule.unless and rule.late <= rule.lateness:
        yield ("lateness",), "expected less than late: what waits so long for an excuse is history"
    if rule.waits_for_word and rule.late != LATE:
        yield ("late",), "does not go with a rule that waits for word"


def _daily(rule: Rule, given: list[str]) -> Iterator[tuple[Where, str]]:
    also = [name for name in ("absent_for", "schedule") if getattr(rule, name)]
    yield from (((name,), "does not go with daily") for name in (*also, *given))
    for number, step in enumerate(rule.steps):
        if step.hold is None:
            yield ("steps", number), "a step of daily has for: it counts from the agreed hour"
        elif step.hold >= _DAY_MS:
            yield ("steps", number, "for"), "never reached: the next day is judged by itself"


def _dwell(rule: Rule) -> Iterator[tuple[Where, str]]:
    if rule.dwell and rule.dwell.hold > rule.dwell.within:
        yield ("dwell", "for"), "for cannot be longer than within"
    if rule.hold:
        yield ("for",), "does not go with dwell, which has one of its own"
    if rule.schedule:
        yield ("schedule",), "does not go with dwell"


def _steps(rule: Rule) -> Iterator[tuple[Where, str]]:
    for number, step in enumerate(rule.steps):
        where = ("steps", number)
        reasons = [step.hold is not None, step.n is not None, step.when is not None]
        if sum(reasons) != 1:
            yield where, "a step has exactly one of for, n and when"
        if step.times is not None and not (
            step.hold and rule.absent_for and rule.absent_for.learned
        ):
            yield (*where, "times"), "goes with for, and with absent_for.learned"
        if step.n is not None and not (rule.count or rule.distinct):
            yield (*where, "n"), "never reached: the rule counts nothing"
        if step.severity >= rule.severity:
            message = f"a step must be more severe than {rule.severity}, the rule's own"
            yield (*where, "severity"), message
