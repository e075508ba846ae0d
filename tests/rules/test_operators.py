"""The temporal operators, each by itself: what makes it true, what just not, what it forgets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_rule import START, Town

from anju_rules import Context, Fact
from anju_rules.memory import Memory
from anju_rules.operators import dwell
from anju_rules.operators.dwell import Dwell

# -- sequence ------------------------------------------------------------------------------------

TAILED = (
    "models: [door]\nentity: gate\nwhen: m.event == 'opened'\n"
    "sequence: {after: [\"m.event == 'access_denied'\", \"m.event == 'tamper'\"], within: 60s}\n"
)


def test_a_sequence_across_devices_of_one_gate_is_found() -> None:
    town = Town(TAILED).hear(0, "access_denied", device="reader").hear(10, "tamper", device="box")
    town.hear(60, "opened", device="leaf").wait(120)
    assert town.said() == [(60, "active", 3)]
    assert [m.device for m in town.findings[0].because] == ["reader", "box", "leaf"]


def test_a_sequence_out_of_order_or_too_slow_is_none() -> None:
    assert Town(TAILED).hear(0, "tamper").hear(10, "access_denied").hear(20, "opened").said() == []
    assert Town(TAILED).hear(0, "access_denied").hear(10, "tamper").hear(61, "opened").said() == []
    assert Town(TAILED).hear(0, "access_denied").hear(20, "opened").said() == []


def test_a_step_that_arrives_after_what_it_came_before_still_counts() -> None:
    town = Town(TAILED).hear(0, "access_denied").hear(20, "opened").hear(10, "tamper", arrives=21)
    assert town.said() == [(20, "active", 3)]


def test_the_newest_beginning_counts_and_one_sequence_rings_once() -> None:
    town = Town(TAILED).hear(0, "access_denied").hear(50, "access_denied").hear(55, "tamper")
    town.hear(100, "opened").hear(105, "opened")
    assert town.said() == [(100, "active", 3)]


def test_a_beginning_that_came_to_nothing_is_forgotten() -> None:
    town = Town(TAILED.replace("gate", "person")).hear(0, "access_denied", data={"credential": "a"})
    assert list(town.states) == ["credential:a"]
    assert town.wait(599).due["credential:a"] == START + 600_000
    assert town.wait(601).states == {}


# -- distinct ------------------------------------------------------------------------------------

MANY = (
    "models: [door]\nwhen: m.event == 'access_denied'\n"
    "distinct: {of: credential, n: 3, within: 5m}\nsteps: [{severity: 2, n: 4}]\n"
)


def test_three_different_cards_are_not_one_card_three_times() -> None:
    town = Town(MANY)
    for at, card in enumerate(["a", "a", "a", "b"]):
        town.hear(at * 10, "access_denied", data={"credential": card})
    assert town.said() == []
    town.hear(50, "access_denied", data={"credential": "c"})
    town.hear(55, "access_denied", data={})
    town.hear(60, "access_denied", data={"credential": "d"})
    assert town.said()[:2] == [(50, "active", 3), (60, "severity", 2)]


# -- rate ----------------------------------------------------------------------------------------

LEAK = (
    "models: [water_meter]\nwhen: m.total >= 0\n"
    "rate: {of: total, within: 24h, above: 2, counter: true}\n"
)
DRY = (
    "models: [water_meter]\nwhen: m.total >= 0\n"
    "rate: {of: total, within: 12h, below: 0.01, counter: true, coverage: 0.9}\n"
)


def test_more_than_two_cubic_metres_in_a_day() -> None:
    town = Town(LEAK)
    for half_hour in range(60):
        town.hear(half_hour * 1800, total=100 + half_hour * 0.041)
    assert town.said() == []
    town.hear(60 * 1800, total=100 + 59 * 0.041 + 0.2)
    assert [kind for _, kind, _ in town.said()] == ["active"]


def test_a_meter_that_was_exchanged_begins_anew() -> None:
    town = Town(LEAK).hear(0, total=500).hear(1800, total=0.1).hear(3600, total=0.2)
    assert town.said() == []


def test_too_little_is_only_said_when_enough_of_the_window_is_known() -> None:
    town = Town(DRY)
    for half_hour in range(21):
        town.hear(half_hour * 1800, total=7)
    assert town.said() == []  # ten hours
    town.hear(22 * 1800, total=7.001)
    assert town.said() == [(22 * 1800, "active", 3)]  # eleven: more than 90 %
    town.hear(23 * 1800, total=7.02)
    assert town.said()[-1] == (23 * 1800, "cleared", 3)


def test_a_reading_without_the_number_says_nothing() -> None:
    assert Town(DRY).hear(0, total=None).hear(86_400, interval=30).said() == []


# -- travel --------------------------------------------------------------------------------------

HASTE = "models: [door]\nentity: person\nwhen: has(m.credential)\ntravel: {faster_m_s: 2.5}\n"
EAST, WEST = {"x": 0, "y": 0}, {"x": 300, "y": 400}  # 500 m apart


@pytest.mark.parametrize(("took_s", "rings"), [(194, True), (196, False)])
def test_one_credential_at_two_points_faster_than_walking(took_s: int, rings: bool) -> None:
    card = {"credential": "a"}
    town = Town(HASTE).hear(0, "access_granted", data=card, d=EAST, device="east")
    town.hear(took_s, "access_granted", data=card, d=WEST, device="west")
    assert bool(town.said()) is rings
    if rings:
        assert [m.device for m in town.findings[0].because] == ["east", "west"]


def test_two_credentials_are_two_people_and_one_point_is_no_journey() -> None:
    town = Town(HASTE).hear(0, "access_granted", data={"credential": "a"}, d=EAST)
    town.hear(1, "access_granted", data={"credential": "b"}, d=WEST)
    town.hear(2, "access_granted", data={"credential": "b"}, d=WEST, device="next to it")
    town.hear(3, "access_granted", data={"credential": "a"})
    town.hear(4, "access_granted", d=WEST)
    assert town.said() == []


def test_journeys_arriving_in_the_wrong_order_are_put_right() -> None:
    card = {"credential": "a"}
    town = Town(HASTE).hear(300, "access_granted", data=card, d=WEST)
    town.hear(299, "access_granted", data=card, d=EAST, arrives=301)
    assert [kind for _, kind, _ in town.said()] == ["active"]


# -- dwell ---------------------------------------------------------------------------------------

LONG = "models: [bed_mat]\nwhen: m.in_bed == true\ndwell: {for: 12h, within: 13h}\n"
HOUR = 3600


def test_a_short_absence_does_not_begin_a_stay_anew() -> None:
    town = Town(LONG).hear(0, in_bed=True).hear(6 * HOUR, in_bed=False)
    town.hear(6.5 * HOUR, in_bed=True).wait(14 * HOUR)
    assert town.said() == [(12.5 * HOUR, "active", 3)]


def test_a_long_absence_leaves_the_window() -> None:
    town = Town(LONG).hear(0, in_bed=True).hear(6 * HOUR, in_bed=False)
    town.hear(10 * HOUR, in_bed=True).wait(21.9 * HOUR)
    assert town.said() == []
    assert town.wait(22.1 * HOUR).said() == [(22 * HOUR, "active", 3)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=11), st.integers(1, 60), st.integers(0, 60)
)
def test_when_a_stay_is_long_enough_agrees_with_counting(
    lengths: list[int], length: int, more: int
) -> None:
    """Against a count of every unit of time."""
    edges = [0]
    for one in lengths:
        edges.append(edges[-1] + one)
    if len(edges) % 2 == 0:
        edges.append(edges[-1] + 1)
    spells = [(edges[i], edges[i + 1]) for i in range(0, len(edges) - 1, 2)]
    since, within = edges[-1], length + more
    true = {unit for begin, end in spells for unit in range(begin, end)}

    def total(at: int) -> int:
        return sum(1 for u in range(max(0, at - within), at) if u in true or u >= since)

    found = dwell.reached_at(
        Dwell(hold=length, within=within), Memory(spells=spells), since, length
    )  # type: ignore[arg-type]
    first = next(at for at in range(since, since + 200) if total(at) >= length)
    assert found == first


# -- steps by level ------------------------------------------------------------------------------

CO = (
    "models: [co_alarm]\nwhen: m.co >= 30\n"
    "steps: [{severity: 2, when: m.co >= 50}, {severity: 1, when: m.co >= 100}]\n"
)


def test_severity_rises_and_falls_with_the_reading() -> None:
    town = Town(CO)
    for at, co in enumerate([30, 60, 120, 40, 10]):
        town.hear(at * 60, co=co)
    assert town.said() == [
        (0, "active", 3),
        (60, "severity", 2),
        (120, "severity", 1),
        (180, "severity", 3),
        (240, "cleared", 3),
    ]


def test_severity_falls_only_after_a_while_where_the_rule_says_so() -> None:
    town = Town(CO + "clear_for: 60s\n").hear(0, co=60).hear(10, co=40).hear(30, co=60)
    assert town.said() == [(0, "active", 2)]
    town.hear(40, co=40).wait(110)
    assert town.said()[1:] == [(100, "severity", 3)]


def test_what_rose_by_time_does_not_fall_by_level() -> None:
    both = (
        "models: [co_alarm]\nwhen: m.co >= 30\n"
        "steps: [{severity: 2, for: 60s}, {severity: 1, when: m.co >= 100}]\n"
    )
    town = Town(both).hear(0, co=120).hear(10, co=40).wait(70).hear(80, co=40)
    assert town.said() == [(0, "active", 1), (10, "severity", 3), (60, "severity", 2)]


TAIL = (
    "models: [door]\nwhen: m.event == 'passed' && m.bodies > m.grants\nquiet_for: 60s\n"
    "steps: [{severity: 2, when: d.plant_room == true}]\n"
)


def test_what_is_told_late_is_as_severe_as_on_time() -> None:
    """Its place in time is settled already, so it rings by itself: at its own level."""
    room, two = {"plant_room": True}, {"bodies": 2, "grants": 1}
    town = Town(TAIL).hear(0, "passed", data=two, d=room).hear(300, "passed", data=two, d=room)
    town.hear(240, "passed", data=two, d=room, arrives=330)
    assert town.said() == [
        (0, "active", 2),
        (60, "cleared", 2),
        (300, "active", 2),
        (240, "active", 2),
    ]


# -- holds with an excuse, with a count, from a time of their own --------------------------------

STOVE = (
    "models: [stove_plug, pir]\nentity: household\nwhen: m.on == true\nclear: m.on == false\n"
    "unless: {when: m.motion == true, within: 30m}\nfor: 45m\n"
)


def test_a_hold_rings_only_when_its_excuse_is_over() -> None:
    town = Town(STOVE).hear(0, on=True).hear(20 * 60, model="pir", motion=True, device="pir")
    assert town.wait(49 * 60).said() == []
    town.wait(51 * 60)
    assert [(round(at), kind) for at, kind, _ in town.said()] == [(3000, "active")]
    town.hear(52 * 60, model="pir", motion=True, device="pir").wait(53 * 60)
    assert town.said()[-1][1] == "cleared"


FENCE = (
    "models: [locator]\nwhen: m.home_m > 200 && m.accuracy < 50\n"
    "count: {n: 2, within: 30m}\nfor: 5m\nmax_gap: 30m\n"
)
HOME = {"home_lat": 31.2304, "home_lon": 121.4737}


def test_two_fixes_outside_the_fence_over_five_minutes() -> None:
    away = {"lat": 31.2304 + 0.0020, "lon": 121.4737, "accuracy": 20}  # 222 m north
    near = {"lat": 31.2304 + 0.0017, "lon": 121.4737, "accuracy": 20}  # 189 m
    assert Town(FENCE).hear(0, d=HOME, **away).wait(900).said() == []
    town = Town(FENCE).hear(0, d=HOME, **away).hear(150, d=HOME, **away).wait(310)
    assert town.said() == [(300, "active", 3)]
    town = Town(FENCE).hear(0, d=HOME, **away).hear(60, d=HOME, **near).hear(150, d=HOME, **away)
    assert town.wait(900).said() == []
    assert Town(FENCE).hear(0, **away).hear(150, **away).wait(900).said() == []


VISITOR = (
    "models: [door]\nentity: person\nwhen: m.event == 'access_granted' && m.direction == 'in'\n"
    "clear: m.direction == 'out'\nhold_from: valid_until\nfor: 30m\n"
)


def test_a_visitor_who_does_not_leave_by_the_end_of_the_visit() -> None:
    inside = {"credential": "v", "direction": "in", "valid_until": START + 3_600_000}
    town = Town(VISITOR).hear(0, "access_granted", data=inside).wait(5390)
    assert town.said() == []
    assert town.wait(5410).said() == [(5400, "active", 3)]
    left = Town(VISITOR).hear(0, "access_granted", data=inside)
    left.hear(4000, "access_granted", data={"credential": "v", "direction": "out"})
    assert left.wait(6000).said() == []
    endless = Town(VISITOR).hear(0, "access_granted", data={"credential": "v", "direction": "in"})
    assert endless.wait(9000).said() == []


def test_a_visit_that_is_extended_ends_later() -> None:
    def inside(until_s: int) -> dict[str, Any]:
        end = START + until_s * 1000
        return {"credential": "v", "direction": "in", "valid_until": end}

    town = Town(VISITOR).hear(0, "access_granted", data=inside(3600))
    town.hear(3000, "access_granted", data=inside(7200)).wait(8900)
    assert town.said() == []
    assert town.wait(9010).said() == [(9000, "active", 3)]


def test_what_an_excuse_put_off_rises_as_much_later() -> None:
    town = Town(STOVE + "steps: [{severity: 2, for: 90m}]\n").hear(0, on=True)
    for minute in (20, 45, 70, 100):
        town.hear(minute * 60, model="pir", motion=True, device="pir")
    town.wait(174 * 60)
    assert [(round(at), kind) for at, kind, _ in town.said()] == [(130 * 60, "active")]
    town.wait(176 * 60)
    assert [(round(at), kind) for at, kind, _ in town.said()][1:] == [(175 * 60, "severity")]


def test_a_change_is_over_a_time_in_which_its_condition_was_true_throughout() -> None:
    town = Town(DRY.replace("m.total >= 0", "m.total >= 0 && p.away == false"))
    for hour in range(14):
        town.hear(hour * HOUR, total=7, p={"away": 1 <= hour <= 10})
    assert town.said() == []
    for hour in range(14, 24):
        town.hear(hour * HOUR, total=7, p={"away": False})
    assert town.said() == [(22 * HOUR, "active", 3)]


# -- out of order: each of these was wrong once (found by test_orders.py) -----------------------


def test_a_yes_overtaken_by_a_no_still_begins_its_hold() -> None:
    town = Town("models: [climate]\nwhen: m.temperature >= 10\nfor: 2s\n")
    town.hear(5.2, temperature=0).hear(1.5, temperature=20, arrives=6.4).wait(60)
    assert town.said() == [(3.5, "active", 3), (5.2, "cleared", 3)]


def test_a_yes_that_is_told_after_the_no_that_ended_it_does_not_stay() -> None:
    town = (
        Town("models: [climate]\nwhen: m.temperature >= 10\n")
        .hear(0.2, temperature=10)
        .hear(3.5, temperature="dirt")
    )
    town.hear(12.3, temperature=0).hear(11.5, temperature=10, arrives=14.7).wait(60)
    assert town.said()[-1] == (12.3, "cleared", 3)


def test_a_severity_that_only_held_in_the_wrong_order_is_put_right() -> None:
    town = Town(CO).hear(0.5, co=60).hear(2.7, co=10).hear(3.0, co=60)
    town.hear(1.7, co=30, arrives=4.9).wait(60)
    assert town.said()[-1][1:] == ("severity", 2)


def test_an_unknown_that_nobody_was_told_of_is_not_said_after_a_replay() -> None:
    town = Town(
        "models: [climate]\nwhen: m.temperature >= 10\nclear: m.temperature < 5\nclear_for: 10s\n"
    )
    town.hear(30, temperature=20).hear(60, temperature="dirt").hear(83.4, temperature=10).hear(
        82.4, temperature=0, arrives=87
    ).wait(200)
    assert "unknown" not in [kind for _, kind, _ in town.said()]


def test_a_door_that_says_that_it_is_closed_costs_no_row_and_no_timer() -> None:
    """Heartbeats are most of what a door says; each was a row and a timer once."""
    forced = (
        "models: [door]\nwhen: m.event == 'opened'\nclear: m.door_state == 'closed'\n"
        "unless: {when: m.event == 'access_granted', within: 8s}\nlateness: 1s\n"
    )
    town = Town(forced)
    for at in range(0, 300, 30):
        town.hear(at, door_state="closed")
        assert town.due == {}
    town.hear(310, "opened", door_state="open").hear(310.5, "access_granted", arrives=310.6)
    assert town.due
    town.hear(310.7, door_state="closed", arrives=310.8).wait(400)
    assert town.said() == [(310, "active", 3), (310.7, "cleared", 3)]


def test_not_every_excuse_becomes_a_row_but_a_later_one_does() -> None:
    town = Town(STOVE)
    key = "home"
    changed = []
    for second in (0, 10, 80, 100, 200):
        fact = Fact(
            "pir",
            "pir",
            {"household": key},
            START + second * 1000,
            START + second * 1000,
            {"motion": True},
        )
        context = Context(fact.received_at, {}, {}, {}, {"gateway_online": True}, lambda _: 0)
        outcome = town.rule.step(town.states.get(key), fact, context)
        changed.append(outcome.changed)
        assert outcome.state is not None
        town.states[key] = outcome.state
    assert changed == [True, False, False, True, True]


def test_a_grant_is_not_forgotten_by_the_heartbeats_after_it() -> None:
    """Whatever passes between a grant and the opening, in order or not, the grant counts."""
    forced = (
        "models: [door]\nwhen: m.event == 'opened'\nclear: m.door_state == 'closed'\n"
        "unless: {when: m.event == 'access_granted', within: 8s}\nlateness: 1s\n"
    )
    town = Town(forced).hear(0, door_state="closed").hear(60, "access_granted")
    town.hear(59.5, door_state="closed", arrives=60.2).hear(62, door_state="closed")
    town.hear(64, door_state="closed").hear(66, "opened").hear(67, door_state="closed").wait(100)
    assert town.said() == []
    for at in range(200, 230):
        town.hear(at, door_state="closed")
    town.hear(231, "opened").wait(300)
    assert [kind for _, kind, _ in town.said()] == ["active"]


def test_a_quiet_reading_of_the_past_takes_its_place_among_the_others() -> None:
    forced = (
        "models: [door]\nwhen: m.event == 'opened'\nclear: m.door_state == 'closed'\n"
        "unless: {when: m.event == 'access_granted', within: 8s}\nlateness: 5s\n"
    )
    town = Town(forced).hear(10, "opened").hear(12, door_state="closed")
    town.hear(11, door_state="closed", arrives=12.5).wait(60)
    assert town.said() == [(10, "active", 3), (11, "cleared", 3)]
