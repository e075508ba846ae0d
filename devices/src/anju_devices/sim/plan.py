"""The site plan in metres: x to the right, y down; where everything stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 260.0, 300.0
_COLUMNS = (21.0, 99.0, 177.0)
_ROWS = (30.0, 102.0)
_BUILDING = (60.0, 33.0)
_MARGIN = 2.0

ROADS = (
    ("北环路", "North Road", (9.0, 78.0, 240.0, 8.0)),
    ("中路", "Middle Road", (9.0, 155.0, 240.0, 8.0)),
    ("西巷", "West Lane", (87.0, 15.0, 7.0, 140.0)),
    ("东巷", "East Lane", (165.0, 15.0, 7.0, 140.0)),
    ("南大道", "South Avenue", (126.0, 163.0, 8.0, 106.0)),
)
GARDEN = (54.0, 186.0, 152.0, 51.0)
SOUTH_GATE = (119.0, 267.0, 22.0, 18.0)
EAST_GATE = (240.0, 154.0, 14.0, 10.0)
WALL = (6.0, 8.0, 248.0, 270.0)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Building:
    """One building and the rectangle it covers: x, y, width, height."""

    number: int
    x: float
    y: float
    width: float
    height: float

    def flat(self, entrance: int, floor: int, flat: int, size: "Size") -> Point:
        """Give the middle of a flat, drawn as seen from the front: high floors on top."""
        columns = size.entrances * size.flats
        column = (entrance - 1) * size.flats + flat - 1
        width = (self.width - 2 * _MARGIN) / columns
        height = (self.height - 2 * _MARGIN) / size.floors
        x = self.x + _MARGIN + (column + 0.5) * width
        y = self.y + _MARGIN + (size.floors - floor + 0.5) * height
        return round(x, 1), round(y, 1)

    def door(self, entrance: int, size: "Size") -> Point:
        """Give where an entrance's door is, on the front of the building."""
        width = self.width / size.entrances
        return round(self.x + (entrance - 0.5) * width, 1), round(self.y + self.height - 1, 1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is built: buildings, and per building entrances, floors, flats on a floor."""

    buildings: int = 6
    entrances: int = 2
    floors: int = 9
    flats: int = 2


def buildings(count: int) -> list[Building]:
    """Give up to six buildings, three in a row, numbered from the north-west."""
    spots = [(x, y) for y in _ROWS for x in _COLUMNS]
    return [Building(n + 1, *spot, *_BUILDING) for n, spot in enumerate(spots[:count])]


def hydrants() -> Iterator[Point]:
    """Give where hydrants stand: along the roads."""
    for _, _, (x, y, width, height) in ROADS[:2]:
        for step in range(9):
            yield round(x + 12 + step * (width - 24) / 8, 1), round(y + height + 2, 1)
    x, y, width, height = ROADS[4][2]
    for step in range(6):
        yield round(x + width + 2, 1), round(y + 8 + step * (height - 16) / 5, 1)


def manholes() -> Iterator[Point]:
    """Give where manhole covers lie: in the roads."""
    for _, _, (x, y, width, height) in ROADS:
        length, wide = max(width, height), min(width, height)
        for step in range(8):
            along = 6 + step * (length - 12) / 7
            spot = (x + along, y + wide / 2) if width > height else (x + wide / 2, y + along)
            yield round(spot[0], 1), round(spot[1], 1)


def fence() -> Iterator[Point]:
    """Give where cameras watch the wall: corners and middles, and between."""
    x, y, width, height = WALL
    for step in range(4):
        yield round(x + 20 + step * (width - 40) / 3, 1), y
    for side in (x, x + width):
        for step in range(4):
            yield side, round(y + 20 + step * (height - 60) / 3, 1)
    yield x + 40, y + height
    yield x + width - 40, y + height


def drawing(count: int) -> dict[str, Any]:
    """Give the plan as the community file holds it."""
    x, y, width, height = WALL
    corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
    shapes: list[dict[str, Any]] = [_shape("wall", "围墙", "Wall", points=corners)]
    shapes += [_shape("road", zh, en, rect=list(rect)) for zh, en, rect in ROADS]
    shapes.append(_shape("garden", "中心花园", "Central Garden", rect=list(GARDEN)))
    shapes += [
        _shape("building", f"{b.number} 栋", f"Bldg {b.number}", rect=[b.x, b.y, b.width, b.height])
        for b in buildings(count)
    ]
    shapes.append(_shape("gate", "南门 消防通道", "South gate, fire lane", rect=list(SOUTH_GATE)))
    shapes.append(_shape("gate", "东门", "East gate", rect=list(EAST_GATE)))
    for shape in shapes:
        if shape["kind"] in {"road", "wall"}:
            del shape["label"], shape["label_en"]
    return {"width": WIDTH, "height": HEIGHT, "shapes": shapes}


def _shape(kind: str, label: str, label_en: str, **outline: Any) -> dict[str, Any]:
    return {"kind": kind, **outline, "label": label, "label_en": label_en}
