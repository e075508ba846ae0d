"""The link against a real Mosquitto."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from anju_devices.errors import LinkError
from anju_devices.link import MAX_UNACKNOWLEDGED, Link, LinkSettings, Message


def wait_for(truth: Callable[[], bool], timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not truth():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


class Ear:
    """Collects what a link says."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()
        self.states: list[tuple[bool, str]] = []

    def on_state(self, online: bool, reason: str) -> None:
        self.states.append((online, reason))

    def next(self, timeout_s: float = 5.0) -> Message:
        return self.messages.get(timeout=timeout_s)


@contextmanager
def linked(broker: Any, client_id: str, *topics: str, **more: Any) -> Iterator[tuple[Link, Ear]]:
    ear = Ear()
    hear = more.pop("on_message", ear.messages.put)
    will = more.pop("will", None)
    settings = LinkSettings(host=broker.host, port=broker.port, client_id=client_id, **more)
    link = Link(settings, on_message=hear, on_state=ear.on_state, will=will, subscriptions=topics)
    link.start()
    try:
        wait_for(lambda: link.connected)
        yield link, ear
    finally:
        link.stop()


def nodelay(link: Link) -> int:
    assert link._session is not None
    transport = link._session._client.socket()
    assert isinstance(transport, socket.socket)
    return transport.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_message_makes_the_round_trip(broker: Any) -> None:
    with linked(broker, "a", "t/#") as (link, ear):
        before = time.time_ns() // 1_000_000
        assert link.publish("t/x", "灯".encode())
        message = ear.next()
        assert (message.topic, message.payload.decode()) == ("t/x", "灯")
        assert not message.retained
        assert not message.redelivered
        assert before <= message.received_at <= time.time_ns() // 1_000_000
        assert message.connection == link.connection == 1
        assert link.ack(message)
    assert not link.connected


def test_a_broker_of_mqtt_3_serves_as_well(broker: Any) -> None:
    with linked(broker, "a", "t/#", protocol="3.1.1") as (link, ear):
        assert link.publish("t/x", b"1", expiry_s=60)
        first = ear.next()
        link.reconnect()
        again = ear.next()
        assert (again.payload, again.redelivered) == (first.payload, True)
        assert link.ack(again)


def test_a_message_past_its_expiry_is_not_delivered(broker: Any) -> None:
    with linked(broker, "a", "t/#"):
        pass
    with linked(broker, "b") as (other, _):
        assert other.publish("t/x", b"old", expiry_s=1)
        assert other.publish("t/x", b"lasting")
    time.sleep(2.1)
    with linked(broker, "a", "t/#") as (_, ear):
        assert ear.next().payload == b"lasting"


def test_the_state_says_connected_once_subscribed(broker: Any) -> None:
    with linked(broker, "a", "t/#", "u/+") as (_, ear):
        assert ear.states == [(True, "connected")]
    assert ear.states == [(True, "connected"), (False, "stopped")]


def test_unacknowledged_messages_come_again_after_a_reconnect_and_acknowledged_do_not(
    broker: Any,
) -> None:
    with linked(broker, "a", "t/#") as (link, ear), linked(broker, "b") as (other, _):
        for number in range(3):
            assert other.publish("t/x", b"%d" % number)
        first = [ear.next() for _ in range(3)]
        assert link.ack(first[0])
        link.reconnect()
        again = [ear.next() for _ in range(2)]
        assert [m.payload for m in again] == [b"1", b"2"]
        assert all(m.redelivered and m.connection == 2 for m in again)
        assert all(link.ack(m) for m in again)
        link.reconnect()
        wait_for(lambda: link.connection == 3)
        with pytest.raises(queue.Empty):
            ear.next(0.3)


def test_an_acknowledgement_of_a_past_connection_is_refused(broker: Any) -> None:
    with linked(broker, "a", "t/#") as (link, ear), linked(broker, "b") as (other, _):
        other.publish("t/x", b"1")
        stale = ear.next()
        link.reconnect()
        fresh = ear.next()
        assert fresh.payload == stale.payload
        assert not link.ack(stale)
        assert link.ack(fresh)
    assert not link.ack(fresh)


def test_an_exception_in_on_message_does_not_end_the_link(broker: Any) -> None:
    seen: list[bytes] = []

    def fail_once(message: Message) -> None:
        seen.append(message.payload)
        if len(seen) == 1:
            raise RuntimeError("a bug")

    with linked(broker, "a", "t/#", on_message=fail_once) as (link, _):
        link.publish("t/x", b"1")
        link.publish("t/x", b"2")
        wait_for(lambda: seen == [b"1", b"2"])
        assert link.failures == 1
        assert link.connected
        link.reconnect()
        wait_for(lambda: seen == [b"1", b"2", b"1", b"2"])


def test_a_callback_that_would_end_the_thread_costs_one_connection_only(broker: Any) -> None:
    seen: list[bytes] = []

    def exit_once(message: Message) -> None:
        seen.append(message.payload)
        if len(seen) == 1:
            raise SystemExit

    with linked(broker, "a", "t/#", on_message=exit_once) as (link, _):
        link.publish("t/x", b"1")
        wait_for(lambda: seen == [b"1", b"1"])
        assert link.connection == 2


def test_an_exception_in_on_state_does_not_end_the_link(broker: Any) -> None:
    def fail(online: bool, reason: str) -> None:
        raise RuntimeError(f"a bug in state {online} {reason}")

    settings = LinkSettings(host=broker.host, port=broker.port, client_id="a")
    link = Link(settings, on_message=lambda _: None, on_state=fail)
    link.start()
    wait_for(lambda: link.connected)
    link.stop()
    assert link.failures == 2


def test_the_link_survives_kill_minus_9_of_the_broker(broker: Any) -> None:
    with linked(broker, "a", "t/#") as (link, ear):
        broker.kill()
        wait_for(lambda: not link.connected)
        assert not link.publish("t/x", b"lost"), "nothing is buffered while disconnected"
        broker.start()
        wait_for(lambda: link.connected)
        assert link.connection == 2
        assert link.publish("t/x", b"back")
        assert ear.next().payload == b"back"
        assert [online for online, _ in ear.states][0 :: len(ear.states) - 1] == [True, True]
        assert not ear.states[1][0]


def test_the_will_is_sent_when_we_vanish_and_not_when_we_say_goodbye(broker: Any) -> None:
    with linked(broker, "watch", "w/#") as (_, ear):
        with linked(broker, "a", will=("w/a", b"gone")) as (link, _):
            link.publish("w/a", b"here", retain=True)
            assert ear.next().payload == b"here"
        with pytest.raises(queue.Empty):
            ear.next(0.3)
        with linked(broker, "b", will=("w/b", b"gone"), session_expiry_s=0) as (link, _):
            assert link._session is not None
            transport = link._session._client.socket()
            assert isinstance(transport, socket.socket)
            transport.shutdown(socket.SHUT_RDWR)
            assert ear.next().payload == b"gone"
    with linked(broker, "late", "w/b") as (_, ear):
        kept = ear.next()
        assert (kept.payload, kept.retained) == (b"gone", True)


def test_reconnect_does_not_send_the_will(broker: Any) -> None:
    with (
        linked(broker, "watch", "w/#") as (_, ear),
        linked(broker, "a", will=("w/a", b"gone")) as (link, _),
    ):
        link.reconnect()
        wait_for(lambda: link.connection == 2)
        with pytest.raises(queue.Empty):
            ear.next(0.3)


def test_the_network_thread_comes_round_with_a_broker_and_without_until_it_is_blocked(
    broker: Any,
) -> None:
    stopped, go_on = threading.Event(), threading.Event()

    def hold_up(_: Message) -> None:
        stopped.set()
        go_on.wait()

    with linked(broker, "turner", "t/turn", on_message=hold_up) as (link, _):
        for _ in range(2):
            turns = link.turns
            wait_for(lambda before=turns: link.turns > before)  # type: ignore[misc]
            broker.kill()
            turns = link.turns
            wait_for(lambda before=turns: link.turns > before, 30)  # type: ignore[misc]
            broker.start()
            wait_for(lambda: link.connected, 30)
        link.publish("t/turn", b"x")
        assert stopped.wait(10)
        turns = link.turns
        time.sleep(2.5)  # more than a turn takes when nothing happens
        assert link.turns == turns
        go_on.set()
        wait_for(lambda: link.turns > turns)


def test_an_unreachable_broker_is_named_with_the_reason_and_tried_again() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        ear = Ear()
        settings = LinkSettings(host="127.0.0.1", port=port, client_id="a")
        link = Link(settings, on_message=lambda _: None, on_state=ear.on_state)
        started = time.monotonic()
        link.start()
        assert time.monotonic() - started < 0.5
        wait_for(lambda: len(ear.states) >= 3)
        link.stop()
    online, reason = ear.states[0]
    assert not online
    assert f"127.0.0.1:{port}" in reason
    assert "refused" in reason.lower()
    assert link.connection == 0


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anju_devices.link.CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ear = Ear()
        settings = LinkSettings(host="127.0.0.1", port=mute.getsockname()[1], client_id="a")
        link = Link(settings, on_message=lambda _: None, on_state=ear.on_state)
        link.start()
        wait_for(lambda: bool(ear.states))
        link.stop()
    assert "no answer from the broker" in ear.states[0][1]


def test_settings_shown_in_a_log_do_not_show_the_password() -> None:
    settings = LinkSettings(host="broker", client_id="gw", username="gw", password="hunter2")
    assert "hunter2" not in repr(settings)


def test_a_missing_ca_file_is_reported_not_raised(broker: Any) -> None:
    ear = Ear()
    settings = LinkSettings(
        host=broker.host, port=broker.port, client_id="a", tls=True, ca_file="missing.pem"
    )
    link = Link(settings, on_message=lambda _: None, on_state=ear.on_state)
    link.start()
    wait_for(lambda: bool(ear.states))
    link.stop()
    assert "No such file" in ear.states[0][1]


def test_small_messages_are_sent_without_delay_on_every_connection(broker: Any) -> None:
    with linked(broker, "a") as (link, _):
        assert nodelay(link) == 1
        link.reconnect()
        wait_for(lambda: link.connection == 2 and link.connected)
        assert nodelay(link) == 1


def test_messages_of_a_past_session_wait_at_the_broker(broker: Any) -> None:
    with linked(broker, "a", "t/#"):
        pass
    with linked(broker, "b") as (other, _):
        other.publish("t/x", b"meanwhile")
    with linked(broker, "a", "t/#") as (_, ear):
        assert ear.next().payload == b"meanwhile"


def test_stop_waits_until_the_broker_has_everything(broker: Any) -> None:
    with linked(broker, "watch", "t/#") as (_, ear):
        with linked(broker, "a") as (link, _):
            for number in range(400):
                assert link.publish("t/x", b"%d" % number)
        assert [int(ear.next().payload) for _ in range(400)] == list(range(400))


def test_publishing_is_bounded_when_the_broker_does_not_take_it(
    broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with linked(broker, "a") as (link, _):
        blocked = threading.Event()
        assert link._session is not None
        monkeypatch.setattr(link._session._client, "loop_write", lambda: blocked.wait(0.01))
        taken = [link.publish("t/x", b"x" * 1000) for _ in range(MAX_UNACKNOWLEDGED + 10)]
        assert taken == [True] * MAX_UNACKNOWLEDGED + [False] * 10
        monkeypatch.undo()
        wait_for(lambda: link.publish("t/x", b"again"))


def test_many_threads_may_publish_at_once(broker: Any) -> None:
    with linked(broker, "watch", "t/#") as (watch, ear), linked(broker, "a") as (link, _):

        def send(name: int) -> None:
            for number in range(100):
                wait_for(lambda n=number: link.publish(f"t/{name}", b"%05d" % n * 200))

        threads = [threading.Thread(target=send, args=(name,)) for name in range(5)]
        for thread in threads:
            thread.start()
        got: dict[str, list[int]] = {}
        for _ in range(500):
            message = ear.next()
            watch.ack(message)
            got.setdefault(message.topic, []).append(int(message.payload[:5]))
        for thread in threads:
            thread.join()
    assert got == {f"t/{name}": list(range(100)) for name in range(5)}


def test_a_link_is_started_once(broker: Any) -> None:
    with linked(broker, "a") as (link, _), pytest.raises(LinkError, match="started before"):
        link.start()


def test_an_idle_hop_is_quick(broker: Any) -> None:
    with linked(broker, "a", "t/#") as (link, ear):
        took = []
        for _ in range(50):
            time.sleep(0.002)
            started = time.perf_counter()
            link.publish("t/x", b"x")
            link.ack(ear.next())
            took.append(time.perf_counter() - started)
        assert sorted(took)[25] < 0.02, "no 40 ms step hides in a hop"
