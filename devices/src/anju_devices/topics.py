"""The only place where an MQTT topic is built or parsed."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from anju_devices.errors import InvalidTopicError

PREFIX = "anju/v1"
_ID = re.compile(r"[a-z0-9-]{1,64}")


class Channel(StrEnum):
    """The last two levels of a topic: which way it goes and what it carries."""

    EVENTS = "up/events"
    TELEMETRY = "up/telemetry"
    STATUS = "up/status"
    RESULTS = "up/results"
    COMMITTED = "down/committed"
    COMMANDS = "down/commands"
    CONFIG = "down/config"


_CHANNELS = {channel.value: channel for channel in Channel}


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart: whose it is and what it carries."""

    community: str
    gateway: str
    channel: Channel

    def __str__(self) -> str:
        """Give the topic as it stands on the wire."""
        return f"{PREFIX}/{self.community}/{self.gateway}/{self.channel}"


def build(community: str, gateway: str, channel: Channel) -> str:
    """Give the topic of ``channel`` for one gateway.

    Raises:
        InvalidTopicError: an id is not lower-case ``[a-z0-9-]{1,64}``.
    """
    for name, value in (("community", community), ("gateway", gateway)):
        if not _ID.fullmatch(value):
            msg = f"{name} id {value!r} must be 1 to 64 of a-z, 0-9 and '-'"
            raise InvalidTopicError(msg)
    return str(Topic(community, gateway, channel))


@lru_cache(maxsize=4096)
def parse(topic: str) -> Topic:
    """Take a topic apart; gateways say the same few over and over.

    Raises:
        InvalidTopicError: it is not a topic of this contract.
    """
    parts = topic.split("/")
    if len(parts) == 6 and "/".join(parts[:2]) == PREFIX:  # noqa: PLR2004 - anju/v1/c/g/way/what
        community, gateway = parts[2], parts[3]
        channel = "/".join(parts[4:])
        known = _CHANNELS.get(channel)
        if known is not None and _ID.fullmatch(community) and _ID.fullmatch(gateway):
            return Topic(community, gateway, known)
    msg = f"topic {topic!r} is not {PREFIX}/<community>/<gateway>/<up|down>/<channel>"
    raise InvalidTopicError(msg)


def everyone(channel: Channel, community: str = "+") -> str:
    """Give the subscription filter for ``channel`` of every gateway, or those of a community."""
    return f"{PREFIX}/{community}/+/{channel}"
