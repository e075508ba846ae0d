"""What a connection to the broker is told, and what it gives (:mod:`anju_devices.link`)."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """Where the broker is and who we are there.

    ``session_expiry_s`` is how long the broker keeps our subscriptions and unacknowledged
    messages while we are away; ``receive_maximum`` how many it may send ahead of our
    acknowledgements. ``clean_start``: at the first connection the broker forgets what it kept
    for an earlier process of this ``client_id``. ``protocol`` 3.1.1 is for brokers that know
    no better: expiry and ``receive_maximum`` are then the broker's own.
    """

    host: str
    port: int = 1883
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None
    keepalive_s: int = 15
    session_expiry_s: int = 86400
    clean_start: bool = False
    receive_maximum: int = 1000
    protocol: Literal["5", "3.1.1"] = "5"


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived.

    ``received_at`` is our clock in epoch milliseconds; ``mid`` and ``connection`` say which
    delivery this is, for :meth:`Link.ack`; ``retained`` marks a snapshot kept by the broker.
    """

    topic: str
    payload: bytes
    retained: bool
    received_at: int
    mid: int
    connection: int
    redelivered: bool
