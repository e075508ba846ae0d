"""Times as people on the site read them: in the site's zone, the shorter the nearer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from anju_platform.database import to_millis

_FINE = timedelta(minutes=10)
_HOURS = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of drawing (UTC) and the site's zone; every page has one of its own."""

    zone: ZoneInfo
    now: datetime

    def local(self, at: datetime) -> datetime:
        """Give the time on the site."""
        return at.astimezone(self.zone)

    def moment(self, typed: str) -> datetime:
        """Read a day and time of the site, as a form's field holds it.

        Raises:
            ValueError: it is none.
        """
        return datetime.fromisoformat(typed).replace(tzinfo=self.zone)

    def midnight(self, day: date, *, after: int = 0) -> datetime:
        """Give (UTC) when a day of the site begins, or the one ``after`` so many days.

        Raises:
            ValueError: the calendar ends before.
        """
        try:
            begins = datetime.combine(day + timedelta(days=after), time(), self.zone)
            return begins.astimezone(UTC)
        except OverflowError as error:
            raise ValueError(day) from error

    def time(self, at: datetime) -> str:
        """Write 14:32:07 today, 11-21 14:32 this year, else with the year."""
        there, here = self.local(at), self.local(self.now)
        if there.date() == here.date():
            return there.strftime("%H:%M:%S")
        return there.strftime("%m-%d %H:%M" if there.year == here.year else "%Y-%m-%d %H:%M")

    def full(self, at: datetime) -> str:
        """Write date and time to the second."""
        return self.local(at).strftime("%Y-%m-%d %H:%M:%S")

    def millis(self, at: datetime) -> int:
        """Give epoch milliseconds, as scripts count."""
        return to_millis(at)

    def since(self, at: datetime, words: tuple[str, str, str]) -> str:
        """Say how long ago, like the page's own counter; ``words``: see :func:`duration`."""
        return duration(self.now - at, words)


def duration(span: timedelta, words: tuple[str, str, str]) -> str:
    """Write a duration, the shorter the finer: 00:19, 18 min, 3 h 05, 4 d.

    ``words`` are those for minutes, hours (a pattern of ``{h}`` and ``{m}``) and days.
    """
    seconds = max(0, int(span.total_seconds()))
    minutes, rest = divmod(seconds, 60)
    if span < _FINE:
        return f"{minutes:02}:{rest:02}"
    hours, minute = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} {words[0]}"
    if span < _HOURS:
        return words[1].format(h=hours, m=f"{minute:02}")
    return f"{hours // 24} {words[2]}"
