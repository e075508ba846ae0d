"""Lesser alerts of one place and minute are told together; nothing urgent ever waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outer_site import Site
from reached_site import Reached, until
from sinks import Sink
from sqlalchemy import update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert
from anju_platform.auth.model import User
from anju_platform.database import now, transaction
from anju_platform.notifications import listing
from anju_platform.notifications.model import Delivery, Notification
from anju_platform.notifications.outside import repository
from anju_platform.notifications.outside.leasing.repository import MOST_TOGETHER, lease
from anju_platform.notifications.taking_up import take_up

LogIn = Callable[..., httpx.Client]

LEASE = timedelta(seconds=12)


def said(sink: Sink) -> list[str]:
    return [one.json()["say"] for one in sink.received]


def test_what_is_there_when_the_first_goes_goes_with_it(reached: Reached, phone: Sink) -> None:
    for title in ("门未关", "设备失联", "设备失联"):
        reached.rings(3, title=title)
        reached.later(2)
    reached.turn()
    assert phone.received == []  # the wall has ten seconds, as ever
    reached.later(4)
    reached.turn()
    (one,) = said(phone)
    assert one.startswith("P3 注意 · 1 栋 501 卫生间：3 条告警。门未关、设备失联 ×2。")
    assert one.endswith("起陆续发现。尚无人处理。")
    assert reached.states() == [("voice", "accepted")] * 3
    reached.later(60)
    reached.turn()
    assert len(phone.received) == 1


def test_what_comes_after_the_first_waits_for_the_end_of_the_minute_and_goes_together(
    reached: Reached, phone: Sink
) -> None:
    reached.rings(3, title="门未关")
    reached.later(10)
    reached.turn()
    assert "门未关" in said(phone)[0]
    for title in ("设备失联", "电量低"):
        reached.rings(3, title=title)
        reached.later(15)
        reached.turn()
    assert len(phone.received) == 1  # each has had its turn by now, but for the last
    reached.later(5)
    reached.turn()
    assert len(phone.received) == 1
    reached.later(15)  # a minute after the first was raised
    reached.turn()
    assert len(phone.received) == 2
    assert "2 条告警。设备失联、电量低。" in said(phone)[1]
    reached.rings(3, title="下一个")
    reached.later(60)
    reached.turn()
    assert "下一个" in said(phone)[2]


def test_one_that_waited_alone_is_said_as_it_always_was(reached: Reached, phone: Sink) -> None:
    reached.rings(3, title="门未关")
    reached.later(10)
    reached.turn()
    reached.rings(3, title="设备失联")
    reached.later(50)
    reached.turn()
    assert said(phone)[1].startswith("P3 注意 · 设备失联。1 栋 501 卫生间，")


@pytest.mark.parametrize("severity", [1, 2])
def test_nothing_urgent_waits_or_is_named_among_others(
    reached: Reached, phone: Sink, severity: int
) -> None:
    reached.rings(3, title="门未关")
    reached.rings(severity, title="急一")
    reached.rings(severity, title="急二")
    reached.later(10)
    reached.turn()
    assert [one.json()["severity"] for one in phone.received] == [severity, severity, 3]
    assert all("条告警" not in one for one in said(phone))
    reached.rings(severity, title="急三")
    reached.later(10)
    reached.turn()
    assert "急三" in said(phone)[3]


def test_what_rises_leaves_the_others_at_once_and_is_told_once(
    reached: Reached, phone: Sink
) -> None:
    reached.rings(3, title="门未关")
    reached.later(10)
    reached.turn()
    waiting = [reached.rings(3, title=title) for title in ("甲", "乙", "丙")]
    reached.later(10)
    reached.turn()
    assert len(phone.received) == 1
    reached.rises(waiting[1], 1, "role:guard")
    reached.turn()
    assert said(phone)[1].startswith("P1 生命危险 · 乙。")
    reached.later(60)
    reached.turn()
    assert "2 条告警。甲、丙。" in said(phone)[2]
    assert len(phone.received) == 3


def test_who_is_not_told_of_the_rise_hears_of_what_waited_at_once(
    reached: Reached, phone: Sink
) -> None:
    reached.phone("13900000009", username="property")
    to = "role:guard", "role:property"
    reached.rings(3, *to, title="门未关")
    reached.later(10)
    reached.turn()
    waiting = reached.rings(3, *to, title="甲")
    reached.later(10)
    reached.turn()
    assert len(phone.received) == 2
    reached.rises(waiting, 2, "role:guard")
    reached.turn()
    (at_once,) = phone.received[2:]
    assert at_once.json()["to"] == "13900000009"
    assert at_once.json()["say"].startswith("P2 紧急 · 甲。")
    reached.later(10)
    reached.turn()
    assert phone.received[3].json()["to"] == "13800000001"
    reached.later(60)
    reached.turn()
    assert len(phone.received) == 4


@pytest.mark.parametrize("how", ["closed", "taken on", "over", "on a screen"])
def test_what_need_not_be_said_any_more_is_not_named(
    reached: Reached, phone: Sink, site: Site, how: str
) -> None:
    alerts = [reached.rings(3, title=title) for title in ("甲", "乙", "丙")]
    values: dict[str, dict[str, Any]] = {
        "closed": {"handling": "closed"},
        "taken on": {"handling": "acked"},
        "over": {"condition": "clear"},
    }
    with transaction(site.engine) as session:
        if how in values:
            session.execute(update(Alert).where(Alert.id == alerts[0]).values(**values[how]))
        else:
            told = update(Notification).where(Notification.alert_id == alerts[0])
            session.execute(told.values(delivered_at=now()))
    reached.later(10)
    reached.turn()
    assert "2 条告警。乙、丙。" in said(phone)[0]
    assert reached.states() == [("voice", state) for state in ("cancelled", *["accepted"] * 2)]


def test_other_places_people_and_drills_are_other_messages(reached: Reached, phone: Sink) -> None:
    reached.phone("13900000009", username="property")
    reached.rings(3, "role:guard", "role:property", title="甲")
    reached.rings(3, title="乙")
    reached.rings(3, title="门一", slug="gate-south")
    reached.rings(3, title="演", mode="drill")
    reached.rings(3, title="无处", place_id=None)
    reached.rings(3, title="无处二", place_id=None)
    reached.later(11)
    reached.turn()
    guard = [one.json()["say"] for one in phone.received if one.json()["to"] == "13800000001"]
    assert sorted(one.partition("。")[0] for one in guard) == [
        "P3 注意 · 1 栋 501 卫生间：2 条告警",
        "P3 注意 · 无处",
        "P3 注意 · 无处二",
        "P3 注意 · 门一",
        "【演练】P3 注意 · 演",
    ]
    (other,) = (one.json()["say"] for one in phone.received if one.json()["to"] == "13900000009")
    assert other.startswith("P3 注意 · 甲。")


def test_a_chat_group_is_told_together_too_and_says_so_in_the_readers_words(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.robot(sink)
    browser = reached.browser(sink)
    with transaction(site.engine) as session:
        session.execute(update(User).values(locale="en"))
    for title in ("A", "B"):
        reached.rings(3, title=title, title_en=f"{title} door")
    reached.later(21)
    reached.turn()
    (push,) = sink.to("/push/abc")
    (chat,) = [one for one in sink.received if "robot" in one.path]
    shown = browser.opens(push)
    assert shown["title"] == "P3 Attention · 2 alerts, 1-501 bathroom"
    assert shown["body"].startswith("A door, B door. Detected from ")
    assert shown["body"].endswith("Nobody has it yet.")
    assert shown["url"].endswith("/alerts?handling=unacked")
    assert "：2 条告警" in chat.json()["text"]["content"]


def test_one_receipt_is_the_proof_of_all_that_it_named_and_stops_their_next_ways(
    reached: Reached, sink: Sink, log_in: LogIn
) -> None:
    reached.voice(sink)
    browser = reached.browser(sink)
    reached.phone()
    alerts = [reached.rings(3, title=title) for title in ("甲", "乙")]
    reached.later(10)
    reached.turn()
    later = reached.rings(3, title="丙")
    (push,) = sink.to("/push/abc")
    path = browser.opens(push)["receipt"].partition("/api/")[2]
    client = log_in()
    client.post(f"/api/{path}", json={"kind": "seen"}).raise_for_status()
    assert reached.states()[:4] == [("push", "seen"), ("voice", "queued")] * 2
    assert reached.states()[4:] == [("push", "queued"), ("voice", "queued")]
    reached.later(10)
    reached.turn()
    assert reached.states()[:4] == [("push", "seen"), ("voice", "cancelled")] * 2
    for alert in alerts:
        detail = client.get(f"/api/v1/alerts/{alert}").json()
        shown = next(one for one in detail["deliveries"] if one["channel"] == "push")
        assert shown["state"] == "seen"
        assert shown["others"] == 1
    assert client.get(f"/api/v1/alerts/{later}").json()["deliveries"][1]["others"] == 0


def test_what_waits_keeps_the_order_of_its_ways(reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.browser(sink)
    reached.phone()
    reached.rings(3, title="甲")
    reached.later(10)
    reached.turn()
    reached.later(10)
    reached.turn()
    assert [one.path for one in sink.received] == ["/push/abc", "/voice"]
    reached.rings(3, title="乙")
    for _ in range(3):
        reached.later(10)
        reached.turn()
    assert len(sink.received) == 2  # neither way, although both had their turn by now
    reached.later(10)
    reached.turn()
    assert [one.path for one in sink.received[2:]] == ["/push/abc"]
    reached.later(10)
    reached.turn()
    assert [one.path for one in sink.received[2:]] == ["/push/abc", "/voice"]


def test_a_refusal_is_repeated_as_it_was_said_and_what_came_since_waits(
    reached: Reached, phone: Sink
) -> None:
    phone.status = 503
    for title in ("甲", "乙"):
        reached.rings(3, title=title)
    reached.later(10)
    reached.turn()
    reached.rings(3, title="丙")
    phone.status = 201
    reached.later(30)
    reached.turn()
    assert len({one.json()["id"] for one in phone.received}) == 1
    assert all("2 条告警。甲、乙。" in one for one in said(phone))
    assert [state for _, state in reached.states()] == ["accepted", "accepted", "queued"]
    reached.later(60)
    reached.turn()
    assert "丙" in said(phone)[-1]


def test_what_is_closed_between_two_tries_is_named_no_more_and_the_rest_is(
    reached: Reached, phone: Sink
) -> None:
    reached.tries_again_without_one(phone)
    assert said(phone)[-1].startswith("P3 注意 · 乙。")
    assert len({one.json()["id"] for one in phone.received}) == 1
    assert reached.states() == [("voice", "cancelled"), ("voice", "accepted")]


def test_an_address_that_is_gone_lets_the_next_way_be_taken_at_once_for_all(
    reached: Reached, sink: Sink
) -> None:
    telephone = Sink()
    reached.voice(telephone)
    reached.browser(sink)
    reached.phone()
    sink.status = 410
    for title in ("甲", "乙"):
        reached.rings(3, title=title)
    reached.later(10)
    one = reached.deliverer()
    reached.turn(one)
    reached.turn(one)
    assert reached.states() == [("push", "dead"), ("voice", "accepted")] * 2
    assert len(telephone.received) == 1
    telephone.stop()


def test_a_worker_that_dies_after_sending_loses_none_and_says_it_once_more(
    reached: Reached, phone: Sink, site: Site
) -> None:
    alerts = [reached.rings(3, title=title) for title in ("甲", "乙", "丙")]
    reached.later(10)
    channel = reached.channel_row("voice").id
    deliverer = reached.deliverer()
    with transaction(site.engine) as session:
        leased = lease(session, channel, "", LEASE)
        errands = repository.errands(session, leased or [], now())
    deliverer._say(errands)  # and the power is cut before it is written down
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alerts[0], version=1, screen="wall")
    reached.turn()
    assert len(phone.received) == 1
    reached.later(13)
    reached.turn()
    assert len(phone.received) == 2
    assert phone.received[0].json()["id"] == phone.received[1].json()["id"]
    assert "2 条告警。乙、丙。" in said(phone)[1]
    assert [state for _, state in reached.states()] == ["cancelled", "accepted", "accepted"]
    reached.later(600)
    reached.turn()
    assert len(phone.received) == 2


def test_two_workers_at_once_say_it_once(reached: Reached, phone: Sink) -> None:
    for number in range(6):
        reached.rings(3, title=f"第{number}个")
    reached.later(10)
    workers = [reached.deliverer() for _ in range(3)]
    for one in workers:
        one.turn()
    for one in workers:
        until(lambda one=one: not one.busy())  # type: ignore[misc]
    reached.turn()
    assert len(phone.received) == 1


def test_a_message_names_so_many_and_the_rest_waits_for_the_end_of_the_minute(
    reached: Reached, phone: Sink, site: Site
) -> None:
    for number in range(MOST_TOGETHER + 2):
        reached.rings(3, title=f"第{number}个")
    reached.later(10)
    reached.turn()
    assert f"{MOST_TOGETHER} 条告警" in said(phone)[0]
    assert len(phone.received) == 1
    reached.later(50)
    reached.turn()
    assert "2 条告警" in said(phone)[1]
    with Session(site.engine) as session:
        channel = reached.channel_row("voice").id
        told = listing.told_since(session, site.community_id, now() - timedelta(hours=1))
        assert told == {channel: 2}  # a provider counts messages, not alerts


def test_what_comes_and_goes_is_named_once(reached: Reached, phone: Sink) -> None:
    alert = reached.rings(3, title="门未关")
    reached.rises(alert, 3, "role:guard")
    reached.rises(alert, 3, "role:guard")
    reached.later(11)
    reached.turn()
    (one,) = said(phone)
    assert one.startswith("P3 注意 · 门未关。")
    assert reached.states() == [("voice", "accepted")] * 3
    reached.rises(alert, 3, "role:guard")
    reached.rings(3, title="设备失联")
    reached.later(60)
    reached.turn()
    assert "2 条告警。门未关、设备失联。" in said(phone)[1]


def test_who_is_sent_there_is_told_by_itself(reached: Reached, phone: Sink, site: Site) -> None:
    guard = site.actor(username="guard")
    reached.rings(3, title="门未关")
    reached.later(10)
    reached.turn()
    sent = site.alert(severity=3, title="派您")
    with transaction(site.engine) as session:
        service.dispatch(session, guard, sent, user_id=guard.user_id, version=1, screen="wall")
    take_up(site.engine, lambda *_: None)
    reached.later(10)
    reached.turn()
    assert "派您前往处理" in said(phone)[1]


def test_a_family_is_told_what_is_true_of_all(reached: Reached, phone: Sink, site: Site) -> None:
    reached.phone("13900000007", username="family")
    home = site.device("b1-501-sos").household_id
    alerts = [reached.rings(3, f"family:h{home}", title=title) for title in ("甲", "乙")]
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alerts[0], version=1, screen="wall")
    reached.later(10)
    reached.turn()
    (one,) = phone.received
    assert one.json()["say"].endswith("值班台已收到，部分已有人处理。")
    assert one.json()["url"].endswith("/family")


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(0, 8), min_size=1, max_size=8))
def test_whenever_alerts_come_each_is_told_once_and_within_a_minute(
    reached: Reached, phone: Sink, site: Site, gaps: list[int]
) -> None:
    with transaction(site.engine) as session:
        session.execute(update(Delivery).values(state="dead"))
    phone.received.clear()
    deliverer = reached.deliverer()
    waiting: dict[str, int] = {}
    told: list[str] = []

    def some_seconds() -> None:
        reached.later(5)
        reached.turn(deliverer)
        for name in waiting:
            waiting[name] += 5
        for one in phone.received:
            for name in [each for each in waiting if each in one.json()["say"]]:
                assert waiting.pop(name) <= 60
                told.append(name)
        phone.received.clear()

    for number, gap in enumerate(gaps):
        for _ in range(gap):
            some_seconds()
        name = f"<{number}>"
        reached.rings(3, title=name)
        waiting[name] = 0
    for _ in range(13):
        some_seconds()
    assert waiting == {}
    assert sorted(told) == sorted(f"<{number}>" for number in range(len(gaps)))
