"""``schedule``: local hours, weekdays and holidays in which a rule is awake."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY = timedelta(days=1)
_KEPT_DAYS = 100


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hours`` such as ``22:00-05:00`` (may cross midnight), on ``days`` if given.

    ``holidays``: ``any`` (they do not matter), ``only`` or ``never``.
    """

    hours: str = "00:00-24:00"
    days: tuple[str, ...] = _DAYS
    holidays: str = "any"

    def __post_init__(self) -> None:
        """Refuse what cannot be read, with what is expected."""
        if not _HOURS.fullmatch(self.hours):
            raise ValueError(f"hours {self.hours!r}: expected HH:MM-HH:MM, such as 22:00-05:00")
        unknown = set(self.days) - set(_DAYS)
        if unknown or not self.days:
            raise ValueError(f"days {sorted(unknown)}: expected some of {', '.join(_DAYS)}")
        if self.holidays not in {"any", "only", "never"}:
            raise ValueError(f"holidays {self.holidays!r}: expected any, only or never")


class Calendar:
    """A schedule in one time zone: when it is open, and for how long."""

    def __init__(self, schedule: Schedule, zone: ZoneInfo, holidays: frozenset[date]) -> None:
        match = _HOURS.fullmatch(schedule.hours)
        assert match is not None  # noqa: S101 - checked when the schedule was made
        begin_h, begin_m, end_h, end_m = (int(part) for part in match.groups())
        self._begin = timedelta(hours=begin_h, minutes=begin_m)
        self._end = timedelta(hours=end_h, minutes=end_m)
        if self._end <= self._begin:
            self._end += _DAY
        self._schedule = schedule
        self._days = {_DAYS.index(day) for day in schedule.days}
        self._zone = zone
        self._holidays = holidays
        self._windows_by_day: dict[date, tuple[int, int]] = {}
        self._minute, self._was_open = -1, False

    def is_open(self, at: int) -> bool:
        """Say whether the rule is awake at this moment; it changes at full minutes only."""
        minute = at // 60_000
        if minute != self._minute:
            self._was_open = any(begin <= at < end for begin, end in self._windows(at, at + 1))
            self._minute = minute
        return self._was_open

    def open_windows(self, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Give the parts of this time in which the rule is awake, in order."""
        for begin, end in self._windows(since, until):
            here = max(begin, since), min(end, until)
            if here[0] < here[1]:
                yield here

    def after(self, since: int, wanted_ms: int) -> int:
        """Give when the rule will have been awake for ``wanted_ms`` since then."""
        left = wanted_ms
        for begin, end in self._windows(since, since + 60 * 86_400_000):
            here = end - max(begin, since)
            if here >= left:
                return max(begin, since) + left
            left -= here
        return since + 60 * 86_400_000

    def _windows(self, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Give the open windows that touch the time from ``since`` to ``until``, in order."""
        day = datetime.fromtimestamp(since / 1000, self._zone).date() - _DAY
        last = datetime.fromtimestamp(until / 1000, self._zone).date()
        while day <= last:
            if self._counts(day):
                begin, end = self._window(day)
                if end > since and begin < until:
                    yield begin, end
            day += _DAY

    def _counts(self, day: date) -> bool:
        if self._schedule.holidays == "only":
            return day in self._holidays
        if self._schedule.holidays == "never" and day in self._holidays:
            return False
        return day.weekday() in self._days

    def _window(self, day: date) -> tuple[int, int]:
        found = self._windows_by_day.get(day)
        if found is None:
            if len(self._windows_by_day) > _KEPT_DAYS:
                self._windows_by_day.clear()
            found = self._instant(day, self._begin), self._instant(day, self._end)
            self._windows_by_day[day] = found
        return found

    def _instant(self, day: date, offset: timedelta) -> int:
        local = datetime.combine(day, time.min) + offset
        return round(local.replace(tzinfo=self._zone).astimezone(UTC).timestamp() * 1000)
