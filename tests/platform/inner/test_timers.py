from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from anju_platform.rulebook.timers import Timers, Timetable


def test_what_is_due_comes_out_earliest_first_and_once() -> None:
    timers: Timers[str] = Timers()
    for key, due in (("c", 30), ("a", 10), ("b", 20)):
        timers.put(key, due)
    assert list(timers.pop_due(25)) == ["a", "b"]
    assert list(timers.pop_due(25)) == []
    assert timers.next_due() == 30


def test_a_timer_moved_later_waits_for_its_new_time() -> None:
    timers: Timers[str] = Timers()
    timers.put("a", 10)
    timers.put("a", 50)
    assert list(timers.pop_due(10)) == []
    assert list(timers.pop_due(50)) == ["a"]


def test_a_timer_moved_earlier_is_due_earlier() -> None:
    timers: Timers[str] = Timers()
    timers.put("a", 50)
    timers.put("a", 10)
    assert list(timers.pop_due(10)) == ["a"]
    assert list(timers.pop_due(99)) == []


def test_a_stopped_timer_never_comes_out() -> None:
    timers: Timers[str] = Timers()
    timers.put("a", 10)
    timers.put("a", None)
    assert list(timers.pop_due(99)) == []
    timers.put("a", 120)
    assert list(timers.pop_due(120)) == ["a"]


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 100)), st.integers(0, 5))
    )
)
def test_it_does_what_a_plain_dictionary_would_do(
    steps: list[tuple[int, int | None, int]],
) -> None:
    timers: Timers[int] = Timers()
    plain: dict[int, int] = {}
    now = 0
    for key, due, passed in steps:
        timers.put(key, due)
        if due is None:
            plain.pop(key, None)
        else:
            plain[key] = due
        now += passed
        expected = sorted(k for k, d in plain.items() if d <= now)
        assert sorted(timers.pop_due(now)) == expected
        for k in expected:
            del plain[k]


def test_of_very_many_those_of_the_first_rank_go_first() -> None:
    table: Timetable[str] = Timetable()
    for n in range(5):
        table.put(f"low-{n}", n)
    table.put("high", 9, first=True)
    assert table.next_due() == 0
    assert table.take_due(10, 3) == ["high", "low-0", "low-1"]
    assert table.next_due() == 2
    assert table.take_due(10) == ["low-2", "low-3", "low-4"]
    assert table.next_due() is None


def test_a_timer_that_changes_its_rank_comes_out_once() -> None:
    table: Timetable[str] = Timetable()
    table.put("a", 5)
    table.put("a", 6, first=True)
    assert table.take_due(10) == ["a"]
    table.put("a", 7, first=True)
    table.put("a", None)
    assert table.take_due(10) == []
