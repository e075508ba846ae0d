"""The picture under the demo's plan: lawns, roads, trees and shadows, drawn from its outlines."""

import random
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFilter
from sqlalchemy import Engine

from anju_platform.database import transaction
from anju_platform.demo.furnishing.actors import act
from anju_platform.registry.plan import repository, service
from anju_platform.registry.plan.pictures import draw_anew
from anju_platform.registry.plan.schemas import PicturePlace

Box = tuple[float, float, float, float]

_PX_PER_M, _FINER = 6, 2
_OUTSIDE, _LAWN, _TREES = "#0d1218", "#14211d", ("#1b3026", "#1f382b", "#18291f")
_ROAD, _KERB, _LINE, _PATH = "#212b36", "#2d3a47", "#48586a", "#232f33"
_WATER, _GARDEN, _ROOF, _BAY = "#16303f", "#182a20", "#1b2631", "#33414f"
_TREE_COUNT = 240


def lay(engine: Engine, slug: str, document: Mapping[str, Any]) -> None:
    """Lay the picture under the plan, unless there is one."""
    outline = document["community"].get("plan")
    if not outline:
        return
    with transaction(engine) as session:
        office = act(session, slug, "property")
        if repository.picture(session, office.community_id) is not None:
            return
    picture = draw_anew(drawn(outline))
    with transaction(engine) as session:
        place = PicturePlace(width=outline["width"])
        service.put_picture(session, act(session, slug, "property"), picture, place, seen=0)


def drawn(outline: Mapping[str, Any]) -> bytes:
    """Draw a plan's outlines as a PNG, as wide and high as the plan."""
    sheet = _Sheet(outline)
    sheet.ground()
    sheet.roads()
    sheet.garden()
    sheet.trees()
    sheet.buildings()
    return sheet.png()


class _Sheet:
    """A drawing in metres, finer than it is kept."""

    def __init__(self, outline: Mapping[str, Any]) -> None:
        self._scale = _PX_PER_M * _FINER
        self._size = (outline["width"], outline["height"])
        self._shapes = outline["shapes"]
        width, height = (round(side * self._scale) for side in self._size)
        self._image = Image.new("RGB", (width, height), _OUTSIDE)
        self._draw = ImageDraw.Draw(self._image)
        self._random = random.Random("trees")  # noqa: S311 - trees

    def _of(self, kind: str) -> list[Box]:
        found = [one["rect"] for one in self._shapes if one["kind"] == kind and "rect" in one]
        return [(x, y, x + width, y + height) for x, y, width, height in found]

    def _px(self, box: Box) -> Box:
        x, y, right, bottom = (side * self._scale for side in box)
        return x, y, right, bottom

    def _fill(self, box: Box, colour: str, *, round_m: float = 0.0) -> None:
        self._draw.rounded_rectangle(self._px(box), round_m * self._scale, fill=colour)

    def ground(self) -> None:
        """Draw the lawn inside the wall."""
        for wall in (one for one in self._shapes if one["kind"] == "wall"):
            corners = [(x * self._scale, y * self._scale) for x, y in wall["points"]]
            self._draw.polygon(corners, fill=_LAWN)

    def roads(self) -> None:
        """Draw roads with kerbs, a line in the middle, and bays to park in on one side."""
        roads = self._of("road")
        for x, y, right, bottom in roads:
            self._fill((x - 0.8, y - 0.8, right + 0.8, bottom + 0.8), _KERB, round_m=1.2)
        for road in roads:
            self._fill(road, _ROAD, round_m=0.8)
        for x, y, right, bottom in roads:
            is_level = right - x > bottom - y
            middle, step = ((y + bottom) / 2, 6) if is_level else ((x + right) / 2, 6)
            start, end = (x, right) if is_level else (y, bottom)
            for at in range(round(start) + 3, round(end) - 3, step):
                dash = (at, middle - 0.15, at + 2.5, middle + 0.15)
                self._fill(dash if is_level else (dash[1], dash[0], dash[3], dash[2]), _LINE)
            if is_level:
                self._bays(x, right, bottom + 0.8)

    def _bays(self, start: float, end: float, top: float) -> None:
        """Draw bays of 2.5 m, with a gap where a lane comes in."""
        at = start + 4
        while at + 2.5 < end - 4:
            if not any(x - 4 < at < right + 4 for x, _, right, _ in self._of("road")[2:]):
                box = self._px((at, top, at + 2.5, top + 5))
                self._draw.rectangle(box, fill=_ROAD, outline=_BAY, width=_FINER)
            at += 2.5

    def garden(self) -> None:
        """Draw paths, and a pond, in every garden."""
        for x, y, right, bottom in self._of("garden"):
            self._fill((x, y, right, bottom), _GARDEN, round_m=24)
            middle = ((x + right) / 2, (y + bottom) / 2)
            ring = self._px((x + 8, y + 7, right - 8, bottom - 7))
            self._draw.rounded_rectangle(ring, 18 * self._scale, outline=_PATH, width=36)
            pond = (middle[0] - 26, middle[1] - 9, middle[0] + 20, middle[1] + 9)
            self._draw.ellipse(self._px(pond), fill=_WATER, outline=_PATH, width=12)

    def trees(self) -> None:
        """Scatter trees over the lawn, away from roads and houses."""
        taken = [*self._of("road"), *self._of("building"), *self._of("gate")]
        width, height = self._size
        left = _TREE_COUNT
        for _ in range(_TREE_COUNT * 20):
            x, y = self._random.uniform(10, width - 10), self._random.uniform(12, height - 26)
            radius = self._random.uniform(1.6, 3.2)
            gap = radius + 6.5
            if any(a - gap < x < c + gap and b - gap < y < d + gap for a, b, c, d in taken):
                continue
            around = (x - radius, y - radius, x + radius, y + radius)
            self._draw.ellipse(self._px(around), fill=self._random.choice(_TREES))
            left -= 1
            if not left:
                return

    def buildings(self) -> None:
        """Draw the houses' shadows, and their roofs."""
        shadow = Image.new("L", self._image.size, 0)
        brush = ImageDraw.Draw(shadow)
        for x, y, right, bottom in self._of("building"):
            brush.rectangle(self._px((x + 2, y + 2.5, right + 2, bottom + 2.5)), fill=150)
        shadow = shadow.filter(ImageFilter.BoxBlur(self._scale * 0.8))
        self._image.paste("#05080b", mask=shadow)
        for box in self._of("building"):
            self._fill(box, _ROOF, round_m=0.8)

    def png(self) -> bytes:
        """Give it as it is kept."""
        width, height = (round(side * _PX_PER_M) for side in self._size)
        written = BytesIO()
        self._image.resize((width, height), Image.Resampling.BOX).save(written, "PNG")
        return written.getvalue()
