"""``daily``: something that must come once a day, by an hour the household agreed."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from anju_rules.durations import Duration

_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DAY = timedelta(days=1)


class Daily(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing that ``when`` accepts from ``since`` to the agreed hour and ``plus``, each day.

    The hour is ``p.<by>``, a text such as ``08:30`` in the site's time zone; where there is
    none, or none that can be read, it is ``default``. Raised only while the condition
    ``while`` holds. A step's ``for`` counts from the moment it should have come.
    """

    by: str
    default: str = "09:00"
    plus: Duration = msgspec.field(default_factory=lambda: Duration(1_800_000))
    since: str = "04:00"
    condition: str | None = msgspec.field(default=None, name="while")

    def __post_init__(self) -> None:
        """Refuse what cannot be read, with what is expected."""
        for name in ("default", "since"):
            if _read(getattr(self, name)) is None:
                raise ValueError(f"{name} {getattr(self, name)!r}: expected HH:MM, such as 09:00")


class Day(msgspec.Struct, frozen=True):
    """One day's wait: from ``since`` until ``by`` (epoch ms) word must have come."""

    since: int
    by: int


def last(daily: Daily, person: Mapping[str, Any], now: int, zone: ZoneInfo) -> Day:
    """Give the newest wait that is over at ``now``."""
    today = datetime.fromtimestamp(now / 1000, zone).date()
    days = [_day(daily, person, today - _DAY * back, zone) for back in range(3)]
    return next(day for day in days if day.by <= now)


def coming(daily: Daily, person: Mapping[str, Any], now: int, zone: ZoneInfo) -> Day:
    """Give the first wait that is not over at ``now``."""
    today = datetime.fromtimestamp(now / 1000, zone).date()
    days = [_day(daily, person, today + _DAY * ahead, zone) for ahead in range(-2, 3)]
    return next(day for day in days if day.by > now)


def _day(daily: Daily, person: Mapping[str, Any], day: date, zone: ZoneInfo) -> Day:
    given = person.get(daily.by)
    hour = _read(given) if isinstance(given, str) else None
    agreed = hour or _read(daily.default) or timedelta(hours=9)
    begin = _read(daily.since) or timedelta()
    # agreed to be before the day begins: then the day before is meant
    since = _instant(day if begin < agreed else day - _DAY, begin, zone)
    return Day(since, _instant(day, agreed, zone) + daily.plus)


def _read(text: str) -> timedelta | None:
    """Give the time since midnight, or None when the text is no hour."""
    match = _TIME.fullmatch(text.strip())
    return timedelta(hours=int(match[1]), minutes=int(match[2])) if match else None


def _instant(day: date, offset: timedelta, zone: ZoneInfo) -> int:
    local = datetime.combine(day, time.min) + offset
    return round(local.replace(tzinfo=zone).astimezone(UTC).timestamp() * 1000)
