"""A rota's week as people read it: by days of the site, each with who is there when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from anju_dashboards.clock import Clock
from anju_platform.duty.schemas import DutyView

DAYS = 7
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a day: its times, and who is there (nobody: a hole)."""

    times: str
    names: tuple[str, ...]
    now: bool
    past: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the site."""

    day: date
    today: bool
    parts: tuple[Part, ...]


def monday(clock: Clock, asked: str | None) -> date:
    """Give the Monday of the week somebody asked for, else of this one."""
    today = clock.local(clock.now).date()
    try:
        day = date.fromisoformat(asked) if asked else today
    except ValueError:
        day = today
    if abs(day - today) > timedelta(days=365):
        day = today
    return day - day.weekday() * _DAY


def days(clock: Clock, first: date, found: Sequence[DutyView]) -> Iterator[Day]:
    """Give the days of a week that begins with ``first``."""
    for number in range(DAYS):
        day = first + number * _DAY
        yield Day(day, day == clock.local(clock.now).date(), tuple(_parts(clock, day, found)))


def _parts(clock: Clock, day: date, found: Sequence[DutyView]) -> Iterator[Part]:
    begin, over = clock.midnight(day), clock.midnight(day, after=1)
    for one in found:
        first, last = max(one.start, begin), min(one.end, over)
        if first < last:
            end = "24:00" if last == over else f"{clock.local(last):%H:%M}"
            yield Part(
                times=f"{clock.local(first):%H:%M}–{end}",
                names=tuple(each.name for each in one.people),
                now=first <= clock.now < last,
                past=last <= clock.now,
            )
