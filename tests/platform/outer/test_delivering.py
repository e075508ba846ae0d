"""What reaches people outside: in time, on the next way when one leads nowhere, seldom twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from outer_site import Site
from reached_site import Reached
from sinks import Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert
from anju_platform.alerts.telling import tell
from anju_platform.auth.service import set_disabled
from anju_platform.database import now, transaction
from anju_platform.notifications.model import Address, Delivery
from anju_platform.notifications.outside.leasing import repository as leasing
from anju_platform.notifications.receipts import ReceiptKind, take
from anju_platform.notifications.repository import add
from anju_platform.notifications.taking_up import take_up

LogIn = Callable[..., httpx.Client]


def test_of_a_p1_everybody_hears_on_every_way_at_once(reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.robot(sink)
    browser = reached.browser(sink)
    reached.phone()
    alert = reached.rings(1)
    reached.turn()
    assert reached.states() == [
        ("push", "accepted"),
        ("voice", "accepted"),
        ("robot", "accepted"),
    ]
    (pushed,) = sink.to("/push/abc")
    said = browser.opens(pushed)
    assert said["title"] == "P1 生命危险 · 求助"
    assert said["body"].startswith("1 栋 501 卫生间，")
    assert said["body"].endswith("发现。尚无人处理。")
    assert said["url"].endswith(f"/alerts/{alert}")
    (call,) = sink.to("/voice")
    assert call.json()["to"] == "13800000001"
    assert len(sink.to("/cgi-bin/webhook/send?key=robot")) == 1


def test_otherwise_the_wall_is_given_ten_seconds_and_each_way_ten_more(
    reached: Reached, sink: Sink
) -> None:
    reached.voice(sink)
    reached.browser(sink)
    reached.phone()
    reached.rings(2)
    reached.turn()
    assert sink.received == []
    reached.later(10)
    reached.turn()
    assert [one.path for one in sink.received] == ["/push/abc"]
    reached.later(10)
    reached.turn()
    assert [one.path for one in sink.received] == ["/push/abc", "/voice"]


def test_who_sees_it_on_a_screen_is_not_called(reached: Reached, sink: Sink, site: Site) -> None:
    reached.browser(sink)
    alert = reached.rings(2)
    with transaction(site.engine) as session:
        take(session, site.actor(), [alert], ReceiptKind.DELIVERED)
    reached.later(30)
    reached.turn()
    assert reached.states() == [("push", "cancelled")]
    assert sink.received == []


def test_who_has_it_on_one_way_is_not_told_on_the_next(
    reached: Reached, sink: Sink, log_in: LogIn
) -> None:
    reached.voice(sink)
    browser = reached.browser(sink)
    reached.phone()
    reached.rings(2)
    reached.later(10)
    reached.turn()
    receipt = browser.opens(sink.received[0])["receipt"].rpartition("/")[2]
    client = log_in()
    client.cookies.clear()  # a service worker has no session at 3 a.m.
    del client.headers["X-CSRF-Token"]
    said = client.post(f"/api/v1/receipts/{receipt}", json={"kind": "delivered"})
    assert said.status_code == 204
    reached.later(10)
    reached.turn()
    assert reached.states() == [("push", "delivered"), ("voice", "cancelled")]
    client.post(f"/api/v1/receipts/{receipt}", json={"kind": "seen"}).raise_for_status()
    assert reached.states()[0] == ("push", "seen")
    wrong = client.post(f"/api/v1/receipts/{receipt}x", json={"kind": "seen"})
    assert wrong.status_code == 404


def test_a_200_is_no_delivery(reached: Reached, sink: Sink) -> None:
    sink.status = 200  # and drops it
    reached.voice(sink)
    reached.browser(sink)
    reached.phone()
    reached.rings(2)
    reached.later(10)
    reached.turn()
    reached.later(10)
    reached.turn()
    assert [one.path for one in sink.received] == ["/push/abc", "/voice"]


def test_a_wall_that_nobody_looks_at_keeps_no_step_from_anybody(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone()
    alert = site.alert(severity=2)
    with transaction(site.engine) as session:
        add(session, tell(session.get_one(Alert, alert), "escalated", ("role:guard",), step=1))
    take_up(site.engine, lambda *_: None)
    with transaction(site.engine) as session:  # the open page says so by itself
        take(session, site.actor(), [alert], ReceiptKind.DELIVERED)
    reached.later(10)
    reached.turn()
    assert reached.states() == [("voice", "accepted")]


def test_who_is_named_by_name_is_called_whoever_of_their_role_has_it(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone(username="guard2")
    alert = reached.rings(2, "role:guard", f"user:{site.actor(username='guard2').user_id}")
    with transaction(site.engine) as session:
        take(session, site.actor(), [alert], ReceiptKind.SEEN)
    reached.later(10)
    reached.turn()
    assert len(sink.received) == 1


@pytest.mark.parametrize(
    "over", [{"condition": "clear"}, {"mode": "test"}, {"overlays": ["shelved"]}]
)
def test_nobody_is_called_of_what_is_over_muted_or_a_test(
    reached: Reached, sink: Sink, site: Site, over: dict[str, Any]
) -> None:
    reached.voice(sink)
    reached.phone()
    alert = reached.rings(2)
    with transaction(site.engine) as session:
        session.execute(update(Alert).where(Alert.id == alert).values(**over))
    reached.later(10)
    reached.turn()
    assert sink.received == []


def test_who_was_dismissed_is_told_no_more(reached: Reached, sink: Sink, site: Site) -> None:
    reached.voice(sink)
    reached.phone()
    reached.rings(2)
    with transaction(site.engine) as session:
        set_disabled(session, "guard", disabled=True)
    reached.later(10)
    reached.turn()
    assert reached.states() == [("voice", "cancelled")]


def test_what_falls_due_while_a_thread_works_is_looked_at_again(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone()
    alert = reached.rings(2)
    reached.later(10)
    channel = reached.channel_row("voice").id
    with transaction(site.engine) as session:  # between a turn's tidying and the lease
        service.acknowledge(session, site.actor(), alert, version=1, screen="wall")
    assert reached.deliverer()._deliver_next(channel, "")
    assert reached.states() == [("voice", "cancelled")]
    assert sink.received == []


def test_what_somebody_has_taken_on_calls_nobody(reached: Reached, sink: Sink, site: Site) -> None:
    reached.voice(sink)
    reached.phone()
    sink.status = 500
    alert = reached.rings(1)
    reached.turn()
    sink.status = 200
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert, version=1, screen="wall")
    before = len(sink.received)
    reached.later(60)
    reached.turn()
    assert reached.states() == [("voice", "cancelled")]
    assert len(sink.received) == before


def test_who_is_sent_hears_of_it_although_it_was_taken_on(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone(username="guard2")
    alert = site.alert(severity=2)
    sent = site.actor(username="guard2").user_id
    with transaction(site.engine) as session:
        service.dispatch(session, site.actor(), alert, user_id=sent, version=1, screen="wall")
    reached.tells(alert, "role:nobody")
    reached.later(10)
    reached.turn()
    (call,) = sink.to("/voice")
    assert "派您前往处理" in call.json()["say"]


def test_an_address_that_is_gone_lets_the_next_way_be_taken_at_once(
    reached: Reached, sink: Sink, site: Site
) -> None:
    telephone = Sink()
    reached.voice(telephone)
    reached.browser(sink)
    reached.phone()
    sink.status = 410
    reached.rings(2)
    reached.later(10)
    one = reached.deliverer()
    reached.turn(one)
    reached.turn(one)
    assert reached.states() == [("push", "dead"), ("voice", "accepted")]
    assert len(telephone.received) == 1
    with Session(site.engine) as session:
        address = session.scalars(select(Address).where(Address.kind == "push")).one()
        assert address.gone_at is not None
    assert reached.channel_row("push").failing_since is None  # the push service is well
    reached.rings(1)
    assert [slug for slug, _ in reached.states()][2:] == ["voice"]
    telephone.stop()


def test_a_service_that_refuses_is_asked_again_until_it_is_no_longer_worth_it(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.robot(sink)
    sink.status = 503
    reached.rings(1)
    reached.turn()
    assert reached.states() == [("robot", "retry")]
    assert 1 <= len(sink.received) <= 2
    reached.later(30)
    reached.turn()
    assert len(sink.received) >= 3
    sink.status = 200
    reached.later(30)
    reached.turn()
    assert reached.states() == [("robot", "accepted")]
    reached.rings(1)
    with transaction(site.engine) as session:
        session.execute(
            update(Delivery)
            .where(Delivery.state == "queued")
            .values(expires_at=now() - timedelta(seconds=1))
        )
    reached.turn()
    assert reached.states()[1] == ("robot", "expired")


def test_what_may_have_arrived_is_said_once_more_and_no_more(reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.phone()
    sink.hangs_s = 8
    reached.rings(1)
    one = reached.deliverer()
    reached.turn(one)
    reached.later(60)
    reached.turn(one)
    assert reached.states() == [("voice", "dead")]
    assert len(sink.received) == 2
    assert sink.received[0].json()["id"] == sink.received[1].json()["id"]


def test_what_killed_workers_began_is_said_once_more_and_no_more(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone()
    reached.rings(1)
    channel = reached.channel_row("voice").id

    def begin_and_die() -> list[Delivery] | None:
        with transaction(site.engine) as session:
            return leasing.lease(session, channel, "", timedelta(seconds=10))

    assert begin_and_die() is not None
    assert begin_and_die() is None  # somebody has it
    reached.later(11)
    reached.turn()
    assert reached.states() == [("voice", "accepted")]
    assert len(sink.received) == 1

    reached.rings(1)
    for _ in range(2):
        assert begin_and_die() is not None
        reached.later(11)
    reached.turn()
    assert reached.states()[1] == ("voice", "dead")
    assert len(sink.received) == 1


def test_who_is_named_twice_hears_it_once(reached: Reached, sink: Sink, site: Site) -> None:
    reached.browser(sink)
    reached.rings(1, "role:guard", f"user:{site.actor().user_id}")
    reached.turn()
    assert len(sink.received) == 1


def test_a_step_that_follows_at_once_calls_nobody_again(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone()
    reached.phone("13900000009", "property")
    alert = site.alert()
    with transaction(site.engine) as session:  # no wall is watched: both in one second
        row = session.get_one(Alert, alert)
        add(session, tell(row, "raised", ("role:guard",)))
        add(session, tell(row, "escalated", ("role:guard", "role:property"), step=1))
    take_up(site.engine, lambda *_: None)
    reached.turn()
    assert sorted(one.json()["to"] for one in sink.received) == ["13800000001", "13900000009"]
    with transaction(site.engine) as session:
        session.execute(update(Delivery).values(created_at=now() - timedelta(seconds=60)))
        add(session, tell(row, "escalated", ("role:guard",), step=2))
    take_up(site.engine, lambda *_: None)
    reached.turn()
    assert len(sink.received) == 3


def test_a_browser_tells_whoever_logged_in_to_it_last(reached: Reached, sink: Sink) -> None:
    first = reached.browser(sink, "guard")
    second = reached.browser(sink, "property")
    assert first.endpoint == second.endpoint
    reached.rings(1, "role:guard", "role:property")
    reached.turn()
    (one,) = sink.received
    assert second.opens(one)["severity"] == 1
