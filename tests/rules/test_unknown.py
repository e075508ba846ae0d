"""Silence never means resolved, and what cannot be told neither recovers nor counts."""

from __future__ import annotations

from one_rule import Town

RECOVERS = "models: [lift]\nwhen: m.people > 0\nclear_for: 60s\n"


def test_a_recovery_stands_still_while_nothing_can_be_told() -> None:
    town = Town(RECOVERS).hear(0, people=1).hear(30, people=0).hear(60, people=None)
    assert town.wait(1000).said() == [(0, "active", 3)]
    town.hear(1000, people=0)
    assert town.wait(2000).said() == [(0, "active", 3), (1060, "cleared", 3)]


def test_a_recovery_that_falls_silent_is_unknown() -> None:
    town = Town(RECOVERS + "max_gap: 40s\n").hear(0, people=1).hear(30, people=0)
    assert town.wait(1000).said() == [(0, "active", 3), (70, "unknown", 3)]


def test_what_cannot_be_told_for_too_long_is_unknown_however_often_it_says_so() -> None:
    town = Town(RECOVERS + "max_gap: 40s\n").hear(0, people=1)
    for at in range(20, 200, 10):
        town.hear(at, people=None)
    assert town.wait(300).said() == [(0, "active", 3), (60, "unknown", 3)]
    town.hear(310, people=2).hear(320, people=0)
    assert town.wait(1000).said()[2:] == [(310, "active", 3), (360, "unknown", 3)]


BETWEEN = "models: [lift]\nwhen: m.people > 5\nclear: m.people < 2\nmax_gap: 40s\n"


def test_what_lies_between_true_and_over_can_be_told() -> None:
    town = Town(BETWEEN).hear(0, people=9).hear(10, people=None)
    for at in range(20, 200, 10):
        town.hear(at, people=4)
    assert town.said() == [(0, "active", 3)]
    assert town.wait(1000).said()[1:] == [(230, "unknown", 3)]
    town.hear(1000, people=4).hear(1010, people=9)  # that it is so again must be said
    assert town.said()[2:] == [(1010, "active", 3)]


def test_a_recovery_begins_anew_with_what_can_be_told_again() -> None:
    town = Town(BETWEEN + "clear_for: 30s\n").hear(0, people=9).hear(10, people=1)
    town.hear(20, people=None).hear(35, people=4).hear(64, people=4)
    assert town.wait(100).said() == [(0, "active", 3), (65, "cleared", 3)]


def test_a_severity_does_not_fall_while_nothing_can_be_told() -> None:
    level = RECOVERS + "steps: [{severity: 2, when: m.people > 5}]\n"
    town = Town(level).hear(0, people=9).hear(30, people=1).hear(60, people=None)
    assert town.wait(1000).said() == [(0, "active", 2)]
    town.hear(1000, people=1)  # known again, and that is said
    assert town.wait(2000).said()[1:] == [(1000, "active", 2), (1060, "severity", 3)]


def test_what_was_counted_and_lasts_is_not_ended_by_silence() -> None:
    """An elder is outside and the locator's battery is empty: that is no way home."""
    outside = "models: [locator]\nwhen: m.home_m > 200\ncount: {n: 2, within: 30m}\n"
    away = {"home_lat": 30.0, "home_lon": 121.0}
    town = Town(outside)
    for at in (0, 60):
        town.hear(at, lat=30.01, lon=121.0, d=away)
    assert town.wait(10_000).said() == [(60, "active", 3)]
    town.hear(10_000, lat=30.0, lon=121.0, d=away)
    assert town.wait(20_000).said() == [(60, "active", 3), (10_000, "cleared", 3)]


IN_BED = "models: [bed_mat]\nwhen: m.in_bed == true\ndwell: {for: 10m, within: 20m}\nmax_gap: 2m\n"


def test_a_stay_does_not_count_what_nobody_heard_of() -> None:
    town = Town(IN_BED)
    for at in (0, 60, 120):
        town.hear(at, in_bed=True)
    town.hear(660, in_bed=False)
    for at in range(670, 670 + 420, 60):
        town.hear(at, in_bed=True)
    assert town.wait(1090).said() == []  # two minutes and six
    town.hear(1090, in_bed=True).hear(1149, in_bed=True)
    assert town.wait(1200).said() == [(1150, "active", 3)]


def test_what_was_heard_before_a_gap_leaves_the_window_when_it_is_old() -> None:
    town = Town(IN_BED)
    for at in (*range(0, 301, 60), *range(900, 1400, 60)):
        town.hear(at, in_bed=True)
    # five minutes until 300, and from 900 on: at 1200 it is five of the last twenty, and five
    assert town.said() == [(1200, "active", 3)]
    town = Town(IN_BED)
    for at in (*range(0, 301, 60), *range(1300, 1901, 60)):
        town.hear(at, in_bed=True)
    assert town.said() == []  # the first five are too long ago
    assert town.wait(1905).said() == [(1900, "active", 3)]


def test_a_spell_that_ended_and_began_again_counts_once() -> None:
    stay = (
        "models: [bed_mat]\nwhen: m.in_bed == true\ndwell: {for: 100s, within: 1h}\n"
        "clear_for: 60s\nsteps: [{severity: 2, for: 300s}]\n"
    )
    town = Town(stay).hear(0, in_bed=True).hear(200, in_bed=False).hear(230, in_bed=True)
    # 200 s, and since 230: at 330 it is three hundred
    assert town.wait(1000).said() == [(100, "active", 3), (330, "severity", 2)]
