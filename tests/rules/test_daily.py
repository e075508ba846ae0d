"""``daily``: what must come once a day, by an agreed hour, in the zone of the site."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anju_rules import InvalidRuleError, run_trials
from anju_rules.loading import read_rules
from anju_rules.operators import daily
from anju_rules.operators.daily import Daily

HEAD = """\
id: it
title: {zh: 它, en: It}
icon: flame
severity: 3
models: [im_ok]
entity: household
when: m.event == "ok"
"""
OWN = 'daily: {by: ok_by, default: "09:00", plus: 30m, since: "04:00"}\n'


def judge(test: str, own: str = OWN) -> list[str]:
    text = f"{HEAD}{own}tests:\n  - {{name: it, {test}}}\n"
    rule = read_rules(text, "it.yaml")[0]
    return [t.problem for restart in (False, True) for t in run_trials(rule, restart=restart)]


def at(*parts: int, zone: str) -> int:
    return round(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("hour", "by"),
    [("08:15", (8, 45)), ("8:15", (8, 45)), (" 08:15 ", (8, 45)), ("23:50", None)]
    + [(bad, (9, 30)) for bad in ("24:00", "8.15", "", None, 8, True, "０８:00")],
)
def test_the_hour_is_the_households_or_the_default(hour: Any, by: tuple[int, int] | None) -> None:
    now = at(2026, 3, 3, 23, 59, zone="Asia/Shanghai")
    day = daily.last(Daily(by="x"), {"x": hour}, now, ZoneInfo("Asia/Shanghai"))
    if by is None:  # half an hour after 23:50 is tomorrow: the wait that is over is yesterday's
        assert day.by == at(2026, 3, 3, 0, 20, zone="Asia/Shanghai")
    else:
        assert day.by == at(2026, 3, 3, *by, zone="Asia/Shanghai")


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1_767_225_600, 1_798_761_600),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]),
    st.integers(0, 23),
    st.integers(0, 59),
)
def test_days_follow_each_other_without_gap_in_any_zone(
    second: int, zone: str, hour: int, minute: int
) -> None:
    now = second * 1000
    rule, person = Daily(by="x"), {"x": f"{hour:02}:{minute:02}"}
    last = daily.last(rule, person, now, ZoneInfo(zone))
    coming = daily.coming(rule, person, now, ZoneInfo(zone))
    assert last.since < last.by <= now < coming.by
    assert timedelta(hours=22) <= timedelta(milliseconds=coming.by - last.by) <= timedelta(hours=26)
    assert daily.last(rule, person, coming.by, ZoneInfo(zone)) == coming
    local = datetime.fromtimestamp(coming.since / 1000, ZoneInfo(zone))
    assert (local.hour, local.minute) == (4, 0)


def test_nine_is_nine_on_the_day_the_clocks_go_forward() -> None:
    """Berlin, 29 March 2026: from 00:00 to 09:30 it is eight hours and a half."""
    begin = at(2026, 3, 29, 0, 0, zone="Europe/Berlin")
    test = (
        f"timezone: Europe/Berlin, start: {begin}, until: 31h, given: [{{t: 1h, restart: true}}], "
        "expect: [{t: 8.5h, kind: active, severity: 3}]"
    )
    assert judge(test) == ["", ""]


def test_it_rises_by_the_time_since_the_agreed_hour() -> None:
    own = OWN + "steps: [{severity: 2, for: 60m}]\n"
    test = (
        "start: 1767207600000, until: 30h, given: [{t: 1h, restart: true}], "
        "expect: [{t: 6.5h, kind: active}, {t: 7.5h, kind: severity, severity: 2}]"
    )
    assert judge(test, own) == ["", ""]


def test_each_day_without_word_is_told_of_and_none_twice() -> None:
    """Whoever closed yesterday's alert must hear of today; what it rose to it keeps."""
    own = OWN + "steps: [{severity: 2, for: 60m}]\n"
    test = (
        "start: 1767207600000, until: 60h, given: [{t: 1h, restart: true}, {t: 40h, restart: true},"
        " {t: 56h, event: ok}], expect: [{t: 6.5h, kind: active, severity: 3}, "
        "{t: 7.5h, kind: severity, severity: 2}, {t: 30.5h, kind: active, severity: 2}, "
        "{t: 54.5h, kind: active, severity: 2}, {t: 56h, kind: cleared}]"
    )
    assert judge(test, own) == ["", ""]


def test_a_day_that_is_quiet_after_one_that_rang_is_not_told_of_while_away() -> None:
    own = OWN.replace("}", ", while: '!(has(p.away) && p.away == true)'}")
    test = (
        "start: 1767207600000, until: 60h, given: [{t: 10h, p: {away: true}}], "
        "expect: [{t: 6.5h, kind: active, severity: 3}]"
    )
    assert judge(test, own) == ["", ""]


def test_a_day_nobody_could_hear_is_over_with_the_next() -> None:
    test = (
        "start: 1767207600000, until: 31h, given: [{t: 2h, blind: 24h}], "
        "expect: [{t: 30.5h, kind: active}]"
    )
    assert judge(test) == ["", ""]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("absent_for: {for: 5m}\n", "absent_for: does not go with daily"),
        ('schedule: {hours: "22:00-05:00"}\n', "schedule: does not go with daily"),
        ("for: 5m\n", "for: does not go with daily"),
        ("steps: [{severity: 2, for: 30h}]\n", "the next day is judged by itself"),
        ("steps: [{severity: 2, when: m.battery < 5}]\n", "a step of daily has for"),
    ],
)
def test_what_does_not_go_with_it_is_refused(more: str, message: str) -> None:
    with pytest.raises(InvalidRuleError) as found:
        read_rules(HEAD + OWN + more, "it.yaml")
    assert message in str(found.value)


@pytest.mark.parametrize("hour", ["25:00", "9", "nine"])
def test_an_hour_that_cannot_be_read_is_refused(hour: str) -> None:
    with pytest.raises(InvalidRuleError, match="expected HH:MM"):
        read_rules(HEAD + OWN.replace("09:00", hour), "it.yaml")


def test_what_while_asks_is_checked() -> None:
    own = OWN.replace("since:", "while: m.wind > 2, since:")
    with pytest.raises(InvalidRuleError, match="none of its models says"):
        read_rules(HEAD + own, "it.yaml")
