"""Who is on duty when: a week's pattern in the site's own time, and what differs. Pure.

A shift begins and ends by the clock on the wall: on the night the clocks change it is an hour
shorter or longer, and the next one begins when it ends.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from anju_platform.errors import InvalidRequestError, Phrase

MOST_SHIFTS = 50
MOST_PEOPLE = 20
BACK = timedelta(days=8)
"""So far back is looked for when a duty began: whoever has it longer took it over from nobody."""
EARLY = timedelta(minutes=30)
"""So long before their time somebody may take over."""
_DAY = timedelta(days=1)
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_WEEK = range(7)


class Holidays(StrEnum):
    """Whether a shift heeds the community's holidays."""

    ANY = "any"
    NOT = "not"
    ONLY = "only"


class Shift(msgspec.Struct, frozen=True):
    """On these ``days`` of the week (0 is Monday) ``people`` are on duty from ``starts`` on.

    ``ends`` no later than ``starts`` is on the day after; both are ``HH:MM``.
    """

    days: tuple[int, ...]
    starts: str
    ends: str
    people: tuple[int, ...]
    holidays: Holidays = Holidays.ANY


class Override(msgspec.Struct, frozen=True):
    """At that time of one day it is these people, whoever the pattern names."""

    day: date
    starts: str
    ends: str
    people: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """All that decides who is on duty; ``holidays`` are days such as ``2026-10-01``."""

    shifts: tuple[Shift, ...]
    overrides: tuple[Override, ...]
    zone: ZoneInfo
    holidays: frozenset[str]


@dataclass(frozen=True, slots=True)
class Duty:
    """From ``start`` until before ``end`` these people are on duty; nobody: it is a hole."""

    start: datetime
    end: datetime
    people: frozenset[int]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of shift: who goes, who comes, and since when that should have happened."""

    at: datetime
    leaving: frozenset[int]
    coming: frozenset[int]


_Timed = tuple[datetime, datetime, frozenset[int]]


def duties(
    pattern: Pattern, start: datetime, end: datetime, able: Collection[int]
) -> tuple[Duty, ...]:
    """Give who is on duty from ``start`` until before ``end``, without a gap; holes have nobody.

    ``able`` are those who can be called: whoever was shut out is on duty no more.
    """
    usual = list(_usual(pattern, start, end))
    special = [
        (*span(pattern.zone, one.day, one.starts, one.ends), frozenset(one.people))
        for one in pattern.overrides
    ]
    borders = {at for begin, over, _ in (*usual, *special) for at in (begin, over)}
    edges = [start, *sorted(at for at in borders if start < at < end), end]
    found: list[Duty] = []
    for begin, over in pairwise(edges):
        people = (_at(special, begin) or _at(usual, begin) or frozenset()) & frozenset(able)
        if found and found[-1].people == people:
            found[-1] = Duty(found[-1].start, over, people)
        else:
            found.append(Duty(begin, over, people))
    return tuple(found)


def holes(found: Iterable[Duty]) -> tuple[Duty, ...]:
    """Give when nobody is on duty."""
    return tuple(one for one in found if not one.people)


def change_at(found: Sequence[Duty], at: datetime) -> Change | None:
    """Give the change of shift with which the duty of a moment began.

    None where somebody only joins or leaves the others, or where nobody was there before.
    """
    for before, one in pairwise(found):
        if one.start <= at < one.end:
            return _change(before, one)
    return None


def next_change(found: Sequence[Duty], at: datetime) -> Change | None:
    """Give the next change of shift after a moment."""
    changes = (_change(before, one) for before, one in pairwise(found) if one.start > at)
    return next((one for one in changes if one is not None), None)


def _change(before: Duty, one: Duty) -> Change | None:
    leaving, coming = before.people - one.people, one.people - before.people
    return Change(one.start, leaving, coming) if leaving and coming else None


def span(zone: ZoneInfo, day: date, starts: str, ends: str) -> tuple[datetime, datetime]:
    """Give from when to when a shift lasts that begins on a day of the site's."""
    over = day if ends > starts else day + _DAY
    return _instant(zone, day, starts), _instant(zone, over, ends)


def _instant(zone: ZoneInfo, day: date, at: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), zone).astimezone(UTC)


def _usual(pattern: Pattern, start: datetime, end: datetime) -> Iterator[_Timed]:
    day = start.astimezone(pattern.zone).date() - _DAY  # one that lasts over midnight
    last = end.astimezone(pattern.zone).date()
    while day <= last:
        is_holiday = day.isoformat() in pattern.holidays
        for shift in pattern.shifts:
            heeds = {Holidays.ANY: True, Holidays.NOT: not is_holiday, Holidays.ONLY: is_holiday}
            if day.weekday() in shift.days and heeds[shift.holidays]:
                begin, over = span(pattern.zone, day, shift.starts, shift.ends)
                yield begin, over, frozenset(shift.people)
        day += _DAY


def _at(timed: Iterable[_Timed], at: datetime) -> frozenset[int] | None:
    """Give whom these name at a moment; nothing where none of them is about it."""
    named = [people for begin, over, people in timed if begin <= at < over]
    return frozenset().union(*named) if named else None


def check(shifts: Sequence[Shift]) -> None:
    """Check the shifts somebody wrote.

    Raises:
        InvalidRequestError: it says what is wrong, and where.
    """
    if len(shifts) > MOST_SHIFTS:
        raise InvalidRequestError(
            "a rota has at most {most} shifts, not {shifts}",
            most=MOST_SHIFTS,
            shifts=len(shifts),
        )
    for number, shift in enumerate(shifts, start=1):
        where = Phrase("shift {n}", n=number)
        if not shift.days or set(shift.days) - set(_WEEK):
            raise InvalidRequestError(
                "{where}: choose its days, 0 (Monday) to 6 (Sunday)", where=where
            )
        check_times(where, shift.starts, shift.ends)
        check_people(where, shift.people)


def check_times(where: Phrase, starts: str, ends: str) -> None:
    """Check when something begins and ends.

    Raises:
        InvalidRequestError: it is no time of a day.
    """
    for name, at in ((Phrase("begins"), starts), (Phrase("ends"), ends)):
        if not _TIME.fullmatch(at):
            raise InvalidRequestError(
                "{where} {name} at {at!r}: write a time such as 20:00",
                where=where,
                name=name,
                at=at,
            )


def check_people(where: Phrase, people: Sequence[int]) -> None:
    """Check how many are named.

    Raises:
        InvalidRequestError: nobody, or too many.
    """
    if not 1 <= len(people) <= MOST_PEOPLE:
        raise InvalidRequestError(
            "{where} names {count}: choose 1 to {most} people",
            where=where,
            count=len(people) or Phrase("nobody"),
            most=MOST_PEOPLE,
        )
