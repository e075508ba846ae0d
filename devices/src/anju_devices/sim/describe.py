"""The community file: everything that is there, from a seed."""

import json
import random
from typing import Any

from anju_devices.sim import plan
from anju_devices.sim.grounds import GROUNDS, lay_out, raise_building
from anju_devices.sim.homes import Built, Homes, flats_of
from anju_devices.sim.plan import Size

WEST, EAST = "gw-west", "gw-east"
_GATEWAYS = (
    (WEST, ("西区网关", "West gateway"), ("西区弱电间", "West wiring closet"), (18.0, 70.0)),
    (EAST, ("东区网关", "East gateway"), ("东区弱电间", "East wiring closet"), (18.0, 140.0)),
    (GROUNDS, ("公共区网关", "Grounds gateway"), ("门卫室", "Gatehouse"), (112.0, 272.0)),
)
_WEST_BUILDINGS = 3


def describe(seed: int, size: Size | None = None) -> dict[str, Any]:
    """Give the community file of the demo community as a JSON-able document.

    The same seed and size give the same document.
    """
    size = size or Size()
    rng = random.Random(f"community-{seed}")
    built = Built()
    gateways = []
    for slug, (name, name_en), words, spot in _GATEWAYS:
        place = built.place(f"{slug}-closet", None, "closet", words, spot)
        gateways.append({"slug": slug, "place": place, "name": name, "name_en": name_en})
        built.device(slug, "gateway", slug, place, (name, name_en), driver="agent")
    flats = []
    for building in plan.buildings(size.buildings):
        gateway = WEST if building.number <= _WEST_BUILDINGS else EAST
        raise_building(built, building, size, gateway)
        flats += list(flats_of(building, size, gateway))
    Homes(built, rng).fill(flats)
    lay_out(built)
    return {
        "community": {
            "slug": "yangguang",
            "name": "阳光花园",
            "name_en": "Sunshine Garden",
            "timezone": "Asia/Shanghai",
            "address": "北京市海淀区向阳路 8 号",
            "desk_phone": "01055500110",
            "plan": plan.drawing(size.buildings),
        },
        "places": built.places,
        "gateways": gateways,
        "households": built.households,
        "devices": built.devices,
    }


def document_text(document: dict[str, Any]) -> str:
    """Give the document as it is written to a file."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
