"""Channels at work: their limits, their load, one that hangs or fails, and workers side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
from outer_site import Site
from reached_site import Reached, until
from sinks import Browser, Sink
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from anju_platform.alerts import service
from anju_platform.alerts.model import Alert
from anju_platform.alerts.telling import tell
from anju_platform.auth.model import Role
from anju_platform.database import now, transaction
from anju_platform.notifications import addresses, channels
from anju_platform.notifications.model import Kind
from anju_platform.notifications.outside import limits, repository
from anju_platform.notifications.receipts import ReceiptKind, take
from anju_platform.notifications.repository import add
from anju_platform.notifications.schemas import ChannelBody, PushBody
from anju_platform.notifications.taking_up import take_up
from anju_platform.oversight import Overseer
from anju_platform.rulebook.texts import CHANNEL_FAILS

LogIn = Callable[..., httpx.Client]


def test_a_storm_is_taken_up_however_many_are_told(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    for n in range(20):
        reached.phone(f"138{n:08}")
    for n in range(20):
        reached.phone(f"139{n:08}", "guard2")
    with transaction(site.engine) as session:
        for _ in range(120):
            row = session.get_one(Alert, site.alert())
            add(session, tell(row, "raised", ("role:guard",)))
    while take_up(site.engine, lambda *_: None):
        pass
    assert len(reached.deliveries()) == 120 * 40


def test_a_hiccup_is_no_outage(reached: Reached, sink: Sink, site: Site) -> None:
    reached.voice(sink)
    reached.phone()
    sink.status = 500
    alert = reached.rings(1)
    reached.deliverer()._deliver_next(reached.channel_row("voice").id, "")
    with transaction(site.engine) as session:
        service.acknowledge(session, site.actor(), alert, version=1, screen="wall")
    reached.later(10)
    reached.turn()
    assert reached.channel_row("voice").failures == 1
    with transaction(site.engine) as session:
        at = now() + timedelta(minutes=10)
        assert repository.troubled_s(session, at).get(site.community_id, 0.0) == 0.0
        admin = site.actor(Role.ADMIN)
        off = ChannelBody(kind=Kind.VOICE, name="voice", enabled=False)
        channels.change(session, admin, reached.carriers, "voice", off)
        on = ChannelBody(kind=Kind.VOICE, name="voice")
        channels.change(session, admin, reached.carriers, "voice", on)
    assert reached.channel_row("voice").failing_since is None


def test_who_says_when_is_asked_then(reached: Reached, sink: Sink) -> None:
    reached.voice(sink)
    reached.phone()
    sink.status, sink.retry_after = 429, "40"
    reached.rings(1)
    reached.turn()
    (one,) = reached.deliveries()
    assert 35 < (one.next_attempt_at - now()).total_seconds() < 41
    sink.status = 200
    reached.rings(1)  # and nothing else is said there meanwhile
    reached.turn()
    assert len(sink.received) == 1
    reached.later(41)
    reached.turn()
    assert len(sink.received) == 3


def test_a_limit_is_kept_and_a_life_has_its_share_of_it(reached: Reached, sink: Sink) -> None:
    reached.robot(sink, per_minute=10)
    for _ in range(12):
        reached.rings(2)
    reached.later(10)
    one = reached.deliverer()
    reached.turn(one)
    assert len(sink.received) == 8
    reached.rings(1)
    reached.turn(one)
    assert len(sink.received) == 9
    assert "P1" in sink.received[-1].json()["text"]["content"]
    reached.later(30)  # half a minute later there is still no more in that minute
    reached.turn(one)
    assert len(sink.received) == 9
    reached.later(31)
    reached.turn(one)
    assert len(sink.received) == 13


def test_deliverers_side_by_side_say_everything_once(reached: Reached, sink: Sink) -> None:
    reached.robot(sink)
    sink.hangs_s = 0.05
    for _ in range(30):
        reached.rings(1)
    both = [reached.deliverer(), reached.deliverer()]

    def told() -> bool:
        for one in both:
            one.turn()
        return {state for _, state in reached.states()} == {"accepted"}

    until(told)
    said = [one.body for one in sink.received]
    assert len(said) == len(set(said)) == 30


def test_a_service_that_hangs_delays_no_other(reached: Reached, sink: Sink) -> None:
    hangs = Sink()
    hangs.hangs_s = 30
    reached.voice(hangs, "first")  # of the same kind, and of another
    hangs.url = hangs.url.replace("127.0.0.1", "localhost")  # another push service
    reached.voice(sink, "second")
    reached.browser(sink, name="good")
    for n in range(3):
        reached.browser(hangs, name=f"bad-{n}")
    reached.phone()
    one = reached.deliverer()
    for _ in range(2):
        reached.rings(1)

    def told() -> bool:
        one.turn()
        return len(sink.received) == 4

    until(told)
    assert len(hangs.received) < 2 + 6  # in one row with these it would have come last
    hangs.hangs_s = 0
    hangs.stop()


def test_what_is_switched_off_says_nothing(reached: Reached, sink: Sink, site: Site) -> None:
    reached.voice(sink)
    reached.robot(sink)
    reached.phone()
    reached.rings(1)
    with transaction(site.engine) as session:
        admin = site.actor(Role.ADMIN)
        body = ChannelBody(kind=Kind.VOICE, name="voice", enabled=False)
        channels.change(session, admin, reached.carriers, "voice", body)
        channels.remove(session, admin, "robot")
    reached.turn()
    assert {state for _, state in reached.states()} == {"cancelled"}
    assert sink.received == []
    reached.rings(1)
    assert len(reached.states()) == 2


def test_a_channel_that_takes_nothing_is_an_alert_about_ourselves(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone()
    sink.status = 403
    for _ in range(3):
        reached.rings(1)
    reached.turn()
    overseer = Overseer(site.url)

    def look(at: float) -> list[str]:
        overseer.look(at)
        with Session(site.engine) as session:
            found = select(Alert.condition).where(Alert.rule_id == CHANNEL_FAILS)
            return list(session.scalars(found))

    def failing_for(seconds: float) -> None:
        with transaction(site.engine) as session:
            session.execute(
                update(channels.Channel)
                .where(channels.Channel.slug == "voice")
                .values(failing_since=now() - timedelta(seconds=seconds))
            )

    try:
        for at in range(0, 22, 2):
            assert look(at) == []
        failing_for(61)
        assert look(22) == ["active"]
        sink.status = 200
        reached.later(60)
        reached.turn()
        assert look(24) == ["clear"]
    finally:
        overseer._engine.dispose()


def test_turns_are_counted_whatever_the_workers_clocks_say(reached: Reached, sink: Sink) -> None:
    reached.robot(sink, per_minute=2)
    channel = reached.channel_row("robot")
    at = now()
    taken = [
        limits.wait_for_turn(channel, at - timedelta(milliseconds=n), for_life=True)
        for n in range(5)
    ]
    assert [one is None for one in taken] == [True, True, False, False, False]
    late = limits.wait_for_turn(channel, at + timedelta(seconds=61), for_life=True)
    assert late is None


def test_what_one_push_service_says_is_not_said_of_all(
    reached: Reached, sink: Sink, site: Site
) -> None:
    other = Sink()
    other.status, other.retry_after = 429, "300"
    other.url = f"http://localhost:{other.port}"
    with transaction(site.engine) as session:
        channels.listing.provide_push(session, site.community_id)
    reached.browser(sink)
    where = Browser(f"{other.url}/push/other")
    body = PushBody(**where.subscription())
    hosts = reached.carriers.push_hosts
    with transaction(site.engine) as session:
        addresses.add_push(session, site.actor(username="guard2"), body, hosts, "Firefox")
    for _ in range(3):
        reached.rings(1)
    one = reached.deliverer()
    reached.turn(one)
    assert len(sink.received) == 3
    assert len(other.received) == 3
    assert {one.lane for one in reached.deliveries()} == {"127.0.0.1", "localhost"}
    row = reached.channel_row("push")
    assert (row.not_before, row.failing_since) == (None, None)
    other.stop()


def test_a_step_takes_over_what_waits_for_its_turn(
    reached: Reached, sink: Sink, site: Site
) -> None:
    reached.voice(sink)
    reached.phone()
    alert = site.alert(severity=2)
    with transaction(site.engine) as session:  # no wall is watched: both in one second
        row = session.get_one(Alert, alert)
        add(session, tell(row, "raised", ("role:guard",)))
        add(session, tell(row, "escalated", ("role:guard",), step=1))
    take_up(site.engine, lambda *_: None)
    with transaction(site.engine) as session:  # and then a wall is switched on, unseen by anybody
        take(session, site.actor(), [alert], ReceiptKind.DELIVERED)
    reached.later(10)
    reached.turn()
    assert reached.states() == [("voice", "accepted")]
