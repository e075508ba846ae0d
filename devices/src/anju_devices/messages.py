"""The wire, version 1: everything that travels between an edge agent and the platform.

Source: the MQTT contract (docs/wire.md). Times are epoch milliseconds, UTC. JSON Schemas
of these types are generated into ``devices/schema/`` by ``make schema``.
"""

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import msgspec

from anju_devices.errors import InvalidMessageError

MAX_BATCH_BYTES = 256 * 1024
"""Largest batch a platform accepts (wire contract)."""

Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{1,64}$")]
"""What a device model calls an event or a command, such as ``access_granted``."""
Millis = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
Value: TypeAlias = bool | int | float | str
"""A field's value on the wire: boolean, number, or one of an enumeration's words."""


class Lane(StrEnum):
    """One of the two ordered streams of a gateway; alarms never queue behind telemetry."""

    EVENTS = "events"
    TELEMETRY = "telemetry"


class Quality(StrEnum):
    """How far a reading's values can be trusted, as its device says."""

    GOOD = "good"
    ESTIMATED = "estimated"
    STALE = "stale"


class Reading(msgspec.Struct, omit_defaults=True, frozen=True, forbid_unknown_fields=True):
    """One timestamped thing said by one device: sampled values, or one event with its data.

    ``at`` is the device's own clock and is never altered on the way. ``id`` is given to
    events by who saw them first, so that an alert can name its cause.
    """

    device: Id
    at: Millis
    values: dict[str, Value] = {}
    event: Name | None = None
    id: str | None = None
    data: dict[str, Any] = {}
    q: Quality = Quality.GOOD


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The unit of a lane: ``seq`` counts from 1 without gaps within an ``epoch``.

    A new epoch (any unique text; agents use a UUIDv7) starts when the agent's spool is
    created anew.
    """

    epoch: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    seq: Annotated[int, msgspec.Meta(ge=1)]
    sent_at: Millis
    readings: list[Reading]


class Envelope(msgspec.Struct, frozen=True):
    """The head of a batch, enough to move its lane on when the rest cannot be read."""

    epoch: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    seq: Annotated[int, msgspec.Meta(ge=1)]


class Committed(msgspec.Struct, frozen=True):
    """The platform's acknowledgement: everything up to these numbers is in the database."""

    epoch: str
    events: int = 0
    telemetry: int = 0


class Status(msgspec.Struct, omit_defaults=True, frozen=True):
    """Whether a gateway is there; retained, and the last will says ``online: false``."""

    online: bool
    at: Millis
    epoch: str | None = None
    version: str | None = None


class Command(msgspec.Struct, omit_defaults=True, frozen=True):
    """What the platform asks of a gateway, or of one device behind it; void after expiry."""

    id: str
    name: Name
    expires_at: Millis
    device: Id | None = None
    args: dict[str, Any] = {}


class CommandResult(msgspec.Struct, omit_defaults=True, frozen=True):
    """The answer to a command; ``detail`` tells a person why it failed."""

    id: str
    ok: bool
    at: Millis
    detail: str = ""
    data: dict[str, Any] = {}


_encoder = msgspec.json.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """Give the UTF-8 JSON of a message."""
    return _encoder.encode(message)


class Decoder:
    """Decodes one message type and turns every fault into :class:`InvalidMessageError`."""

    def __init__(self, message_type: type[msgspec.Struct]) -> None:
        self._decoder = msgspec.json.Decoder(message_type)
        self._name = message_type.__name__.lower()

    def __call__(self, payload: bytes) -> Any:
        """Decode ``payload``.

        Raises:
            InvalidMessageError: too large, not JSON, or not of this message's shape.
        """
        if len(payload) > MAX_BATCH_BYTES:
            msg = f"{self._name} of {len(payload)} bytes is over the {MAX_BATCH_BYTES} allowed"
            raise InvalidMessageError(msg)
        try:
            return self._decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            msg = f"not a valid {self._name}: {error}"
            raise InvalidMessageError(msg) from error


decode_batch = Decoder(Batch)
decode_committed = Decoder(Committed)
decode_status = Decoder(Status)
decode_command = Decoder(Command)
decode_result = Decoder(CommandResult)
