"""What waits for the writer: alarms first, each gateway at its turn, no room without end."""

from __future__ import annotations

import threading

from anju_devices import topics
from anju_devices.link import Message
from anju_devices.topics import Channel
from anju_platform.inbox import GATEWAY_MOST, GROUP_BYTES, GROUP_MESSAGES, GROUP_S, MOST, Inbox


def message(channel: Channel, number: int, size: int = 1, gateway: str = "gw") -> Message:
    return Message(
        topic=topics.build("garden", gateway, channel),
        payload=b"x" * size,
        retained=False,
        received_at=1_000 + number,
        mid=number,
        connection=1,
        redelivered=False,
    )


def fill(inbox: Inbox, number: int, channel: Channel = Channel.TELEMETRY) -> None:
    """Let so many messages of as many gateways as they need wait."""
    for n in range(number):
        assert inbox.put(message(channel, n, gateway=f"gw-{n // GATEWAY_MOST}"))


def test_alarms_and_status_come_before_telemetry_each_in_its_order() -> None:
    inbox = Inbox()
    channels = (Channel.TELEMETRY, Channel.STATUS, Channel.TELEMETRY, Channel.EVENTS)
    for number, channel in enumerate(channels):
        inbox.put(message(channel, number))
    assert [one.mid for one in inbox.take(0)] == [1, 3]  # what hangs on it is through at once
    assert [one.mid for one in inbox.take(0)] == [0, 2]
    assert inbox.take(0) == []


def test_gateways_have_their_turn_and_each_keeps_its_order() -> None:
    inbox = Inbox()
    for number in range(4):
        inbox.put(message(Channel.EVENTS, number, gateway="loud"))
    for number in (10, 11):
        inbox.put(message(Channel.EVENTS, number, gateway="quiet"))
    inbox.put(message(Channel.EVENTS, 20, gateway="third"))
    assert [one.mid for one in inbox.take(0)] == [0, 10, 20, 1, 11, 2, 3]


def test_a_gateway_that_floods_us_is_refused_and_delays_nobody() -> None:
    inbox = Inbox()
    taken = [inbox.put(message(Channel.TELEMETRY, n, gateway="flood")) for n in range(500)]
    assert taken == [True] * GATEWAY_MOST + [False] * (500 - GATEWAY_MOST)
    assert inbox.put(message(Channel.EVENTS, 1, gateway="flood"))  # its alarms are not refused
    assert inbox.put(message(Channel.TELEMETRY, 7_000, gateway="quiet"))
    assert inbox.refused == {"garden/flood": 500 - GATEWAY_MOST}
    assert [one.mid for one in inbox.take(0)] == [1]
    assert inbox.take(0)[1].mid == 7_000
    assert inbox.put(message(Channel.TELEMETRY, 501, gateway="flood"))  # there is room again


def test_telemetry_does_not_stand_still_behind_alarms() -> None:
    inbox = Inbox()
    urgent = GROUP_MESSAGES * 3 // 4
    fill(inbox, GROUP_MESSAGES)
    for mixed in (False, True, False, True):
        fill(inbox, GROUP_MESSAGES, Channel.EVENTS)
        kinds = [one.topic.rpartition("/")[2] for one in inbox.take(0)]
        if mixed:
            assert kinds == ["events"] * urgent + ["telemetry"] * (GROUP_MESSAGES - urgent)
            while (group := inbox.take(0))[0].topic.endswith("events"):
                assert len(group) <= GROUP_MESSAGES
            fill(inbox, len(group))  # as much waits again
        else:
            assert kinds == ["events"] * GROUP_MESSAGES


def test_a_trickle_of_alarms_leaves_telemetry_nearly_all_of_every_second_transaction() -> None:
    inbox = Inbox()
    fill(inbox, 2 * GROUP_MESSAGES)
    sizes = []
    for number in range(4):
        inbox.put(message(Channel.EVENTS, number))
        sizes.append(len(inbox.take(0)))
    assert sizes[::2] == [1, 1]
    assert min(sizes[1::2]) >= GROUP_MESSAGES


def test_single_alarms_never_share_their_transaction() -> None:
    inbox = Inbox()
    fill(inbox, GROUP_MESSAGES)
    for number in range(4):
        inbox.put(message(Channel.EVENTS, number))
        assert [one.mid for one in inbox.take(0)] == [number]
        inbox.bytes_most = 1
        (one,) = inbox.take(0)
        assert one.topic.endswith("telemetry")


def test_a_group_ends_when_it_is_large() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.put(message(Channel.TELEMETRY, number, GROUP_BYTES // 2))
    assert [one.mid for one in inbox.take(0)] == [0, 1]
    assert [one.mid for one in inbox.take(0)] == [2]


def test_groups_are_as_large_as_is_carried_through_in_time() -> None:
    inbox = Inbox()
    for number in range(GATEWAY_MOST):
        inbox.put(message(Channel.TELEMETRY, number, 10_000))
    first = inbox.take(0)
    assert len(first) == -(-GROUP_BYTES // 10_000)
    for _ in range(20):
        inbox.took(first, 10 * GROUP_S)  # ten times too long
    assert len(inbox.take(0)) == -(-len(first) // 10)
    inbox.took([message(Channel.EVENTS, 1)], 1.0)  # an alarm by itself says nothing of telemetry
    assert len(inbox.take(0)) == -(-len(first) // 10)
    for _ in range(20):
        inbox.took(first, GROUP_S / 100)
    assert inbox.bytes_most == GROUP_BYTES


def test_an_unreadable_topic_waits_like_an_alarm() -> None:
    inbox = Inbox()
    inbox.put(Message("nonsense", b"", False, 0, 1, 1, False))  # noqa: FBT003 - a message's own order
    assert len(inbox.take(0)) == 1


def test_who_puts_too_much_waits_until_some_is_taken() -> None:
    inbox = Inbox()
    fill(inbox, MOST)
    late = threading.Thread(target=inbox.put, args=(message(Channel.EVENTS, MOST),))
    late.start()
    late.join(0.1)
    assert late.is_alive()
    inbox.take(0)
    late.join(5)
    assert not late.is_alive()
    assert inbox.take(0)[0].mid == MOST


def test_how_many_wait_and_since_when_can_be_asked() -> None:
    inbox = Inbox()
    assert inbox.waiting() == {"urgent": (0, None), "telemetry": (0, None)}
    for number in (5, 3):
        inbox.put(message(Channel.TELEMETRY, number, gateway=f"gw-{number}"))
    assert inbox.waiting() == {"urgent": (0, None), "telemetry": (2, 1_003)}
