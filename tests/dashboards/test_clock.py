"""Times and durations as people on the site read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from anju_dashboards.clock import Clock, duration
from anju_dashboards.pages import safe_path

NOON = datetime(2026, 3, 1, 4, 0, 0, tzinfo=UTC)  # 12:00 in Shanghai
WORDS = ("min", "{h} h {m}", "d")


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=7), "11:59:53"),
        (timedelta(hours=13), "02-28 23:00"),
        (timedelta(days=90), "2025-12-01 12:00"),
    ],
)
def test_near_times_are_short_and_in_the_sites_zone(ago: timedelta, said: str) -> None:
    clock = Clock(ZoneInfo("Asia/Shanghai"), NOON)
    assert clock.time(NOON - ago) == said


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=19), "00:19"),
        (timedelta(seconds=312), "05:12"),
        (timedelta(minutes=18, seconds=59), "18 min"),
        (timedelta(hours=7, minutes=5), "7 h 05"),
        (timedelta(days=3), "3 d"),
        (timedelta(seconds=-5), "00:00"),
    ],
)
def test_durations_are_finer_the_shorter_they_are(span: timedelta, said: str) -> None:
    assert duration(span, WORDS) == said


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/alerts?severity=1", "/alerts?severity=1"),
        ("//evil.example/x", "/wall"),
        ("https://evil.example", "/wall"),
        ("/\\evil.example", "/wall"),
        ("", "/wall"),
        (None, "/wall"),
    ],
)
def test_only_addresses_of_this_site_are_followed(path: str | None, kept: str) -> None:
    assert safe_path(path) == kept


def test_what_is_typed_in_is_a_time_of_the_site() -> None:
    clock = Clock(ZoneInfo("Asia/Shanghai"), NOON)
    assert clock.moment("2026-03-01T12:00") == NOON
    assert clock.midnight(date(2026, 3, 2)) == NOON + timedelta(hours=12)
    assert clock.midnight(date(2026, 3, 1), after=1) == NOON + timedelta(hours=12)
    for typed in ("noon", ""):
        with pytest.raises(ValueError, match="isoformat"):
            clock.moment(typed)


@pytest.mark.parametrize(("day", "after"), [(date.min, 0), (date.max, 1)])
def test_beside_the_calendar_there_is_no_midnight(day: date, after: int) -> None:
    with pytest.raises(ValueError, match=str(day)):
        Clock(ZoneInfo("Asia/Shanghai"), NOON).midnight(day, after=after)
