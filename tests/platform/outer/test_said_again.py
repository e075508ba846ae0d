"""A message that told of several alerts is said again as one, and speaks for what it names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from outer_site import Site
from reached_site import Reached, until
from sinks import Sink
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.database import now, transaction
from anju_platform.notifications.model import Delivery
from anju_platform.notifications.outside.leasing import repository as leasing
from anju_platform.notifications.repository import take_receipt


def said(sink: Sink) -> list[str]:
    return [one.json()["say"] for one in sink.received]


def test_a_browser_shows_one_left_of_many_in_their_place(reached: Reached, sink: Sink) -> None:
    browser = reached.browser(sink)
    reached.tries_again_without_one(sink)
    shown = [browser.opens(one) for one in sink.received]
    assert shown[-1]["title"].endswith("· 乙")
    assert len({one["tag"] for one in shown}) == 1


def test_who_was_told_when_it_was_as_bad_before_is_not_told_anew_by_that(
    reached: Reached, phone: Sink
) -> None:
    alert = reached.rings(2, title="甲")
    reached.later(10)
    reached.turn()
    reached.later(30)
    reached.rises(alert, 3, "role:guard")  # it fell, and is said again because nobody has it
    reached.rises(alert, 2, "role:property")
    reached.turn()
    assert [one.json()["severity"] for one in phone.received] == [2, 2]
    assert reached.states() == [("voice", "accepted")] * 2


def test_what_may_have_arrived_keeps_its_pause_when_the_alert_rises(
    reached: Reached, phone: Sink
) -> None:
    phone.resets = True
    alert = reached.rings(3, title="甲")
    reached.later(10)
    reached.turn()
    (before,) = reached.deliveries()
    assert (before.state, before.unsure) == ("retry", 1)
    reached.rises(alert, 2, "role:property")
    (after,) = reached.deliveries()
    assert after.next_attempt_at == before.next_attempt_at


def test_each_is_tried_again_until_its_own_end(reached: Reached, phone: Sink, site: Site) -> None:
    alerts = [reached.rings(3, title=title) for title in ("甲", "乙")]
    with transaction(site.engine) as session:
        soon = update(Delivery).where(Delivery.alert_id == alerts[0])
        session.execute(soon.values(expires_at=now() + timedelta(seconds=30)))
    phone.status, phone.retry_after = 503, "60"
    reached.later(10)
    reached.turn()
    assert reached.states() == [("voice", "expired"), ("voice", "retry")]
    phone.status = 201
    reached.later(61)
    reached.turn()
    assert "· 乙。" in said(phone)[-1]
    assert reached.states() == [("voice", "expired"), ("voice", "accepted")]


@pytest.mark.parametrize("when", ["first", "again"])
def test_a_receipt_that_is_faster_than_the_service_speaks_for_what_was_named_alone(
    reached: Reached, sink: Sink, site: Site, when: str
) -> None:
    browser = reached.browser(sink)
    alerts = [reached.rings(3, title=title) for title in ("甲", "乙", "丙")]
    channel = reached.channel_row("push").id
    reached.later(10)
    if when == "again":
        sink.status = 503
        reached.turn()
        reached.later(30)
    sink.received.clear()
    sink.comes.clear()
    sink.status, sink.hangs_s = 201, 2
    with transaction(site.engine) as session:  # between a turn's tidying and the lease
        service.acknowledge(session, site.actor(), alerts[0], version=1, screen="wall")
    deliverer = reached.deliverer()
    with ThreadPoolExecutor() as thread:
        sent = thread.submit(deliverer._deliver_next, channel, reached.deliveries()[0].lane)
        assert sink.comes.wait(10)
        word = browser.opens(sink.received[0])["receipt"].rpartition("/")[2]
        with transaction(site.engine) as session:
            assert take_receipt(session, word, now(), seen=False)
        assert sent.result()
    assert reached.states() == [("push", state) for state in ("cancelled", *["delivered"] * 2)]


def test_nothing_is_said_again_while_somebody_has_one_of_it(
    reached: Reached, phone: Sink, site: Site
) -> None:
    phone.status = 503
    for title in ("甲", "乙"):
        reached.rings(3, title=title)
    reached.later(10)
    reached.turn()
    phone.received.clear()
    phone.status = 201
    reached.later(30)
    deliverer = reached.deliverer()
    with transaction(site.engine) as session:  # a receipt, or what tidies
        second = select(Delivery).where(Delivery.id == reached.deliveries()[1].id)
        session.execute(second.with_for_update())
        deliverer.turn()
        until(lambda: not deliverer.busy())
        assert phone.received == []
    with transaction(site.engine) as session:  # a worker that goes its own way
        lease = {"state": "leased", "leased_until": now() + timedelta(seconds=12)}
        session.execute(
            update(Delivery).where(Delivery.id == reached.deliveries()[1].id).values(lease)
        )
    deliverer.turn()
    until(lambda: not deliverer.busy())
    assert phone.received == []
    reached.later(13)
    reached.turn()
    assert "2 条告警。甲、乙。" in said(phone)[0]
    assert len(phone.received) == 1
    assert reached.states() == [("voice", "accepted")] * 2


@pytest.mark.parametrize("told_anew", [True, False])
def test_what_rises_while_it_is_said_leaves_the_repetition(
    reached: Reached, phone: Sink, site: Site, *, told_anew: bool
) -> None:
    alerts = [reached.rings(3, title=title) for title in ("甲", "乙", "丙")]
    reached.later(10)
    with transaction(site.engine) as session:  # a worker that dies
        assert leasing.lease(session, reached.channel_row("voice").id, "", timedelta(seconds=12))
    reached.rises(alerts[1], 1, "role:guard" if told_anew else "role:property")
    reached.later(13)
    reached.turn()
    severities = sorted((one.json()["severity"], one.json()["say"]) for one in phone.received)
    assert [severity for severity, _ in severities] == [1, 3]
    assert severities[0][1].startswith("P1 生命危险 · 乙。")
    assert "2 条告警。甲、丙。" in severities[1][1]
    by_itself = "cancelled" if told_anew else "accepted"
    assert [state for _, state in reached.states()][:3] == ["accepted", by_itself, "accepted"]


@pytest.mark.parametrize("told_anew", [True, False])
def test_what_rises_in_the_moment_it_is_made_to_wait_is_said_at_once(
    reached: Reached, phone: Sink, site: Site, *, told_anew: bool
) -> None:
    reached.rings(3, title="门未关")
    reached.later(10)
    reached.turn()
    alert = reached.rings(3, title="甲")
    reached.later(10)
    with transaction(site.engine) as session:  # as leasing does, which has it locked
        held = session.scalars(
            select(Delivery).where(Delivery.alert_id == alert).with_for_update()
        ).one()
        reached.rises(alert, 2, "role:guard" if told_anew else "role:property")
        held.next_attempt_at += timedelta(seconds=50)
    reached.turn()
    if told_anew:
        reached.later(10)
        reached.turn()
    assert said(phone)[1].startswith("P2 紧急 · 甲。")
    reached.later(60)
    reached.turn()
    assert len(phone.received) == 2


def test_a_next_way_that_is_just_made_to_wait_is_taken_at_once(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.browser(sink)
    reached.phone()
    alert = reached.rings(3, title="甲")
    reached.later(10)
    reached.turn()
    next_way = reached.deliveries()[1].id
    with transaction(site.engine) as session:
        held = session.get_one(Delivery, next_way, with_for_update=True)
        reached.rises(alert, 2, "role:property")
        held.next_attempt_at += timedelta(seconds=50)
    reached.turn()
    assert [one.path for one in sink.received] == ["/push/abc", "/voice"]


def test_next_ways_are_touched_only_when_all_that_was_said_is_written(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.browser(sink)
    reached.phone()
    sink.status = 410
    for title in ("甲", "乙"):
        reached.rings(3, title=title)
    reached.later(10)
    with transaction(site.engine) as session:  # as when it was planned after both
        next_way = update(Delivery).where(Delivery.id == reached.deliveries()[1].id)
        session.execute(next_way.values(id=10**6))
    sink.hangs_s = 1
    second = reached.deliveries()[1].id
    deliverer = reached.deliverer()
    with transaction(site.engine) as session:
        deliverer.turn()
        until(lambda: bool(sink.received))
        locked = select(Delivery.id).with_for_update(nowait=True)
        session.execute(locked.where(Delivery.id == second))
        until(lambda: waits_for_a_lock(site))
        session.execute(locked.where(Delivery.id == 10**6))  # in order: nobody stands in the way
    until(lambda: not deliverer.busy())


def waits_for_a_lock(site: Site) -> bool:
    with Session(site.engine) as session:
        query = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(session.scalar(query))
