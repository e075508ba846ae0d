"""Turn one MQTT message into a batch, or into the reason why it cannot be taken in."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from anju_devices import topics
from anju_devices.catalog import MODELS
from anju_devices.errors import InvalidMessageError, InvalidReadingError, InvalidTopicError
from anju_devices.link import Message
from anju_devices.messages import Batch, Envelope, Lane, Reading, decode_batch
from anju_devices.model import DeviceModel
from anju_devices.topics import Channel, Topic
from anju_platform.database import from_millis
from anju_platform.lanes.model import Quarantined
from anju_platform.registry.snapshot import KnownDevice

log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why something is in quarantine."""

    INVALID_TOPIC = "invalid_topic"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNREADABLE = "unreadable"
    INVALID_BATCH = "invalid_batch"
    INVALID_READING = "invalid_reading"
    UNKNOWN_DEVICE = "unknown_device"
    REFUSED = "refused"


LANES = {Channel.EVENTS: Lane.EVENTS, Channel.TELEMETRY: Lane.TELEMETRY}

_envelope = msgspec.json.Decoder(Envelope)
_readings = msgspec.json.Decoder(list[Reading])
_encoder = msgspec.json.Encoder()

_NUL = b"\\u0000"
"""PostgreSQL's text cannot hold this character; nothing a device has to say needs it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message, or a part of it, goes to quarantine."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of a lane as far as it could be read.

    ``envelope`` is there when the lane can move on; ``batch`` when its readings can be taken
    in; ``fault`` when not.
    """

    message: Message
    topic: Topic
    lane: Lane
    envelope: Envelope | Batch | None
    batch: Batch | None = None
    fault: Fault | None = None


def parse_topic(message: Message) -> Topic | Fault:
    """Take the topic apart, or say what is wrong with it."""
    try:
        return topics.parse(message.topic)
    except InvalidTopicError as error:
        return Fault(Reason.INVALID_TOPIC, str(error))


def read(message: Message, topic: Topic) -> Delivery:
    """Decode a message of a lane; faults are part of the answer, never raised."""
    lane = LANES[topic.channel]
    try:
        batch: Batch = decode_batch(message.payload)
    except InvalidMessageError as error:
        return _unreadable(message, topic, lane, str(error))
    if _NUL in message.payload:
        return _unreadable(message, topic, lane, "text with the character U+0000 cannot be stored")
    return Delivery(message, topic, lane, batch, batch=batch)


def _unreadable(message: Message, topic: Topic, lane: Lane, detail: str) -> Delivery:
    """Rescue the head of an invalid batch, so that its lane does not stop for ever.

    The size limit is left out here: a batch over it must not block those behind it.
    """
    envelope: Envelope | None
    try:
        envelope = _envelope.decode(message.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        envelope = None
    if envelope is None or "\0" in envelope.epoch:
        return Delivery(message, topic, lane, None, fault=Fault(Reason.UNREADABLE, detail))
    return Delivery(message, topic, lane, envelope, fault=Fault(Reason.INVALID_BATCH, detail))


def quarantined(
    message: Message,
    fault: Fault,
    *,
    community_id: int | None = None,
    gateway_id: int | None = None,
    envelope: Envelope | Batch | None = None,
    device: str | None = None,
    readings: list[Reading] | None = None,
) -> Quarantined:
    """Make the quarantine's row of a message, or of some readings of it."""
    return Quarantined(
        community_id=community_id,
        gateway_id=gateway_id,
        received_at=from_millis(message.received_at),
        topic=message.topic.replace("\0", ""),
        epoch=envelope.epoch.replace("\0", "") if envelope else None,
        seq=envelope.seq if envelope else None,
        reason=fault.reason,
        detail=fault.detail.replace("\0", "")[:1000],
        device=device,
        payload=message.payload if readings is None else _encoder.encode(readings),
    )


def replayable(row: Quarantined, device: KnownDevice) -> Iterator[Reading]:
    """Give the readings kept for a device that was unknown then; what does not fit is left out."""
    try:
        readings = _readings.decode(row.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # another release kept them, in a shape that this one does not read
        log.warning("what %s said is left in quarantine: %s", device.slug, error)
        return
    for reading in readings:
        try:
            device.model.check(reading)
        except InvalidReadingError as error:
            log.warning("a reading of %s is left in quarantine: %s", device.slug, error)
        else:
            yield reading


def fitting(payload: bytes) -> list[DeviceModel]:
    """Give the models whose devices may say what is in quarantine, the closest first.

    The closest is the one with the least beside it that was not said.
    """
    try:
        readings = _readings.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    found = [one for one in MODELS.values() if readings and _may_say(one, readings)]
    return sorted(found, key=lambda one: (len(one.fields) + len(one.events), one.name))


def _may_say(model: DeviceModel, readings: list[Reading]) -> bool:
    try:
        for reading in readings:
            model.check(reading)
    except InvalidReadingError:
        return False
    return True
