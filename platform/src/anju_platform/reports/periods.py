"""What a report is about: a shift, a day or a month of the site, in its own time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

SHIFT = timedelta(hours=8)
"""Shifts begin at 00:00, 08:00 and 16:00."""
_HOUR = timedelta(hours=1)


class Span(StrEnum):
    """How long a report's time is."""

    SHIFT = "shift"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """A report's time on the site, from ``start`` until before ``end``."""

    span: Span
    start: datetime
    end: datetime

    @property
    def before(self) -> datetime:
        """Give a moment of the period before."""
        return self.start - _HOUR

    @property
    def buckets(self) -> Sequence[datetime]:
        """Give where its hours begin, or (of a month) its days."""
        if self.span is Span.MONTH:
            days = (self.end.date() - self.start.date()).days
            return [
                _midnight(self.start.date() + timedelta(days=n), self.zone) for n in range(days)
            ]
        # in true hours: a day on which clocks change has 23 or 25
        hours = round((self.end.timestamp() - self.start.timestamp()) / 3600)
        return [
            datetime.fromtimestamp(self.start.timestamp() + 3600 * n, self.zone)
            for n in range(hours)
        ]

    @property
    def zone(self) -> ZoneInfo:
        """Give the site's zone."""
        zone = self.start.tzinfo
        assert isinstance(zone, ZoneInfo)  # noqa: S101 - made so below
        return zone


def period(span: Span, at: datetime, zone: ZoneInfo) -> Period:
    """Give the period of that length in which a moment lies."""
    local = at.astimezone(zone)
    day = local.date()
    match span:
        case Span.DAY:
            return Period(span, _midnight(day, zone), _midnight(day + timedelta(days=1), zone))
        case Span.MONTH:
            first = day.replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
            return Period(span, _midnight(first, zone), _midnight(after, zone))
        case Span.SHIFT:
            first_hour = local.hour // 8 * 8
            start = datetime.combine(day, time(first_hour), zone)
            end = datetime.combine(day, time(), zone) + timedelta(hours=first_hour) + SHIFT
            return Period(span, start, end)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
