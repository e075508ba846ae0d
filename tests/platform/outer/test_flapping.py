"""What comes and goes, through ingest and the worker: told three times, then counted."""

from __future__ import annotations

from datetime import timedelta

from work_site import WorkSite

from anju_platform.alerts import shelving
from anju_platform.database import now, to_millis, transaction


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


def test_a_shelf_under_it_ends_when_it_was_to_end(work: WorkSite) -> None:
    opens(work, 4)
    work.acknowledges(work.of("door-forced").id)  # due in half an hour, but for the shelf
    work.catches_up()
    with transaction(work.site.engine) as session:
        alert = work.of("door-forced")
        shelving.shelve(
            session,
            work.site.actor(),
            alert.id,
            minutes=5,
            reason="门坏了",
            version=alert.version,
            screen="wall",
        )
    alert = work.of("door-forced")
    assert alert.condition == "recovering"
    assert alert.due_at < now() + timedelta(minutes=5)  # it may be over before
    work.says("b1-door", "opened")
    work.passes(3, steps=3)
    alert = work.of("door-forced")
    assert alert.condition == "active"
    assert alert.shelf is not None
    assert to_millis(alert.due_at) == alert.shelf["until"]


def test_a_fire_that_flapped_and_somebody_has_lets_what_it_explained_speak(
    work: WorkSite,
) -> None:
    work.says("b1-501-smoke", "alarm", alarm=True)
    work.says("b1-door", "opened")
    work.passes(2, steps=2)
    door, smoke = work.of("door-forced"), work.of("smoke")
    assert door.overlays == ["inhibited"]
    soon = to_millis(work.at + timedelta(seconds=5))
    far = work.at + timedelta(hours=1)
    work.changes(
        smoke.id,
        condition="recovering",
        due_at=work.at + timedelta(seconds=5),
        evidence={**smoke.evidence, "clears": {"at": soon, "due": to_millis(far)}},
    )
    work.changes(door.id, due_at=far)
    work.passes(8, steps=4)
    assert work.of("smoke").condition == "clear"
    assert work.alert(door.id).overlays == []
