"""A plan as it is being written: its steps as the form holds them, changed by buttons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, Field

from anju_dashboards.pages import Page
from anju_platform.alerts.policy import FIRST_WITHIN, LONGEST, MOST_STEPS, MOST_TARGETS
from anju_platform.escalation.schemas import PolicyText, Severity, StepView

SECONDS = {"s": 1, "min": 60, "h": 3600}
_MOST_CHOSEN = MOST_STEPS * 100
_SHORTEST_REPEAT_S = 30
_BETWEEN_S = 60


@dataclass(frozen=True, slots=True)
class DraftStep:
    """A step as it is typed in: after how long, and whom it calls."""

    after: str
    unit: str
    to: tuple[str, ...]

    @property
    def after_s(self) -> int | None:
        """Give its seconds; nothing if that is no number."""
        return _seconds(self.after, self.unit)


class Draft(BaseModel):
    """The form: of each step its time in lists, its targets as ``<step>|<target>``.

    ``do`` is the button: save, look, add, or up, down, remove with ``:<step>``. ``seen`` is
    when the plan that was looked at was changed last.
    """

    severity: Severity
    place: str = Field(default="", max_length=64)
    seen: str = Field(default="", max_length=40)
    after: list[str] = Field(default=[], max_length=MOST_STEPS)
    unit: list[str] = Field(default=[], max_length=MOST_STEPS)
    to: list[str] = Field(default=[], max_length=_MOST_CHOSEN)
    repeat: str = Field(default="", max_length=9)
    repeat_unit: str = Field(default="s", max_length=3)
    do: str = Field(default="save", max_length=16)

    @classmethod
    def of(cls, severity: int, place: str | None, plan: PolicyText, seen: str) -> "Draft":
        """Give a plan as it is."""
        repeat, unit = split(plan.repeat_s)
        draft = cls(
            severity=severity, place=place or "", seen=seen, repeat=repeat, repeat_unit=unit
        )
        return draft._with([DraftStep(*split(one.after_s), one.to) for one in plan.steps])

    @property
    def steps(self) -> list[DraftStep]:
        """Give the steps as they are typed in."""
        chosen = list(_chosen(self.to))
        return [
            DraftStep(after, unit, tuple(target for of, target in chosen if of == number))
            for number, (after, unit) in enumerate(zip(self.after, self.unit, strict=False))
        ]

    def changes_itself(self) -> bool:
        """Tell whether a button was pressed that only changes or shows the draft."""
        return self.do != "save"

    def changed(self) -> "Draft":
        """Give the draft as its button wants it.

        Steps change their order by whom they call; when they come stays, for it only rises.
        """
        steps = self.steps
        what, _, at = self.do.partition(":")
        number = int(at) if at.isdecimal() and int(at) < len(steps) else None
        if what == "add" and len(steps) < MOST_STEPS:
            steps.append(_after(steps))
        elif what == "remove" and number is not None:
            del steps[number]
        elif what in {"up", "down"} and number is not None:
            other = number + (1 if what == "down" else -1)
            if 0 <= other < len(steps):
                one, two = steps[number], steps[other]
                steps[number], steps[other] = replace(one, to=two.to), replace(two, to=one.to)
        return self._with(steps)

    def faults(self, page: Page) -> list[str]:
        """Say what is wrong with what was typed in, and where."""
        if not self.steps:
            return [page.text("A plan needs a step: somebody must be called in the end.")]
        found = []
        before = 0
        for number, step in enumerate(self.steps, start=1):
            if not 1 <= len(step.to) <= MOST_TARGETS:
                found.append(page.text("Step %(n)s: choose who is called.", n=number))
            after = step.after_s
            if after is None or not before < after <= LONGEST.total_seconds():
                found.append(
                    page.text("Step %(n)s: it must come later than the step before.", n=number)
                )
            before = max(before, after or 0)
        first = round(FIRST_WITHIN[self.severity].total_seconds())
        if (self.steps[0].after_s or 0) > first:
            found.append(
                page.text(
                    "Step 1 of a P%(severity)s comes within %(time)s.",
                    severity=self.severity,
                    time=span_text(page, first),
                )
            )
        repeat = _seconds(self.repeat, self.repeat_unit)
        if repeat is None or not _SHORTEST_REPEAT_S <= repeat <= LONGEST.total_seconds():
            found.append(page.text("Say after how long the last step is told again: 30 s or more."))
        return found

    def plan(self) -> PolicyText:
        """Read it, where there are no faults."""
        return PolicyText(
            steps=tuple(StepView(after_s=one.after_s or 0, to=one.to) for one in self.steps),
            repeat_s=_seconds(self.repeat, self.repeat_unit) or 0,
        )

    def _with(self, steps: Sequence[DraftStep]) -> "Draft":
        return self.model_copy(
            update={
                "after": [one.after for one in steps],
                "unit": [one.unit for one in steps],
                "to": [f"{n}|{target}" for n, one in enumerate(steps) for target in one.to],
            }
        )


def split(seconds: int) -> tuple[str, str]:
    """Give a time as it is typed in: a number and its unit, the largest that fits."""
    unit = next(name for name in ("h", "min", "s") if seconds % SECONDS[name] == 0)
    return str(seconds // SECONDS[unit]), unit


def span_text(page: Page, seconds: int) -> str:
    """Write a time: 30 s, 12 min, 4 h."""
    number, unit = split(seconds)
    if unit == "h":
        return page.text("%(n)s h", n=number)
    return page.text("%(n)s min", n=number) if unit == "min" else page.text("%(n)s s", n=number)


def _seconds(number: str, unit: str) -> int | None:
    plain = number.strip()
    if not (plain.isascii() and plain.isdecimal() and len(plain) < 8 and unit in SECONDS):  # noqa: PLR2004 - 115 days
        return None
    return int(plain) * SECONDS[unit]


def _chosen(given: Sequence[str]) -> Iterator[tuple[int, str]]:
    for one in given:
        of, _, target = one.partition("|")
        if of.isdecimal():
            yield int(of), target[:64]


def _after(steps: Sequence[DraftStep]) -> DraftStep:
    """Give a step a minute after the last one."""
    last = (steps[-1].after_s or 0) if steps else 0
    return DraftStep(*split(last + _BETWEEN_S), ())
