"""From registers and bits to values of ours; no input or output.

Source: MODBUS Application Protocol Specification V1.1b3.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anju_devices.messages import Value
from anju_edge.drivers.modbus.config import BITS, MOST_REGISTERS, Point, Readable

_FORMATS = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "float32": ">f"}
_DIGITS = 6
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge, it takes longer",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway: the device does not respond",
}


@dataclass(frozen=True, slots=True)
class Block:
    """Points that lie without a gap, read in one request."""

    function: Readable
    address: int
    count: int
    points: tuple[Point, ...]


def blocks(points: Iterable[Point]) -> list[Block]:
    """Put points together that touch or overlap, as far as one request reaches.

    What lies between points is never asked for: many devices refuse the whole request.
    """
    made: list[Block] = []
    for point in sorted(points, key=lambda one: (one.function, one.address)):
        last = made[-1] if made else None
        if last and last.function == point.function and point.address <= last.address + last.count:
            end = max(last.address + last.count, point.address + point.size)
            if end - last.address <= MOST_REGISTERS:
                made[-1] = Block(
                    last.function, last.address, end - last.address, (*last.points, point)
                )
                continue
        made.append(Block(point.function, point.address, point.size, (point,)))
    return made


def value(point: Point, said: Sequence[int]) -> Value | None:
    """Give a point's value out of its registers or bits; None when nothing is connected.

    Raises:
        ValueError: fewer were said than it takes, or a raw value has no word.
    """
    if len(said) < point.size:
        raise ValueError(f"{len(said)} of {point.size} values were said")
    each = point.size // point.count
    parts = [said[start : start + each] for start in range(0, point.size, each)]
    raw = [_raw(point, part) for part in parts if part[0] not in point.absent]
    if not raw:
        return None
    taken = sum(raw) if point.take == "sum" else (min if point.take == "lowest" else max)(raw)
    if point.words:
        if taken not in point.words:
            raise ValueError(f"{taken} is none of {', '.join(map(str, point.words))}")
        return point.words[int(taken)]
    if point.type == "bit":
        return bool(taken)
    scaled: float = round(taken * point.scale + point.offset, _DIGITS)
    return scaled


def _raw(point: Point, words: Sequence[int]) -> float:
    if point.function in BITS:
        return int(bool(words[0]))
    if point.type == "bit":
        return (words[0] >> point.bit) & 1
    swapped = point.order in {"BADC", "DCBA"}
    turned = point.order in {"CDAB", "DCBA"}
    packed = [struct.pack("<H" if swapped else ">H", word) for word in words]
    data = b"".join(reversed(packed) if turned else packed)
    raw: float = struct.unpack(_FORMATS[point.type], data)[0]
    return raw


def refusal(code: int) -> str:
    """Say what a device's exception code means."""
    return f"exception {code}: {EXCEPTIONS.get(code, 'unknown to the protocol')}"
