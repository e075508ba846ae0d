"""What comes and goes, through ingest and the worker: told three times, then counted."""

from __future__ import annotations

from work_site import WorkSite


def opens(work: WorkSite, times: int) -> None:
    for _ in range(times):
        work.says("b1-door", "opened")
        work.passes(5, steps=2)
        work.says("b1-door", "closed")
        work.passes(5, steps=2)


def test_it_is_told_three_times_then_counted_and_over_when_it_stays_so(work: WorkSite) -> None:
    opens(work, 6)
    alert = work.of("door-forced")
    assert (alert.condition, alert.occurrences) == ("recovering", 6)
    assert len({version for version, step, _ in work.messages(alert.id) if step == 0}) == 3
    work.passes(230, steps=23)
    assert work.of("door-forced").condition == "recovering"
    work.passes(20, steps=2)
    assert work.of("door-forced").condition == "clear"
    assert work.kinds(alert)[-1] == "cleared"
    assert len(work.kinds(alert)) < 12


def test_who_has_it_need_not_close_it(work: WorkSite) -> None:
    opens(work, 4)
    work.acknowledges(work.of("door-forced").id)
    work.passes(70, steps=7)
    alert = work.of("door-forced")
    assert (alert.handling, alert.closed_by) == ("closed", None)


def test_it_is_escalated_as_if_it_lasted(work: WorkSite) -> None:
    opens(work, 20)  # 200 s
    assert len(work.steps(work.of("door-forced").id)) == 2


def test_a_restart_forgets_nothing_of_it(work: WorkSite) -> None:
    opens(work, 4)
    work.open_office()
    work.passes(70, steps=7)
    assert work.of("door-forced").condition == "clear"
