"""What a report's drawings are made of: where each bar stands and how long it is. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anju_platform.reports.schemas import AnswersView, LoadView, RuleFigures

HEIGHT = 120
WIDTH = 720
LEFT = 110
LONG = 540
"""Where bars that lie begin, and how long all of it is."""
_RULES_LEFT = 240
_RULES_LONG = 440
MOST_RULES = 10
SEVERITY_INK = {1: "#b3261e", 2: "#d9730d", 3: "#c9a400", 4: "#4f86b8"}
RANG_INK = {"true": "#2f8f6b", "false": "#b3261e", "open": "#b8bfc6"}
"""Colours on white; on a dark screen its style sheet has others."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What of an hour's or day's alerts had one severity."""

    x: float
    y: float
    width: float
    height: float
    severity: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A promise: the share that was kept (none: nothing was asked), and where its aim stands."""

    severity: int
    seconds: int
    kept: float | None
    y: int
    width: float | None
    aim: float
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What of a rule's alerts was true, false, or (open) not said."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Rang:
    """How often a rule rang."""

    title: str
    title_en: str
    alerts: int
    y: int
    parts: tuple[Part, ...]
    end: float


def load_bars(load: Sequence[LoadView], highest: int) -> Iterator[Bar]:
    """Stack each hour's or day's alerts, what is worst at the bottom."""
    step = WIDTH / max(1, len(load))
    for number, each in enumerate(load):
        top = float(HEIGHT)
        for severity, count in enumerate(each.counts, start=1):
            if count:
                height = count / highest * HEIGHT
                top -= height
                yield Bar(
                    round(number * step + step * 0.1, 1),
                    round(top, 1),
                    round(step * 0.8, 1),
                    round(height, 1),
                    severity,
                )


def kept_bars(answers: Sequence[AnswersView]) -> list[Kept]:
    """Draw what was promised and what was kept, a bar for each promise."""
    promises = [(one.severity, target) for one in answers for target in one.targets]
    return [
        Kept(
            severity=severity,
            seconds=target.seconds,
            kept=target.kept,
            y=number * 26,
            width=None if target.kept is None else round(target.kept * LONG, 1),
            aim=round(LEFT + target.goal * LONG, 1),
            is_kept=target.kept is None or target.kept >= target.goal,
        )
        for number, (severity, target) in enumerate(promises)
    ]


def rule_bars(rules: Sequence[RuleFigures]) -> list[Rang]:
    """Draw how often the loudest rules rang, and what people said of it."""
    most = max((one.alerts for one in rules), default=0)
    return [_rang(one, number, most) for number, one in enumerate(rules[:MOST_RULES])]


def _rang(one: RuleFigures, number: int, most: int) -> Rang:
    counts = {"true": one.true, "false": one.false, "open": one.alerts - one.true - one.false}
    x, parts = float(_RULES_LEFT), []
    for kind, count in counts.items():
        width = count / most * _RULES_LONG
        if count:
            parts.append(Part(kind, round(x, 1), round(width, 1)))
        x += width
    return Rang(one.title, one.title_en, one.alerts, number * 24, tuple(parts), round(x, 1))
