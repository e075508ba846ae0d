"""A consent may name a group: whoever is in it when they read is heard, and nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from consented_home import PIR, keep_secrets, say, say_nothing, tell
from outer_site import Site
from sqlalchemy import select

from anju_platform.audit.model import AuditEntry
from anju_platform.auth.model import Role
from anju_platform.database import reading, transaction
from anju_platform.duty import groups
from anju_platform.duty.schemas import GroupBody
from anju_platform.errors import ConflictError
from anju_platform.registry.privacy import device_grounds
from anju_platform.sharing.model import Purpose

LogIn = Callable[..., httpx.Client]
DAY = timedelta(days=1)


def made(site: Site, *usernames: str, name: str = "夜班组") -> int:
    """Make a group of these people; gives its id."""
    people = tuple(site.actor(username=one).user_id for one in usernames)
    with transaction(site.engine) as session:
        known = groups.add(session, site.actor(Role.ADMIN), GroupBody(name=name, members=people))
        return next(one.id for one in known if one.name == name)


def becomes(site: Site, group: int, *usernames: str, name: str = "夜班组") -> None:
    people = tuple(site.actor(username=one).user_id for one in usernames)
    with transaction(site.engine) as session:
        body = GroupBody(name=name, members=people)
        groups.change(session, site.actor(Role.ADMIN), group, body)


def reads(site: Site, username: str = "guard", slug: str = PIR) -> bool:
    with reading(site.engine) as session:
        grounds = device_grounds(session, site.actor(username=username), site.device(slug))
        return grounds.values is not None


def test_who_is_in_the_group_now_reads_and_who_left_reads_no_more(site: Site) -> None:
    say_nothing(site)
    group = made(site, "guard")
    assert not reads(site)
    say(site, f"group:{group}")
    assert reads(site)
    assert not reads(site, "guard2")  # the same role, and not in it
    becomes(site, group, "guard2")
    assert not reads(site)
    assert reads(site, "guard2")


def test_a_right_is_needed_besides_and_another_group_gives_nothing(site: Site) -> None:
    say_nothing(site)
    group = made(site, "guard")
    say(site, f"group:{group + 1}")
    say(site, f"group:{group}0")
    assert not reads(site)
    say(site, f"group:{group}")
    for username in ("grid", "installer", "auditor", "family", "office", "admin"):
        assert not reads(site, username)


@pytest.mark.parametrize(
    ("words", "shared"),
    [
        # a person counts before their groups, a group before the role, whatever was said later
        ([("user", False), ("group", True), ("role", True)], False),
        ([("user", True), ("group", False)], True),
        ([("role", False), ("group", True)], True),
        ([("group", False), ("role", True)], False),
        ([("group", True), ("group", False)], False),
        ([("group", False), ("group", True)], True),
        # of two groups of theirs one may not see it
        ([("other", False), ("group", True)], False),
        ([("group", True), ("other", False)], False),
        ([("group", True), ("other", True)], True),
    ],
)
def test_what_is_named_most_closely_counts(
    site: Site, words: list[tuple[str, bool]], shared: bool
) -> None:
    say_nothing(site)
    viewers = {
        "user": f"user:{site.actor().user_id}",
        "group": f"group:{made(site, 'guard')}",
        "other": f"group:{made(site, 'guard', 'guard2', name='志愿队')}",
        "role": "role:guard",
    }
    for viewer, given in words:
        say(site, viewers[viewer], given=given)
    assert reads(site) is shared


def test_a_sensor_and_a_time_are_heeded_as_ever(site: Site) -> None:
    say_nothing(site)
    group = f"group:{made(site, 'guard')}"
    say(site, group, sensors="kind:bed_mat")
    assert not reads(site)
    assert reads(site, slug="b1-501-bed")
    say(site, group, begins=DAY)
    assert not reads(site)
    say(site, group, sensors=f"device:{PIR}", begins=-2 * DAY, ends=-DAY)
    assert not reads(site)
    say(site, group, sensors=f"device:{PIR}", ends=DAY)
    assert reads(site)


def test_a_group_may_be_kept_out_of_an_emergency(site: Site) -> None:
    say_nothing(site)
    alert = site.alert(severity=1)
    tell(site, alert, "role:guard")
    assert reads(site)
    say(site, f"group:{made(site, 'guard')}", purpose=Purpose.EMERGENCY.value, given=False)
    assert not reads(site)
    assert reads(site, "guard2")


def test_every_read_of_it_is_on_record_with_the_person_and_the_purpose(
    site: Site, log_in: LogIn
) -> None:
    say_nothing(site)
    alert = keep_secrets(site)
    say(site, f"group:{made(site, 'guard2')}")
    mine, others = log_in("guard2"), log_in("guard")
    assert mine.get(f"/api/v1/devices/{PIR}/series", params={"field": "lux"}).json()["values"]
    assert mine.get(f"/api/v1/alerts/{alert}").json()["values"] == {"lux": 4711.25}
    assert others.get(f"/api/v1/alerts/{alert}").json()["values"] == {}
    with transaction(site.engine) as session:
        seen = session.scalars(
            select(AuditEntry).where(AuditEntry.data["purpose"].astext == Purpose.CARE.value)
        ).all()
        assert {one.user_id for one in seen} == {site.actor(username="guard2").user_id}


def test_the_api_takes_groups_of_this_community_alone(site: Site, log_in: LogIn) -> None:
    group = made(site, "guard")
    office = log_in("office")
    said = {"person": "张桂兰", "sensors": "all", "purpose": "care", "how": "written"}
    path = "/api/v1/households/h-501/consents"
    for viewer in (f"group:{group + 1}", "group:999999999999999999"):
        answer = office.post(path, json=said | {"viewer": viewer})
        assert (answer.status_code, "group:<id>" in answer.text) == (422, True)
    for odd in ("group:x", "group:0", f"group:00{group}"):
        assert office.post(path, json=said | {"viewer": odd}).status_code == 422
    given = office.post(path, json=said | {"viewer": f"group:{group}"})
    assert (given.status_code, given.json()["viewer_name"]) == (201, "夜班组")
    for_all = said | {"viewer": f"group:{group}", "purpose": "statistics"}
    assert office.post(path, json=for_all).status_code == 422


def test_a_group_that_sees_a_home_is_not_removed_until_that_is_withdrawn(
    site: Site, log_in: LogIn
) -> None:
    say_nothing(site)
    group = made(site, "guard")
    office, admin = log_in("office"), log_in("admin")
    path = "/api/v1/households/h-501/consents"
    said = {"person": "张桂兰", "sensors": "all", "purpose": "care", "how": "written"}
    given = office.post(path, json=said | {"viewer": f"group:{group}"}).json()
    (shown,) = admin.get("/api/v1/groups").json()
    assert shown["homes"] == 1
    refused = admin.delete(f"/api/v1/groups/{group}")
    assert (refused.status_code, "1 homes" in refused.text) == (409, True)
    assert reads(site)
    office.post(f"{path}/{given['id']}/withdraw", json={}).raise_for_status()
    admin.delete(f"/api/v1/groups/{group}").raise_for_status()
    words = office.get(path).json()["words"]
    assert [(one["viewer"], one["viewer_name"]) for one in words] == [(f"group:{group}", None)] * 2


def test_what_begins_later_keeps_a_group_too(site: Site) -> None:
    say_nothing(site)
    group = made(site, "guard")
    say(site, f"group:{group}", begins=DAY)
    with transaction(site.engine) as session, pytest.raises(ConflictError):
        groups.remove(session, site.actor(Role.ADMIN), group)
    say(site, f"group:{group}", begins=-2 * DAY, ends=-DAY)
    say(site, f"group:{group}", begins=DAY, given=False)
