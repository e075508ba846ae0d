"""Batches of made-up readings, encoded so cheaply that the sender is not what is measured.

A batch is encoded once with marks where its number and its times belong; to send it again
with others costs some microseconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from tests.bench.estate import Devices

from anju_devices.messages import Batch, Reading, Value, encode

VARIANTS = 4
"""So many different things does each device say before it repeats itself."""
_SEQ, _SENT, _AT = 1_111_111_111_111, 2_222_222_222_222, 3_333_333_333_333

Say = Callable[[str, random.Random], Mapping[str, Value]]


def three_values(model: str, dice: random.Random) -> dict[str, Value]:
    """Give what a home's sensor says on a quiet day."""
    radio: dict[str, Value] = {"battery": dice.randint(80, 89), "rssi": -dice.randint(50, 70)}
    match model:
        case "pir":
            return {"motion": dice.random() < 1 / 7, **radio}
        case "door_contact":
            return {"contact": "closed", **radio}
        case "climate":
            heat = round(dice.gauss(22, 1), 1)
            return {"temperature": heat, "humidity": dice.randint(40, 60), "battery": 85}
    raise ValueError(f"no values for a {model}")


def two_values(_: str, dice: random.Random) -> dict[str, Value]:
    """Give what a climate sensor says, without its battery."""
    return {"temperature": round(dice.gauss(22, 1), 1), "humidity": dice.randint(40, 60)}


class Template:
    """A batch whose number and times are filled in when it is sent."""

    def __init__(self, epoch: str, readings: Sequence[tuple[str, Mapping[str, Value]]]) -> None:
        said = [Reading(device=device, at=_AT, values=dict(what)) for device, what in readings]
        text = encode(Batch(epoch=epoch, seq=_SEQ, sent_at=_SENT, readings=said))
        if b"%" in text:
            raise ValueError("a batch with a % cannot be a template")
        for mark in (_SEQ, _SENT, _AT):
            text = text.replace(str(mark).encode(), b"%d")
        self._text = text
        self.readings = len(readings)
        self.points = sum(len(what) for _, what in readings)

    def fill(self, seq: int, *, sent_at: int, at: int) -> bytes:
        """Give the batch; its readings are 1 ms apart, the last one just before ``at``."""
        return self._text % (seq, sent_at, *range(at - self.readings, at))


def templates(
    epoch: str, devices: Devices, readings: int, say: Say, *, seed: int = 1
) -> list[Template]:
    """Give batches in which every device speaks in turn, ``VARIANTS`` times.

    The devices that do not fill a last batch say nothing; with fewer devices than readings
    to a batch, each says several.
    """
    dice = random.Random(seed)
    slugs = list(devices)
    while len(slugs) < readings:
        slugs *= 2
    starts = range(0, len(slugs) - readings + 1, readings)
    return [
        Template(epoch, [(d, say(devices[d], dice)) for d in slugs[start : start + readings]])
        for _ in range(VARIANTS)
        for start in starts
    ]
