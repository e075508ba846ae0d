"""What one alert explains is not told beside it, whichever came first; and told when it is over."""

from __future__ import annotations

import pytest
from night_desk import GUARD, PROPERTY
from work_site import WorkSite

from anju_platform.alerts import service
from anju_platform.alerts.inhibition import INHIBITED, INHIBITIONS
from anju_platform.alerts.model import Cause
from anju_platform.database import transaction
from anju_rules import load_library

OPENED = {"b1-door": ("opened", {})}
SMOKE = {"b1-501-smoke": ("alarm", {"alarm": True})}


def burns(work: WorkSite) -> None:
    work.says("b1-501-smoke", "alarm", alarm=True)


def forces(work: WorkSite, door: str = "b1-door") -> None:
    work.says(door, "opened")
    work.passes(2, steps=2)


def closes(work: WorkSite, rule: str) -> None:
    with transaction(work.site.engine) as session:
        alert = work.of(rule)
        service.close(
            session,
            work.site.actor(),
            alert.id,
            version=alert.version,
            cause=Cause.FALSE,
            screen="wall",
        )
    work.catches_up()


def test_doors_on_the_way_out_of_a_fire_are_muted_and_speak_when_it_is_out(work: WorkSite) -> None:
    burns(work)
    forces(work)
    door = work.of("door-forced")
    assert (door.overlays, work.told(door)) == (["inhibited"], [])
    work.passes(600, steps=5)
    assert work.steps(door.id) == []
    assert work.alert(door.id).overlays == ["inhibited"]
    work.says("b1-501-smoke", "alarm_cleared", alarm=False)
    work.passes(1)
    door = work.of("door-forced")
    assert (door.overlays, work.told(door)) == ([], [GUARD, PROPERTY])
    assert work.kinds(door)[:3] == ["raised", "unmuted", "speaks"]


def test_a_fire_that_comes_after_stops_what_was_told_already(work: WorkSite) -> None:
    forces(work)
    door = work.of("door-forced")
    work.passes(60, steps=2)
    burns(work)
    assert work.of("door-forced").overlays == ["inhibited"]  # in the fire's own transaction
    assert "muted" in work.kinds(door)
    work.passes(600, steps=6)
    assert work.steps(door.id) == []


@pytest.mark.parametrize("said", [[OPENED, SMOKE], [SMOKE, OPENED], [OPENED | SMOKE]])
def test_the_order_in_which_they_come_does_not_matter(
    work: WorkSite, said: list[dict[str, tuple[str, dict[str, bool]]]]
) -> None:
    for each in said:
        work.all_say(each)
    work.passes(4, steps=4)
    door = work.of("door-forced")
    assert door.overlays == ["inhibited"]
    assert work.of("smoke").overlays == []
    assert work.steps(door.id) == []


def test_a_gate_is_on_no_way_out_of_a_flat(work: WorkSite) -> None:
    burns(work)
    forces(work, "gate-south")
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]


def test_a_fire_that_is_closed_inhibits_nothing_any_more(work: WorkSite) -> None:
    burns(work)
    forces(work)
    closes(work, "smoke")
    work.passes(1)
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]
    forces(work)
    assert work.of("door-forced").overlays == []


def test_whoever_took_it_on_has_it_still_when_the_fire_is_out(work: WorkSite) -> None:
    burns(work)
    forces(work)
    door = work.of("door-forced")
    work.acknowledges(door.id)
    work.says("b1-501-smoke", "alarm_cleared", alarm=False)
    work.passes(1)
    found = work.alert(door.id)
    assert (found.overlays, found.handling, work.told(door)) == ([], "acked", [])


def test_a_smoke_alarm_that_is_worked_on_explains_no_forced_door(work: WorkSite) -> None:
    work.plans_work(60, device="b1-501-smoke", for_life=True)
    burns(work)
    forces(work)
    assert work.of("smoke").overlays == ["maintenance"]
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]


def test_nor_does_one_of_a_drill(work: WorkSite) -> None:
    work.plans_drill(place="b1-501")
    burns(work)
    forces(work)
    assert work.of("smoke").mode == "drill"
    assert work.told(work.of("door-forced")) == [GUARD, PROPERTY]


def test_silence_behind_a_gateway_that_is_lost_is_explained_by_it(work: WorkSite) -> None:
    quiet = work.rings(
        slug="b1-climate", rule_id="device-silent", severity=4, dedupe_key="device-silent|x|"
    )
    beside = work.rings(
        slug="far-pir", rule_id="device-silent", severity=4, dedupe_key="device-silent|y|"
    )
    work.gateway(online=False)
    work.passes(40, steps=8)
    assert work.alert(quiet).overlays == ["inhibited"]
    assert work.alert(beside).overlays == []  # behind another gateway
    assert work.told(work.of("gateway-lost")) == [GUARD, PROPERTY]
    work.gateway(online=True)
    work.passes(2, steps=2)
    assert work.alert(quiet).overlays == []
    assert work.kinds(work.alert(quiet))[-2:] == ["unmuted", "speaks"]


def test_what_a_life_hangs_on_is_never_inhibited(work: WorkSite) -> None:
    burns(work)
    door = work.rings(slug="b1-door", rule_id="door-forced", severity=1)
    latched = work.rings(slug="b1-door", rule_id="door-forced", severity=2, latched=True)
    burns(work)
    work.passes(60, steps=3)
    assert work.alert(door).overlays == work.alert(latched).overlays == []
    worst = {rule.id: (rule.severity, rule.latch) for rule in load_library()}
    assert not [rule for rule in INHIBITED if worst[rule][0] == 1 or worst[rule][1]]
    assert {rule for one in INHIBITIONS for rule in one.by | one.what} <= worst.keys()


def test_a_door_that_has_become_a_matter_of_life_speaks(work: WorkSite) -> None:
    burns(work)
    forces(work)
    door = work.of("door-forced")
    work.changes(door.id, severity=1, due_at=work.at)
    work.passes(1)
    assert work.told(door) == [GUARD, PROPERTY]


def test_a_restart_of_ingest_does_not_forget_the_fire(work: WorkSite) -> None:
    burns(work)
    work.open_office()
    forces(work)
    assert work.of("door-forced").overlays == ["inhibited"]


def test_a_fire_of_which_nobody_can_tell_explains_nothing(work: WorkSite) -> None:
    burns(work)
    forces(work)
    work.changes(work.of("smoke").id, condition="unknown")
    work.passes(31, steps=2)
    assert work.of("door-forced").overlays == []


def test_one_that_comes_and_goes_does(work: WorkSite) -> None:
    burns(work)
    work.changes(work.of("smoke").id, condition="recovering")
    forces(work)
    assert work.of("door-forced").overlays == ["inhibited"]
