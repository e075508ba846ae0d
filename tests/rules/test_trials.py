"""A rule's own tests: several devices, restarts, a changing site, and what they prove."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from anju_rules import Rule, Trial, run_trials
from anju_rules.loading import read_rules
from anju_rules.script import PROOFS
from anju_rules.trials import clock, missing_proofs

HOT = "id: hot\ntitle: {zh: 热, en: Hot}\nicon: flame\nseverity: 3\nmodels: [climate]\n"


def rule_of(text: str, *tests: dict[str, Any]) -> Rule:
    (rule,) = read_rules(HOT + text, "hot.yaml")
    return msgspec.structs.replace(rule, tests=tests)


def run(text: str, test: dict[str, Any]) -> Trial:
    (trial,) = run_trials(rule_of(text, {"name": "it", "expect": [], **test}))
    return trial


def warm(at: Any, temperature: float = 36, **more: Any) -> dict[str, Any]:
    return {"t": at, "values": {"temperature": temperature}, **more}


def test_a_restart_in_the_middle_of_a_hold_changes_nothing() -> None:
    given = [warm(0), {"t": "60s", "restart": True}]
    expect = [{"t": "5m", "kind": "active"}]
    trial = run(
        "when: m.temperature > 35\nfor: 5m\n", {"given": given, "expect": expect, "until": "6m"}
    )
    assert trial.problem == ""


def test_each_device_has_a_story_of_its_own() -> None:
    trial = run(
        "when: m.temperature > d.limit\nfor: 60s\n",
        {
            "d": {"limit": 35},
            "given": [
                warm(0, device="a"),
                warm("10s", device="b", d={"limit": 40}),
                warm("20s", device="c"),
                warm("30s", 20, device="c"),
            ],
            "expect": [{"t": "60s", "kind": "active", "entity": "a", "severity": 3}],
            "until": "5m",
        },
    )
    assert trial.problem == ""


def test_devices_of_one_home_speak_for_it_together() -> None:
    trial = run(
        "when: m.temperature > 35\nentity: household\ncount: {n: 2, within: 5m}\n",
        {
            "given": [
                warm(0, device="a", household="h1"),
                warm("10s", device="b", household="h2"),
                warm("20s", device="c", household="h1"),
            ],
            "expect": [{"t": "20s", "kind": "active", "entity": "h1"}],
        },
    )
    assert trial.problem == ""


def test_the_site_changes_during_a_test() -> None:
    trial = run(
        'when: m.temperature > 35 && s.home == "out" && p.old == true\n',
        {
            "p": {"old": True},
            "s": {"home": "in"},
            "given": [warm(0), {"t": "1h", "s": {"home": "out"}}, warm("2h")],
            "expect": [{"t": "2h", "kind": "active"}],
        },
    )
    assert trial.problem == ""


def test_where_a_device_stands_is_known_to_conditions() -> None:
    given = [warm(0, at_place={"x": 3, "y": 4}), warm("1s", device="b")]
    test = {"given": given, "expect": [{"t": 0, "kind": "active"}]}
    assert run("when: d.x == 3 && d.y == 4 && m.temperature > 35\n", test).problem == ""


def test_holidays_are_those_of_the_test_in_its_time_zone() -> None:
    schedule = (
        "when: m.temperature > 35\nfor: 60s\nschedule: {hours: '00:00-24:00', holidays: only}\n"
    )
    test = {"given": [warm(0)], "expect": [{"t": "60s", "kind": "active"}], "until": "2m"}
    assert run(schedule, {**test, "holidays": ["2026-01-01"]}).problem == ""
    assert run(schedule, {**test, "holidays": ["2026-01-03"]}).problem != ""
    # 08:00 in Shanghai is still the evening before in New York
    new_york = {"timezone": "America/New_York", "holidays": ["2025-12-31"]}
    assert run(schedule, {**test, **new_york}).problem == ""


@pytest.mark.parametrize(
    ("expect", "differs"),
    [
        ({"t": "60s", "kind": "active"}, ""),
        ({"t": "61s", "kind": "active"}, "time"),
        ({"t": "60s", "kind": "cleared"}, "kind"),
        ({"t": "60s", "kind": "active", "severity": 2}, "severity"),
        ({"t": "60s", "kind": "active", "entity": "other"}, "entity"),
        ({"t": "60s", "kind": "active", "discriminator": "x"}, "discriminator"),
        ({"t": "60s", "kind": "active", "late": True}, "late"),
    ],
)
def test_what_differs_is_named(expect: dict[str, Any], differs: str) -> None:
    test = {"given": [warm(0)], "expect": [expect], "until": "2m"}
    problem = run("when: m.temperature > 35\nfor: 60s\n", test).problem
    assert problem.endswith(f"({differs})" if differs else "")


def test_a_failed_trial_tells_its_story_in_order() -> None:
    test = {
        "given": [warm(0), warm("2m", 20, device="b")],
        "expect": [{"t": "90s", "kind": "active"}],
    }
    trial = run("when: m.temperature > 35\nfor: 60s\n", {**test, "until": "3m"})
    assert trial.timeline == (
        ("0:00:00", "given", "temperature=36"),
        ("0:01:00", "found", "active P3"),
        ("0:01:30", "expected", "active"),
        ("0:02:00", "given", "b: temperature=20"),
    )
    assert clock(90_061_500) == "25:01:01.5"


def test_what_no_test_shows_is_named() -> None:
    text = "when: m.temperature > 35\n"
    assert missing_proofs(rule_of(text)) == PROOFS
    below = {"name": "below", "shows": "below", "expect": []}
    both = {"name": "both", "shows": ["unknown", "fires"], "expect": [{"t": 0, "kind": "active"}]}
    late = {"name": "late", "expect": [], "given": [warm(0, arrives="5m")]}
    assert missing_proofs(rule_of(text, below)) == ("fires", "unknown", "late", "restart")
    assert missing_proofs(rule_of(text, below, both, late)) == ("restart",)
