"""The still part of the synthetic scene: a compound's wall at dusk, lamp, grass, path, flats.

Everything is made of seeded noise and light; no photograph is used.
"""

from dataclasses import dataclass

import cv2  # noqa: TID251 - vision is OpenCV's one door
import numpy as np
from numpy.typing import NDArray

from anju_edge.vision.frames import Image

Field = NDArray[np.float32]

WALL_TOP = 0.27
WALL_FOOT = 0.55
PATH = 0.76
LAMP = (0.33, 0.085)
LAMP_FOOT = 0.575
_BLOCKS = ((-0.02, 0.20, 0.03), (0.24, 0.15, 0.10), (0.58, 0.17, 0.0), (0.82, 0.22, 0.07))
"""Blocks of flats: left edge, width, roof."""
_TREES = ((0.0, 0.30), (0.47, 0.60), (0.88, 1.0))
_WINDOWS_LIT = 0.3


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The picture without anybody, and how much light falls where (0 to about 1.5)."""

    image: Image
    light: Field


def noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int], octaves: int
) -> Field:
    """Give smooth noise from -1 to 1; ``cells`` is the coarsest grid (rows, columns)."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    weight, whole = 1.0, 0.0
    rows, columns = cells
    for _ in range(octaves):
        grid = rng.uniform(-1, 1, (max(2, rows), max(2, columns))).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        whole += weight
        weight *= 0.55
        rows, columns = min(rows * 2, height), min(columns * 2, width)
    return np.asarray(total / whole, np.float32)


def draw(size: tuple[int, int], rng: np.random.Generator) -> Backdrop:
    """Draw the backdrop; ``size`` is (width, height)."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width
    surface = np.zeros((height, width, 3), np.float32)
    _ground(surface, x, y, rng)
    _wall(surface, x, y, rng)
    light = _light(x, y)
    cold = np.array([1.10, 0.98, 0.88], np.float32) * 0.36
    warm = np.array([0.50, 0.82, 1.12], np.float32)
    lit = surface * (cold + light[..., None] * warm)
    sky = _sky(x, y, rng)
    above = (y < WALL_TOP)[..., None]
    picture = np.where(above, sky, lit)
    _lamp(picture, x, y, size)
    vignette = 1 - 0.30 * ((x - 0.5) ** 2 * 1.6 + (y - 0.5) ** 2)
    picture *= vignette[..., None]
    return Backdrop(np.clip(picture, 0, 255).astype(np.uint8), light)


def _near_whole(value: Field, within: float) -> NDArray[np.bool_]:
    """Say where a value is close to a whole number: the lines of a pattern."""
    return np.abs(value - np.round(value)) < within


def _light(x: Field, y: Field) -> Field:
    """Give the lamp's light on wall and ground: pools that fade with distance."""
    dx = (x - LAMP[0]) * 1.78
    wall = 0.85 * np.exp(-((dx / 0.30) ** 2 + ((y - 0.30) / 0.30) ** 2))
    ground = 1.05 * np.exp(-((dx / 0.52) ** 2 + ((y - 0.66) / 0.20) ** 2))
    far = 0.30 * np.exp(-(((x - 0.92) * 1.78 / 0.45) ** 2 + ((y - 0.62) / 0.25) ** 2))
    return np.asarray(np.where(y < WALL_FOOT, wall, ground) + far, np.float32)


def _ground(surface: Field, x: Field, y: Field, rng: np.random.Generator) -> None:
    """Paint the grass strip and, nearer, a paved path with joints in perspective."""
    shape = (x.shape[0], x.shape[1])
    tufts = noise(rng, shape, (40, 50), 4)
    patches = noise(rng, shape, (5, 7), 3)
    grass = np.array([52, 104, 80], np.float32) * (1 + 0.34 * tufts + 0.22 * patches)[..., None]
    depth = np.maximum(y - 0.10, 0.05)
    row = np.log(depth) * 14
    column = (x - 0.5) / depth * 5.0 + np.floor(row) % 2 * 0.5
    joint = _near_whole(row, 0.04) | _near_whole(column, 0.025)
    stone_shade = rng.uniform(0.88, 1.08, (64, 256)).astype(np.float32)
    shade = stone_shade[np.floor(row).astype(int) % 64, np.floor(column).astype(int) % 256]
    grain = noise(rng, shape, (90, 160), 2)
    paving = np.array([138, 140, 142], np.float32) * (shade * (1 + 0.10 * grain))[..., None]
    paving = np.where(joint[..., None], paving * 0.66, paving)
    edge = PATH + 0.004 * noise(rng, shape, (2, 40), 2)
    ground = np.where((y > edge)[..., None], paving, grass)
    kerb = ((y > edge - 0.012) & (y <= edge))[..., None]
    ground = np.where(kerb, np.array([150, 152, 152], np.float32), ground)
    contact = np.clip((y - WALL_FOOT) / 0.03, 0.35, 1.0)
    surface[:] = ground * contact[..., None]


def _wall(surface: Field, x: Field, y: Field, rng: np.random.Generator) -> None:
    """Paint a plastered wall with piers, a coping, a plinth and weather stains."""
    shape = (x.shape[0], x.shape[1])
    stains = noise(rng, shape, (4, 30), 4)
    rough = noise(rng, shape, (120, 200), 2)
    drip = np.clip((y - WALL_TOP) / 0.28, 0, 1)
    tone = 1 + 0.12 * stains * (1 - 0.4 * drip) + 0.05 * rough
    plaster = np.array([150, 168, 180], np.float32) * tone[..., None]
    along = x * 6.4 + 0.63
    pier = _near_whole(along, 0.045)
    pier_edge = _near_whole(along, 0.053) & ~_near_whole(along, 0.037)
    plaster = np.where(pier[..., None], plaster * 1.10, plaster)
    plaster = np.where(pier_edge[..., None], plaster * 0.72, plaster)
    plaster = np.where((y > WALL_FOOT - 0.035)[..., None], plaster * 0.70, plaster)
    coping = y < WALL_TOP + 0.022
    plaster = np.where(coping[..., None], np.array([128, 134, 138], np.float32), plaster)
    under = (y >= WALL_TOP + 0.022) & (y < WALL_TOP + 0.032)
    plaster = np.where(under[..., None], plaster * 0.55, plaster)
    within = ((y >= WALL_TOP) & (y < WALL_FOOT))[..., None]
    surface[:] = np.where(within, plaster, surface)


def _sky(x: Field, y: Field, rng: np.random.Generator) -> Field:
    """Paint the evening sky, blocks of flats with some windows lit, and tree tops."""
    shape = (x.shape[0], x.shape[1])
    share = np.clip(y / WALL_TOP, 0, 1)[..., None]
    top, low = np.array([96, 62, 44], np.float32), np.array([118, 138, 196], np.float32)
    sky = top * (1 - share**1.4) + low * share**1.4
    sky *= (1 + 0.06 * noise(rng, shape, (6, 5), 3))[..., None]
    for left, wide, roof in _BLOCKS:
        block = (x >= left) & (x < left + wide) & (y > roof)
        sky = np.where(block[..., None], np.array([58, 48, 44], np.float32), sky)
        _windows(sky, (left, wide, roof), rng)
    crowns = WALL_TOP - 0.055 - 0.05 * noise(rng, shape, (2, 14), 4)
    planted = np.any([(x > left) & (x < right) for left, right in _TREES], axis=0)
    tree = (y > crowns) & planted
    leaves = (
        np.array([30, 36, 28], np.float32) * (1 + 0.3 * noise(rng, shape, (60, 120), 2))[..., None]
    )
    return np.asarray(np.where(tree[..., None], leaves, sky), np.float32)


def _windows(sky: Field, block: tuple[float, float, float], rng: np.random.Generator) -> None:
    left, wide, roof = block
    height, width = sky.shape[:2]
    columns = max(2, int(wide * 40))
    for row in range(8):
        for column in range(columns):
            x0 = int((left + wide * (column + 0.28) / columns) * width)
            y0 = int((roof + 0.022 + row * 0.034) * height)
            if x0 < 0:
                continue
            x1, y1 = x0 + int(wide / columns * 0.46 * width), y0 + int(0.018 * height)
            dark = np.array([70, 58, 50], np.float32)
            lamp = np.array([110, 175, 225], np.float32) * rng.uniform(0.7, 1.0)
            sky[y0:y1, x0:x1] = lamp if rng.random() < _WINDOWS_LIT else dark


def _lamp(picture: Field, x: Field, y: Field, size: tuple[int, int]) -> None:
    """Add a lamp post with its glow."""
    width, height = size
    post_x = int(LAMP[0] * width)
    cv2.line(
        picture,
        (post_x, int(LAMP[1] * height)),
        (post_x, int(LAMP_FOOT * height)),
        (44, 46, 50),
        max(3, width // 200),
        cv2.LINE_AA,
    )
    apart = np.hypot((x - LAMP[0]) * 1.78, y - LAMP[1])
    glow = 190 * np.exp(-((apart / 0.035) ** 2)) + 60 * np.exp(-((apart / 0.13) ** 2))
    picture += glow[..., None] * np.array([0.62, 0.88, 1.0], np.float32)
