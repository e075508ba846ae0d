"""From a mask to boxes: connected pieces, pieces of one figure joined, crumbs left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np

from anju_edge.vision.frames import Image

MIN_FILL = 0.18
"""A box with less of its area in the mask is a wisp, not a thing."""
SLIMMEST = 3.6
"""No standing figure is more times as high as wide than this."""
JOIN_GAP = 0.35
"""Pieces above each other are one figure when their gap is under this share of its height."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the picture, 0 to 1 from the top left."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Give the width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Give the height."""
        return self.bottom - self.top

    @property
    def foot(self) -> tuple[float, float]:
        """Give the point where the thing stands: the middle of the lower edge."""
        return (self.left + self.right) / 2, self.bottom

    def overlap(self, other: "Box") -> float:
        """Give intersection over union."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        if wide <= 0 or high <= 0:
            return 0.0
        both = wide * high
        return both / (self.width * self.height + other.width * other.height - both)

    def within(self, other: "Box") -> float:
        """Give the share of this box that lies in another."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0) / max(self.width * self.height, 1e-9)

    def around(self, other: "Box") -> "Box":
        """Give the smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


def find(mask: Image, *, min_height: float) -> list[Box]:
    """Give a box per thing in the mask that is at least ``min_height`` high."""
    height, width = mask.shape[:2]
    count, _, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    pieces = []
    for left, top, wide, high, area in facts[1:count].tolist():
        if area < 0.1 * (min_height * height) ** 2:
            continue
        box = Box(left / width, top / height, (left + wide) / width, (top + high) / height)
        pieces.append(box)
    joined = join(pieces, aspect=width / height)
    return [
        tight
        for box in joined
        if box.height >= min_height and (tight := tighten(mask, box)) is not None
    ]


def join(pieces: Sequence[Box], *, aspect: float) -> list[Box]:
    """Join pieces that stand above each other: a head, a body and legs are one figure.

    ``aspect`` is the picture's width over its height. What would be slimmer than a person
    stays apart: it is one person behind another.
    """
    boxes = sorted(pieces, key=lambda box: box.top)
    merged = True
    while merged:
        merged = False
        for i, upper in enumerate(boxes):
            for j in range(i + 1, len(boxes)):
                if _one_figure(upper, boxes[j], aspect):
                    boxes[i] = upper.around(boxes.pop(j))
                    merged = True
                    break
            if merged:
                break
    return boxes


def _one_figure(one: Box, other: Box, aspect: float) -> bool:
    shared = min(one.right, other.right) - max(one.left, other.left)
    if shared < 0.5 * min(one.width, other.width):
        return False
    gap = max(one.top, other.top) - min(one.bottom, other.bottom)
    whole = one.around(other)
    slim = whole.height > SLIMMEST * whole.width * aspect
    return gap < JOIN_GAP * max(one.height, other.height) and not slim


def tighten(mask: Image, box: Box) -> Box | None:
    """Shrink a box to the bulk of its mask; None when too little of it is filled.

    Rows and columns with hardly anything in them (a shadow's tail, a wisp) do not count.
    """
    height, width = mask.shape[:2]
    x0, y0 = int(box.left * width), int(box.top * height)
    inside = mask[y0 : round(box.bottom * height), x0 : round(box.right * width)] > 0
    if not inside.any():
        return None
    columns = np.flatnonzero(inside.sum(axis=0) >= 0.08 * inside.shape[0])
    rows = np.flatnonzero(inside.sum(axis=1) >= 0.08 * inside.shape[1])
    if not columns.size or not rows.size:
        return None
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    if float(inside[top:bottom, left:right].mean()) < MIN_FILL:
        return None
    return Box(
        (x0 + left) / width, (y0 + top) / height, (x0 + right) / width, (y0 + bottom) / height
    )
