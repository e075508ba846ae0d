"""Homes: who lives in each flat, and the devices found there."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from anju_devices.sim.people import Registry
from anju_devices.sim.plan import Building, Point, Size

Entry = dict[str, Any]

KIT = ("sos_button", "pir", "smoke_alarm", "water_meter", "door_contact")
"""What an elder living alone has: these five, no more and no less."""

AGREED: list[Entry] = [
    {"viewers": ["guard", "property", "office", "admin", "family"], "purposes": ["care"]},
    {"viewers": ["admin"], "purposes": ["care"], "sensors": "health"},
    {"viewers": ["everybody"], "purposes": ["statistics"]},
]
"""What everybody here agreed to when they moved in."""

_ROOMS = {
    "bath": ("卫生间", "bathroom", (3.0, 0.7)),
    "kitchen": ("厨房", "kitchen", (-3.0, -0.7)),
    "living": ("客厅", "living room", (0.0, 0.4)),
    "bed": ("卧室", "bedroom", (4.5, -0.6)),
    "hall": ("入户门", "entry", (-4.5, 0.6)),
}
_IN_HOME = {
    "sos_button": ("sos", "bed", "紧急呼叫按钮", "SOS button"),
    "pir": ("pir", "living", "人体感应器", "Motion sensor"),
    "smoke_alarm": ("smoke", "kitchen", "烟感报警器", "Smoke alarm"),
    "water_meter": ("water", "bath", "智能水表", "Water meter"),
    "door_contact": ("door", "hall", "入户门磁", "Door contact"),
    "gas_alarm": ("gas", "kitchen", "燃气报警器", "Gas alarm"),
    "co_alarm": ("co", "kitchen", "一氧化碳报警器", "CO alarm"),
    "climate": ("climate", "living", "温湿度计", "Room climate"),
    "fall_radar": ("radar", "bath", "毫米波雷达", "Fall radar"),
    "bathroom_presence": ("presence", "bath", "卫生间存在感应", "Bathroom presence"),
    "bed_mat": ("mat", "bed", "睡眠监测垫", "Bed mat"),
    "stove_plug": ("stove", "kitchen", "灶具计量插座", "Stove plug"),
    "wearable": ("wearable", "living", "随身呼叫器", "Wearable"),
    "im_ok": ("ok", "living", "平安按钮", "I'm OK button"),
    "locator": ("locator", "hall", "防走失定位器", "Locator"),
}
_COUPLE_EXTRAS = ("fall_radar", "bathroom_presence", "bed_mat", "stove_plug", "wearable", "im_ok")
_HOME_LAT_LON = (30.5931, 114.3054)


@dataclass(slots=True)
class Built:
    """The lists of a community file, as they grow."""

    places: list[Entry] = field(default_factory=list)
    households: list[Entry] = field(default_factory=list)
    devices: list[Entry] = field(default_factory=list)

    def place(
        self, slug: str, parent: str | None, kind: str, labels: tuple[str, str], at: Point | None
    ) -> str:
        """Add a place and give its slug."""
        x, y = at if at is not None else (None, None)
        self.places.append(
            {
                "slug": slug,
                "parent": parent,
                "kind": kind,
                "label": labels[0],
                "label_en": labels[1],
                "x": x,
                "y": y,
                "attributes": {},
            }
        )
        return slug

    def device(
        self,
        slug: str,
        model: str,
        gateway: str,
        place: str,
        names: tuple[str, str],
        *,
        household: str | None = None,
        **attributes: Any,
    ) -> None:
        """Add a device."""
        self.devices.append(
            {
                "slug": slug,
                "model": model,
                "gateway": gateway,
                "place": place,
                "household": household,
                "name": names[0],
                "name_en": names[1],
                "attributes": attributes,
                "interval_s": None,
            }
        )


@dataclass(frozen=True, slots=True)
class Flat:
    """One flat: where it is and what it is called."""

    slug: str
    parent: str
    labels: tuple[str, str]
    spot: Point
    gateway: str


def flats_of(building: Building, size: Size, gateway: str) -> Iterator[Flat]:
    """Give a building's flats, floor by floor."""
    n = building.number
    for entrance in range(1, size.entrances + 1):
        for floor in range(1, size.floors + 1):
            for flat in range(1, size.flats + 1):
                number = f"{floor}{flat:02d}"
                yield Flat(
                    f"b{n}-{entrance}-{number}",
                    f"b{n}-{entrance}-f{floor}",
                    (f"{n} 栋 {entrance} 单元 {number}", f"Bldg {n}, Entr. {entrance}, {number}"),
                    building.flat(entrance, floor, flat, size),
                    gateway,
                )


class Homes:
    """Fills flats with people and devices, the same for the same seed."""

    def __init__(self, built: Built, rng: random.Random) -> None:
        self._built = built
        self._rng = rng
        self._people = Registry(rng)

    def fill(self, flats: list[Flat]) -> None:
        """Settle a household in every flat; about three in ten are elders living alone."""
        order = list(range(len(flats)))
        self._rng.shuffle(order)
        alone = set(order[: round(len(flats) * 0.28)])
        couples = set(order[len(alone) : len(alone) + round(len(flats) * 0.17)])
        for index, flat in enumerate(flats):
            if index in alone:
                self._alone(flat)
            elif index in couples:
                self._couple(flat)
            else:
                self._family(flat)

    def _alone(self, flat: Flat) -> None:
        elder = self._people.elder(woman=self._rng.random() < 0.65)  # noqa: PLR2004 - women live longer
        attributes: Entry = {"lives_alone": True, "elder": True}
        if self._rng.random() < 0.08:  # noqa: PLR2004 - one in twelve
            attributes["dementia"] = True
        self._settle(flat, attributes, [elder], self._people.family_of(elder), list(KIT))

    def _couple(self, flat: Flat) -> None:
        man = self._people.elder(woman=False)
        woman = self._people.elder(woman=True)
        models = ["smoke_alarm", "water_meter", "gas_alarm", "door_contact", "climate"]
        models += [model for model in _COUPLE_EXTRAS if self._rng.random() < 0.3]  # noqa: PLR2004
        attributes: Entry = {"lives_alone": False, "elder": True}
        if self._rng.random() < 0.15:  # noqa: PLR2004 - one in seven
            attributes["dementia"] = True
            models.append("locator")
        self._settle(flat, attributes, [man, woman], self._people.family_of(man), models)

    def _family(self, flat: Flat) -> None:
        surname = self._people.surname()
        residents = [
            self._people.adult(woman=False, surname=surname),
            self._people.adult(woman=True),
        ]
        residents += [self._people.child(surname) for _ in range(self._rng.choice((0, 1, 1, 2)))]
        contacts = [
            self._people.contact(residents[0]["name"], "户主"),
            self._people.contact(residents[1]["name"], "家人"),
        ]
        models = ["smoke_alarm", "water_meter", "gas_alarm", "door_contact", "climate"]
        if self._rng.random() < 0.15:  # noqa: PLR2004 - where a boiler hangs indoors
            models.append("co_alarm")
        self._settle(flat, {"lives_alone": False, "elder": False}, residents, contacts, models)

    def _settle(
        self,
        flat: Flat,
        attributes: Entry,
        residents: list[Entry],
        contacts: list[Entry],
        models: list[str],
    ) -> None:
        household = f"h-{flat.slug}"
        self._built.place(flat.slug, flat.parent, "unit", flat.labels, flat.spot)
        self._built.households.append(
            {
                "slug": household,
                "place": flat.slug,
                "attributes": attributes,
                "entry": "单元门由值班室开；钥匙见联系人" if attributes.get("elder") else "",
                "residents": residents,
                "contacts": contacts,
                "consents": AGREED,
            }
        )
        for room in sorted({_IN_HOME[model][1] for model in models}):
            zh, en, (dx, dy) = _ROOMS[room]
            spot = (round(flat.spot[0] + dx, 1), round(flat.spot[1] + dy, 1))
            labels = (f"{flat.labels[0]} {zh}", f"{flat.labels[1]}, {en}")
            self._built.place(f"{flat.slug}-{room}", flat.slug, "room", labels, spot)
        for model in models:
            short, room, zh, en = _IN_HOME[model]
            facts: Entry = {"room": room}
            if model == "locator":
                facts |= {"home_lat": _HOME_LAT_LON[0], "home_lon": _HOME_LAT_LON[1]}
            self._built.device(
                f"{flat.slug}-{short}",
                model,
                flat.gateway,
                f"{flat.slug}-{room}",
                (zh, en),
                household=household,
                **facts,
            )
