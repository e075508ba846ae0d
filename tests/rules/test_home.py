"""Who is at home, and since when it is quiet there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from anju_rules import Context, Fact, RuleSet, load_library
from anju_rules.home import SETTLE_MS, HomeState, as_of, home, is_away, observe, quiet_h
from anju_rules.silence import Silences

MINUTE, HOUR = 60_000, 3_600_000
T = 1_767_225_600_000


def said(model: str, minute: float, *, event: str | None = None, **values: Any) -> Fact:
    moment = T + round(minute * MINUTE)
    return Fact(model, model, {"household": "home"}, moment, moment, values, event=event)


def after(*facts: Fact) -> HomeState | None:
    state = None
    for fact in facts:
        state = observe(state, fact)
    return state


def now(minute: float) -> int:
    return T + round(minute * MINUTE)


def test_nothing_is_known_before_anything_is() -> None:
    assert home(None, T) == "unknown"
    assert quiet_h(None, T) is None
    assert home(after(said("climate", 0, temperature=20.0)), T) == "unknown"


def test_who_goes_through_the_door_and_is_not_seen_any_more_is_out() -> None:
    state = after(
        said("binary_sensor", 0, event="active"),
        said("door_contact", 1, event="opened"),
        said("door_contact", 1.1, event="closed"),
    )
    assert home(state, now(2)) == "unknown"
    assert home(state, now(1.1) + SETTLE_MS) == "out"
    back = observe(state, said("binary_sensor", 300, event="active"))
    assert home(back, now(300)) == "in"
    assert quiet_h(back, now(330)) == 0.5


def test_a_door_that_only_says_how_it_stands_is_nobody_coming_or_going() -> None:
    state = after(said("pir", 0, motion=True), said("door_contact", 9, contact="closed"))
    assert home(state, now(60)) == "in"
    assert quiet_h(state, now(60)) == 1


def test_a_door_that_never_says_an_event_tells_by_its_change() -> None:
    """So do contacts that report how they stand only, and recordings that say an opening alone."""
    state = after(
        said("door_contact", 0, contact="closed"),
        said("binary_sensor", 5, event="active"),
        said("door_contact", 10, contact="open"),
        said("door_contact", 11, contact="closed"),
        said("door_contact", 70, contact="closed"),
    )
    assert home(state, now(12)) == "unknown"
    assert home(state, now(11) + SETTLE_MS) == "out"
    assert quiet_h(state, now(71)) == 1
    opened = after(
        said("door_contact", 0, event="opened"), said("door_contact", 1, contact="closed")
    )
    assert home(opened, now(1) + SETTLE_MS) == "out"


def test_a_state_that_was_overtaken_by_news_is_nobody_coming_or_going() -> None:
    state = after(
        said("door_contact", 1, event="closed"),
        said("pir", 2, motion=True),
        said("door_contact", 0.5, contact="open"),
        said("door_contact", 60, contact="closed"),
    )
    assert home(state, now(120)) == "in"


def test_the_order_in_which_it_is_heard_does_not_matter() -> None:
    facts = [said("pir", 5, motion=True), said("door_contact", 1, event="closed")]
    assert after(*facts) == after(*reversed(facts))


def test_who_lies_in_bed_is_in_but_does_nothing_until_they_get_up() -> None:
    state = after(
        said("door_contact", 0, event="closed"),
        said("bed_mat", 5, in_bed=False),
        said("bed_mat", 10, in_bed=True),
        *(said("bed_mat", minute, in_bed=True) for minute in range(15, 400, 5)),
    )
    assert home(state, now(400)) == "in"
    assert quiet_h(state, now(400)) == 6.5
    assert quiet_h(observe(state, said("bed_mat", 400, in_bed=False)), now(400)) == 0


def test_a_stove_that_is_switched_on_is_a_hand_one_that_stays_on_is_not() -> None:
    state = after(said("stove_plug", 0, on=False), said("stove_plug", 1, on=True))
    assert home(state, now(1)) == "in"
    left = observe(state, said("door_contact", 2, event="closed"))
    assert home(observe(left, said("stove_plug", 30, on=True)), now(30)) == "out"
    assert home(observe(left, said("stove_plug", 30, on=False)), now(30)) == "out"


def test_water_is_a_sign_at_home_and_no_proof_of_it() -> None:
    state = after(said("pir", 0, motion=True), said("water_meter", 1, total=5.0))
    assert quiet_h(observe(state, said("water_meter", 60, total=5.001)), now(60)) == 1
    assert quiet_h(observe(state, said("water_meter", 60, total=5.006)), now(60)) == 0
    left = observe(state, said("door_contact", 2, event="closed"))
    assert home(observe(left, said("water_meter", 60, total=5.05)), now(60)) == "out"


def test_who_is_declared_away_is_out_until_the_time_they_said() -> None:
    state = after(said("pir", 0, motion=True))
    assert home(state, now(1), {"away": True}) == "out"
    assert home(state, now(1), {"away": now(2)}) == "out"
    assert home(state, now(3), {"away": now(2)}) == "in"
    assert home(state, now(1), {"away": False}) == "in"
    assert is_away("2026-01-01T08:30:00+08:00", now(29))
    assert not is_away("2026-01-01T08:30:00+08:00", now(31))
    assert not is_away("soon", now(1))


def test_a_silence_is_what_lies_between_two_signs_at_home_less_what_could_not_be_heard() -> None:
    facts = [
        said("pir", 0, motion=True),
        said("pir", 60, motion=True),
        said("pir", 90, motion=False),
        said("door_contact", 120, event="opened"),
        said("door_contact", 121, event="closed"),
        said("pir", 600, motion=True),
        said("pir", 630, motion=True),
    ]

    def blind(since: int, until: int) -> int:
        return max(0, min(until, now(30)) - max(since, now(15)))

    found = list(Silences().take(facts, blind))
    assert found == [(now(0), 0.75), (now(60), 1), (now(120), 1 / 60), (now(600), 0.5)]
    pieces = Silences()
    halves = [*pieces.take(facts[:3], blind), *pieces.take(facts[3:], blind)]
    assert halves == found


def test_of_a_couple_the_one_who_does_not_come_back_is_missed() -> None:
    """Both mats speak every five minutes; the partner sleeps on, and nothing else moves."""
    rules = RuleSet([rule for rule in load_library() if rule.id == "bed-left"])
    rule = rules.get("bed-left")
    home_state, states, found = None, {}, []
    begin = 1_767_279_600_000  # 23:00 in Shanghai
    for minute in range(5, 120, 5):
        for mat, in_bed in (("his", True), ("hers", minute < 30 or minute >= 110)):
            at = begin + minute * MINUTE
            one = Fact(mat, "bed_mat", {"device": mat}, at, at, values={"in_bed": in_bed})
            home_state = observe(home_state, one)
            site = {"gateway_online": True, "home": home(home_state, at)}
            site["quiet_h"] = quiet_h(home_state, at)
            context = Context(at, {}, {}, {}, site, lambda _: 0)
            outcome = rule.step(states.get(mat), one, context)
            states[mat] = outcome.state
            found += [(f.entity, minute, str(f.kind), f.severity) for f in outcome.findings]
    assert found == [
        ("hers", 60, "active", 3),
        ("hers", 90, "severity", 2),
        ("hers", 110, "cleared", 2),
    ]


def test_a_mat_that_is_heard_late_tells_of_the_quiet_there_was_then() -> None:
    """Nine minutes without a link; who was up stirred meanwhile, and that is told next."""
    rule = RuleSet([rule for rule in load_library() if rule.id == "bed-left"]).get("bed-left")
    begin = 1_767_279_600_000  # 23:00 in Shanghai
    at, now_ = begin + 22 * MINUTE, begin + 31 * MINUTE
    for hours, rings in ((31 / 60, []), (39 / 60, ["active"])):
        site = {"gateway_online": True, "home": "in", "quiet_h": hours}
        one = Fact("mat", "bed_mat", {"device": "mat"}, at, now_, values={"in_bed": False})
        outcome = rule.step(None, one, Context(now_, {}, {}, {}, site, lambda _: 0))
        assert [str(finding.kind) for finding in outcome.findings] == rings


def test_nobody_was_away_before_they_said_so() -> None:
    person = {"away": "2026-01-10T00:00:00+08:00", "away_since": "2026-01-03T00:00:00+08:00"}
    days = {2: False, 4: True, 11: False}
    for day, away in days.items():
        at = round(datetime(2026, 1, day, 12, tzinfo=UTC).timestamp() * 1000)
        assert as_of(person, at)["away"] is away
        assert (home(HomeState(last_motion=1), at, person) == "out") is away
    assert as_of({"away": True}, 0) == {"away": True}
    assert as_of({}, 0) == {}
