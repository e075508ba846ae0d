"""What waits for the writer: alarms first, groups of bounded size, no room without end."""

from __future__ import annotations

import threading

from anju_devices import topics
from anju_devices.link import Message
from anju_devices.topics import Channel
from anju_platform.inbox import GROUP_BYTES, MOST, Inbox


def message(channel: Channel, number: int, size: int = 1) -> Message:
    return Message(
        topic=topics.build("garden", "gw", channel),
        payload=b"x" * size,
        retained=False,
        received_at=0,
        mid=number,
        connection=1,
        redelivered=False,
    )


def test_alarms_and_status_come_before_telemetry_each_in_its_order() -> None:
    inbox = Inbox()
    channels = (Channel.TELEMETRY, Channel.STATUS, Channel.TELEMETRY, Channel.EVENTS)
    for number, channel in enumerate(channels):
        inbox.put(message(channel, number))
    assert [one.mid for one in inbox.take(0)] == [1, 3, 0, 2]
    assert inbox.take(0) == []


def test_a_group_ends_when_it_is_large() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.put(message(Channel.TELEMETRY, number, GROUP_BYTES // 2))
    assert [one.mid for one in inbox.take(0)] == [0, 1]
    assert [one.mid for one in inbox.take(0)] == [2]


def test_an_unreadable_topic_waits_like_an_alarm() -> None:
    inbox = Inbox()
    inbox.put(Message("nonsense", b"", False, 0, 1, 1, False))  # noqa: FBT003 - a message's own order
    assert len(inbox.take(0)) == 1


def test_who_puts_too_much_waits_until_some_is_taken() -> None:
    inbox = Inbox()
    for number in range(MOST):
        inbox.put(message(Channel.TELEMETRY, number))
    late = threading.Thread(target=inbox.put, args=(message(Channel.EVENTS, MOST),))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    inbox.take(0)
    late.join(5)
    assert not late.is_alive()
    assert inbox.take(0)[0].mid == MOST
