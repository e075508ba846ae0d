"""A rota as it is being written: its shifts as the form holds them, changed by buttons."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from anju_dashboards.pages import Page
from anju_platform.duty.schemas import RotaBody, RotaView, ShiftBody
from anju_platform.duty.shifts import MOST_SHIFTS, Holidays

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_WORK_DAYS = tuple(range(7))


@dataclass(frozen=True, slots=True)
class DraftShift:
    """A shift as it is typed in."""

    days: frozenset[int]
    starts: str
    ends: str
    people: frozenset[int]
    holidays: str


class Draft(BaseModel):
    """The form: of each shift its times in lists, its days and people as ``<shift>|<value>``.

    ``do`` is the button: save, add, or ``remove:<shift>``.
    """

    name: str = Field(default="", max_length=64)
    fallback: str = Field(default="property", max_length=32)
    handed_over: bool = False
    version: int | None = None
    starts: list[str] = Field(default=[], max_length=MOST_SHIFTS)
    ends: list[str] = Field(default=[], max_length=MOST_SHIFTS)
    holidays: list[str] = Field(default=[], max_length=MOST_SHIFTS)
    days: list[str] = Field(default=[], max_length=MOST_SHIFTS * 7)
    people: list[str] = Field(default=[], max_length=MOST_SHIFTS * 50)
    do: str = Field(default="save", max_length=16)

    @classmethod
    def empty(cls) -> "Draft":
        """Give a rota with one shift to begin with."""
        draft = cls(handed_over=True)
        return draft._with([_new()])

    @classmethod
    def of(cls, rota: RotaView) -> "Draft":
        """Give a rota as it is."""
        draft = cls(
            name=rota.name,
            fallback=rota.fallback,
            handed_over=rota.handed_over,
            version=rota.version,
        )
        return draft._with(
            [
                DraftShift(
                    frozenset(one.days), one.starts, one.ends, frozenset(one.people), one.holidays
                )
                for one in rota.shifts
            ]
        )

    @property
    def shifts(self) -> list[DraftShift]:
        """Give the shifts as they are typed in."""
        days, people = self._chosen(self.days), self._chosen(self.people)
        return [
            DraftShift(
                frozenset(value for of, value in days if of == number),
                starts,
                ends,
                frozenset(value for of, value in people if of == number),
                holidays,
            )
            for number, (starts, ends, holidays) in enumerate(
                zip(self.starts, self.ends, self.holidays, strict=False)
            )
        ]

    def changes_itself(self) -> bool:
        """Tell whether a button was pressed that only changes the draft."""
        return self.do != "save"

    def changed(self) -> "Draft":
        """Give the draft as its button wants it."""
        shifts = self.shifts
        what, _, number = self.do.partition(":")
        if what == "add" and len(shifts) < MOST_SHIFTS:
            shifts.append(_after(shifts))
        elif what == "remove" and number.isdecimal() and int(number) < len(shifts):
            del shifts[int(number)]
        return self._with(shifts)

    def faults(self, page: Page) -> list[str]:
        """Say what is wrong with what was typed in."""
        found = [] if self.name.strip() else [page.text("Give it a name.")]
        for number, shift in enumerate(self.shifts, start=1):
            if not shift.days:
                found.append(page.text("Shift %(n)s: choose its days.", n=number))
            if not (_TIME.fullmatch(shift.starts) and _TIME.fullmatch(shift.ends)):
                found.append(page.text("Shift %(n)s: from when to when, such as 20:00.", n=number))
            if not shift.people:
                found.append(page.text("Shift %(n)s: choose who is there.", n=number))
        return found

    def body(self) -> RotaBody:
        """Read it."""
        return RotaBody(
            name=self.name,
            fallback=self.fallback,
            handed_over=self.handed_over,
            version=self.version,
            shifts=tuple(
                ShiftBody(
                    days=tuple(sorted(one.days)),
                    starts=one.starts,
                    ends=one.ends,
                    people=tuple(sorted(one.people)),
                    holidays=Holidays(one.holidays),
                )
                for one in self.shifts
            ),
        )

    def _with(self, shifts: Sequence[DraftShift]) -> "Draft":
        return self.model_copy(
            update={
                "starts": [one.starts for one in shifts],
                "ends": [one.ends for one in shifts],
                "holidays": [one.holidays for one in shifts],
                "days": [f"{n}|{each}" for n, one in enumerate(shifts) for each in one.days],
                "people": [f"{n}|{each}" for n, one in enumerate(shifts) for each in one.people],
            }
        )

    @staticmethod
    def _chosen(given: Sequence[str]) -> list[tuple[int, int]]:
        return list(_numbers(given))


def _numbers(given: Sequence[str]) -> Iterator[tuple[int, int]]:
    for one in given:
        of, _, value = one.partition("|")
        if of.isdecimal() and value.isdecimal() and len(value) < 19:  # noqa: PLR2004 - 2**62
            yield int(of), int(value)


def _new(starts: str = "08:00", ends: str = "20:00") -> DraftShift:
    return DraftShift(frozenset(_WORK_DAYS), starts, ends, frozenset(), Holidays.ANY)


def _after(shifts: Sequence[DraftShift]) -> DraftShift:
    """Give the shift that would follow the last one, so that the day has no hole."""
    return _new(shifts[-1].ends, shifts[0].starts) if shifts else _new()
