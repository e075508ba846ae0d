"""What every carrier is given, and how it says that it could not."""

from dataclasses import dataclass
from typing import Any, Protocol

CONNECT_S = 3.0
ANSWER_S = 4.0
"""So long is waited for a service: a P1 is with somebody else before it has been waited for."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, in the reader's language; ``url`` opens it, ``receipt_url`` takes receipts.

    ``tag`` is the same for all that is said of one alert: a telephone shows the last of them.
    ``good_for_s`` is for how long it is worth delivering.
    """

    title: str
    body: str
    language: str
    severity: int
    tag: str
    url: str
    receipt_url: str
    good_for_s: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes: the channel's ``url`` and ``secret``, and the address, if it needs one."""

    kind: str
    url: str
    secret: str | None = None
    to: str = ""
    keys: dict[str, Any] | None = None


class NotTakenError(Exception):
    """The service refused it, or was not reached: it was not delivered, try again.

    ``after_s``: not before so many seconds, as the service said.
    """

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


class NoAnswerError(Exception):
    """The service had the message and did not answer: nobody knows whether it was delivered."""


class GoneError(Exception):
    """There is no such address any more."""


class Carrier(Protocol):
    """Hands messages of some kinds of channel over."""

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message over; return once the service has accepted it.

        Raises:
            NotTakenError: it was certainly not delivered.
            NoAnswerError: it may have been.
            GoneError: there is no such address.
        """
