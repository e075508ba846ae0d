"""The moving part of the synthetic scene: a person made of jointed limbs."""

import math
from dataclasses import dataclass
from typing import Protocol

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np
from numpy.typing import NDArray

from anju_edge.vision.frames import Image

Point = tuple[float, float]
_FINE = 4
"""Limbs are drawn this much larger and shrunk, for soft edges."""
JACKET, TROUSERS, SKIN, SHOES, BAG = (
    (58, 44, 40),
    (74, 62, 56),
    (128, 152, 190),
    (34, 32, 34),
    (52, 66, 92),
)


class Limb(Protocol):
    """Draws one thick line between two points relative to the foot, y upwards."""

    def __call__(
        self, ends: tuple[Point, Point], thick: float, colour: tuple[int, int, int]
    ) -> None:
        """Draw it; ``thick`` is a share of the figure's height."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How somebody stands: ``foot`` and ``height`` in pixels, angles in radians.

    ``stride`` is the phase of the walk, ``swing`` its size (0: standing), ``crouch`` 0 to 1,
    ``reach`` 0 (arms down) to 1 (arms up, climbing); ``facing`` is -1 (left) or 1 (right).
    """

    foot: Point
    height: float
    stride: float = 0.0
    swing: float = 0.0
    crouch: float = 0.0
    reach: float = 0.0
    facing: int = 1


def paint(image: Image, pose: Pose, *, light: float, below: int | None = None) -> None:
    """Draw a figure into a picture; ``below`` hides everything under that row (a wall)."""
    high = int(pose.height * 1.25)
    wide = int(pose.height * 0.95)
    left, top = int(pose.foot[0] - wide / 2), int(pose.foot[1] - pose.height * 1.16)
    colours, cover = _figure(pose, (wide, high), pose.foot[0] - left, pose.foot[1] - top)
    bottom = min(image.shape[0], top + high, below if below is not None else image.shape[0])
    y0, x0, x1 = max(top, 0), max(left, 0), min(image.shape[1], left + wide)
    if bottom <= y0 or x1 <= x0:
        return
    part = (slice(y0 - top, bottom - top), slice(x0 - left, x1 - left))
    alpha = cover[part][..., None]
    tint = np.array([0.62, 0.84, 1.0], np.float32) * light + np.array([0.5, 0.46, 0.42], np.float32)
    lit = np.clip(colours[part] * tint, 0, 255)
    ground = image[y0:bottom, x0:x1].astype(np.float32)
    image[y0:bottom, x0:x1] = (ground * (1 - alpha) + lit * alpha).astype(np.uint8)


def shade(image: Image, pose: Pose, *, strength: float = 0.45) -> None:
    """Darken the ground where a figure stands, thrown away from the lamp."""
    x, y = pose.foot
    radius = (max(2, int(pose.height * 0.22)), max(2, int(pose.height * 0.045)))
    mask = np.zeros(image.shape[:2], np.float32)
    centre = (int(x + pose.height * 0.08), int(y))
    cv2.ellipse(mask, centre, radius, 0, 0, 360, strength, -1, cv2.LINE_AA)
    margin = radius[0] * 2
    y0, y1 = max(0, centre[1] - margin), min(image.shape[0], centre[1] + margin)
    x0, x1 = max(0, centre[0] - margin), min(image.shape[1], centre[0] + margin)
    if y1 <= y0 or x1 <= x0:
        return
    soft = cv2.GaussianBlur(mask[y0:y1, x0:x1], (0, 0), max(1.0, radius[1] / 2))
    image[y0:y1, x0:x1] = (image[y0:y1, x0:x1] * (1 - soft[..., None])).astype(np.uint8)


def _figure(
    pose: Pose, size: tuple[int, int], foot_x: float, foot_y: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give colours and cover (0 to 1) of a figure on a canvas of ``size`` (width, height)."""
    wide, high = size
    canvas = np.zeros((high * _FINE, wide * _FINE, 3), np.uint8)
    cover = np.zeros((high * _FINE, wide * _FINE), np.uint8)

    def limb(ends: tuple[Point, Point], thick: float, colour: tuple[int, int, int]) -> None:
        (xa, ya), (xb, yb) = ends
        one = (int((foot_x + xa) * _FINE), int((foot_y - ya) * _FINE))
        two = (int((foot_x + xb) * _FINE), int((foot_y - yb) * _FINE))
        width = max(1, int(thick * pose.height * _FINE))
        cv2.line(canvas, one, two, colour, width, cv2.LINE_AA)
        cv2.line(cover, one, two, 255, width, cv2.LINE_AA)

    _body(pose, limb)
    shrunk = cv2.resize(canvas, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32)
    alpha = cv2.resize(cover, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    grown = np.maximum(alpha, 1e-3)[..., None]
    return np.asarray(shrunk / grown, np.float32), np.asarray(alpha, np.float32)


def _body(pose: Pose, limb: Limb) -> None:
    """Draw limbs from the far side to the near side; lengths are shares of the height."""
    tall, face = pose.height, pose.facing
    sink = 0.20 * pose.crouch
    lean = (0.05 + 0.16 * pose.crouch) * face * (1 if pose.swing or pose.crouch else 0.2)
    bob = 0.012 * abs(math.sin(pose.stride)) * pose.swing
    hip = (0.0, (0.50 - sink + bob) * tall)
    neck = (lean * tall, (0.82 - sink * 1.25 + bob) * tall)
    for side, dim in ((-1, 0.82), (1, 1.0)):
        phase = pose.stride + (0 if side > 0 else math.pi)
        _leg(pose, limb, hip, phase, _dimmed(TROUSERS, dim))
        if side < 0:
            _arm(pose, limb, neck, phase + math.pi, dim)
            limb((hip, neck), 0.165, JACKET)
            pack = (neck[0] - face * 0.085 * tall, neck[1] - 0.07 * tall)
            limb((pack, (pack[0] - 0.02 * face * tall, pack[1] - 0.14 * tall)), 0.10, BAG)
    head = (neck[0] + 0.02 * face * tall, neck[1] + 0.085 * tall)
    limb((neck, head), 0.075, SKIN)
    limb((head, (head[0], head[1] + 0.015 * tall)), 0.115, SKIN)
    cap = (head[0] - 0.006 * face * tall, head[1] + 0.035 * tall)
    limb((cap, (cap[0] + 0.02 * face * tall, cap[1])), 0.095, JACKET)
    _arm(pose, limb, neck, pose.stride + math.pi, 1.0)


def _leg(pose: Pose, limb: Limb, hip: Point, phase: float, colour: tuple[int, int, int]) -> None:
    tall, face = pose.height, pose.facing
    ahead = math.sin(phase) * 0.17 * pose.swing
    lift = max(0.0, math.cos(phase)) * 0.07 * pose.swing
    foot = (ahead * face * tall, (0.035 + lift) * tall)
    bend = 0.03 + 0.05 * pose.swing * max(0.0, math.cos(phase)) + 0.14 * pose.crouch
    knee = ((foot[0] + hip[0]) / 2 + bend * face * tall, (foot[1] + hip[1]) / 2)
    limb((hip, knee), 0.095, colour)
    limb((knee, foot), 0.072, colour)
    limb((foot, (foot[0] + 0.06 * face * tall, foot[1] - 0.012 * tall)), 0.05, SHOES)


def _arm(pose: Pose, limb: Limb, neck: Point, phase: float, dim: float) -> None:
    tall, face = pose.height, pose.facing
    shoulder = (neck[0], neck[1] - 0.045 * tall)
    angle = math.sin(phase) * 0.55 * pose.swing + 0.08 + 0.5 * pose.crouch
    angle = angle * (1 - pose.reach) + math.pi * 0.90 * pose.reach
    elbow = (
        shoulder[0] + math.sin(angle) * face * 0.17 * tall,
        shoulder[1] - math.cos(angle) * 0.17 * tall,
    )
    bent = angle + 0.35 * (1 - pose.reach)
    hand = (
        elbow[0] + math.sin(bent) * face * 0.15 * tall,
        elbow[1] - math.cos(bent) * 0.15 * tall,
    )
    limb((shoulder, elbow), 0.065, _dimmed(JACKET, dim * 0.92))
    limb((elbow, hand), 0.055, _dimmed(JACKET, dim * 0.92))
    limb((hand, hand), 0.048, SKIN)


def _dimmed(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    blue, green, red = colour
    return int(blue * share), int(green * share), int(red * share)
