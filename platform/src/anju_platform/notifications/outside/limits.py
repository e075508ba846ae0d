"""What a provider takes in a minute, any minute: counted in the channel's row, by all workers."""

from datetime import datetime, timedelta

from anju_platform.database import to_millis
from anju_platform.notifications.model import Channel

MOST_PER_MINUTE = 600
"""A channel remembers each moment of its last minute; who may say more has no limit to keep."""
RESERVED = 0.2
"""This share is kept for what a life hangs on."""
_MINUTE_MS = 60_000


def wait_for_turn(channel: Channel, at: datetime, *, for_life: bool) -> timedelta | None:
    """Take a turn on a channel whose row is locked, or say after how long there is one.

    ``at`` is read after the row was locked: turns are noted in the order in which they are taken.

    In no minute, wherever it begins, is more said than ``per_minute``: providers count that way,
    and drop what is too much without a word.
    """
    if channel.not_before is not None and channel.not_before > at:
        return channel.not_before - at
    if channel.per_minute is None:
        return None
    # another worker's clock may be ahead: what it noted is not forgotten for that
    moment = max([to_millis(at), *channel.recent])
    recent = sorted(each for each in channel.recent if each > moment - _MINUTE_MS)
    allowed = channel.per_minute
    if not for_life:
        allowed = max(1, allowed - round(allowed * RESERVED))
    if len(recent) < allowed:
        channel.recent = [*recent, moment]
        return None
    return timedelta(milliseconds=max(1, recent[-allowed] + _MINUTE_MS - to_millis(at) + 1))
