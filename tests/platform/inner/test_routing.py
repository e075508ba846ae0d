"""Who is reached on which ways, and in which order."""

from __future__ import annotations

from datetime import timedelta

from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside.routing import Outlet, Reachable, Way, ways

PUSH = Outlet(1, Kind.PUSH, 0, frozenset())
MAIL = Outlet(2, Kind.EMAIL, 1, frozenset())
CALL = Outlet(3, Kind.VOICE, 2, frozenset())
SMS = Outlet(4, Kind.SMS, 3, frozenset())
GROUP = Outlet(5, Kind.ROBOT, 1, frozenset({"guard"}))
WANG = Reachable(7, "guard", (("push", 70, "fcm"), ("push", 71, "apple"), ("phone", 72, "")))
LI = Reachable(8, "guard", (("email", 80, ""),))
CHEN = Reachable(9, "property", (("email", 90, ""),))
EVERYBODY = [WANG, LI, CHEN]


def told(recipient: str, severity: int, *outlets: Outlet) -> list[tuple[int | None, int, int]]:
    """Give (user, channel, seconds) of each way."""
    found = ways(recipient, severity, outlets, EVERYBODY)
    return [(way.user_id, way.channel_id, round(way.after.total_seconds())) for way in found]


def test_what_a_life_hangs_on_goes_out_on_every_way_at_once() -> None:
    assert told("role:guard", 1, SMS, CALL, MAIL, PUSH, GROUP) == [
        (7, PUSH.id, 0),
        (7, PUSH.id, 0),
        (8, MAIL.id, 0),
        (None, GROUP.id, 0),
        (7, CALL.id, 0),
        (7, SMS.id, 0),
    ]


def test_otherwise_each_persons_next_way_waits_for_the_one_before() -> None:
    assert told("role:guard", 2, SMS, CALL, MAIL, PUSH, GROUP) == [
        (7, PUSH.id, 10),
        (7, PUSH.id, 10),
        (8, MAIL.id, 10),
        (None, GROUP.id, 10),
        (7, CALL.id, 20),
        (7, SMS.id, 30),
    ]


def test_both_browsers_of_a_person_are_told() -> None:
    found = ways("user:7", 2, [PUSH], EVERYBODY)
    assert found == [
        Way(7, PUSH.id, 70, timedelta(seconds=10), "fcm"),
        Way(7, PUSH.id, 71, timedelta(seconds=10), "apple"),
    ]


def test_a_person_is_not_reached_by_a_role_s_robot() -> None:
    assert told("user:8", 1, GROUP, MAIL) == [(8, MAIL.id, 0)]


def test_a_robot_tells_the_role_that_reads_its_group() -> None:
    assert told("role:property", 1, GROUP, MAIL) == [(9, MAIL.id, 0)]


def test_what_can_wait_for_the_morning_calls_nobody_away() -> None:
    assert told("role:guard", 3, PUSH) != []
    assert told("role:guard", 4, PUSH, MAIL, GROUP) == []


def test_nobody_there_is_nobody_told() -> None:
    assert told("role:admin", 1, PUSH, MAIL, CALL) == []
    assert told("user:70", 1, PUSH) == []
