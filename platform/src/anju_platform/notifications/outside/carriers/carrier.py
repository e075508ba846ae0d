"""What every carrier is given, and how it says that it could not."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from anju_platform.errors import Phrase

log = logging.getLogger(__name__)

LOOK_UP_S = 2.0
CONNECT_S = 3.0
TOTAL_S = 7.0
"""So long is waited for a service, looking its name up and all; a lease is longer."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, in the reader's language; ``url`` opens it, ``receipt_url`` takes receipts.

    ``tag`` is the same for all that is said of one alert, and for each try of a message that
    tells of many: a telephone shows the last of them.
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

    @property
    def text(self) -> str:
        """All of it, for what shows plain text; it names us, as some services want it."""
        us = "【安居】" if self.language == "zh" else "Anju: "
        return f"{us}{self.title}\n{self.body}\n{self.url}"


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

    ``after_s``: nothing before so many seconds, as the service said. ``of_the_service``: it
    says nothing about this address or this message, but about the service or our account.
    """

    def __init__(self, reason: str, *, after_s: float = 0.0, of_the_service: bool = True) -> None:
        super().__init__(reason)
        self.after_s, self.of_the_service = after_s, of_the_service


class NoAnswerError(Exception):
    """The service had the message and did not answer: nobody knows whether it was delivered."""


class GoneError(Exception):
    """There is no such address any more."""


def attempt(
    carry: Callable[[], object], to: str
) -> NotTakenError | NoAnswerError | GoneError | None:
    """Let something be carried; give why it was not taken, nothing if it was.

    What nobody foresaw is in the log with the name of whom it was ``to``, and is no answer.
    """
    try:
        carry()
    except (NotTakenError, NoAnswerError, GoneError) as failure:
        return failure
    except Exception as error:
        log.exception("%s failed", to)
        return NoAnswerError(f"it failed ({type(error).__name__})")
    return None


class Carrier(Protocol):
    """Hands messages of some kinds of channel over."""

    def fault(self, url: str) -> Phrase | None:
        """Say what is wrong with a channel's URL; nothing if it can be used."""

    def carry(self, message: Message, target: Target) -> None:
        """Hand a message over; return once the service has accepted it.

        Raises:
            NotTakenError: it was certainly not delivered.
            NoAnswerError: it may have been.
            GoneError: there is no such address.
        """
