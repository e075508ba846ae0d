"""What all share: gates, entrances, lifts, cabinets, cameras, hydrants and the rest."""

from anju_devices.sim import plan
from anju_devices.sim.homes import Built
from anju_devices.sim.plan import Building, Point, Size

GROUNDS = "gw-grounds"
CABINET_FLOORS = 3


def raise_building(built: Built, building: Building, size: Size, gateway: str) -> None:
    """Add a building with its entrances, floors and their common devices."""
    n = building.number
    middle = (building.x + building.width / 2, building.y + building.height / 2)
    slug = built.place(f"b{n}", None, "building", (f"{n} 栋", f"Bldg {n}"), middle)
    for entrance in range(1, size.entrances + 1):
        _entrance(built, building, size, gateway, entrance)
    words = (f"{n} 栋 地库", f"Bldg {n}, basement")
    spot = (building.x + 4, building.y + building.height - 3)
    basement = built.place(f"{slug}-basement", slug, "basement", words, spot)
    built.device(f"{slug}-basement-door", "door", gateway, basement, ("地库门禁", "Basement door"))
    words = (f"{n} 栋 屋顶水箱", f"Bldg {n}, roof tank")
    roof = built.place(f"{slug}-roof", slug, "roof", words, (middle[0], building.y + 1.5))
    built.device(
        f"{slug}-tank",
        "water_tank",
        GROUNDS,
        roof,
        ("屋顶水箱", "Roof tank"),
        level_min=0.8,
        level_max=3.2,
    )
    facade = built.place(
        f"{slug}-facade",
        slug,
        "facade",
        (f"{n} 栋 外立面", f"Bldg {n}, façade"),
        (middle[0], building.y + building.height + 3),
    )
    built.device(f"cam-{slug}-facade", "camera", GROUNDS, facade, ("外立面摄像机", "Façade camera"))


def _entrance(built: Built, building: Building, size: Size, gateway: str, entrance: int) -> None:
    n, door = building.number, building.door(entrance, size)
    zh, en = f"{n} 栋 {entrance} 单元", f"Bldg {n}, Entr. {entrance}"
    slug = built.place(f"b{n}-{entrance}", f"b{n}", "entrance", (zh, en), door)
    built.device(f"{slug}-door", "door", gateway, slug, ("单元门", "Entrance door"))
    built.device(f"cam-{slug}-lobby", "camera", GROUNDS, slug, ("大厅摄像机", "Lobby camera"))
    shaft = built.place(
        f"{slug}-lift", slug, "lift", (f"{zh} 电梯", f"{en}, lift"), (door[0] + 2.5, door[1] - 6)
    )
    built.device(f"{slug}-lift-car", "lift", GROUNDS, shaft, ("电梯", "Lift"))
    built.device(f"cam-{slug}-lift", "camera", GROUNDS, shaft, ("轿厢摄像机", "Lift camera"))
    for floor in range(1, size.floors + 1):
        spot = (door[0], building.flat(entrance, floor, 1, size)[1])
        labels = (f"{zh} {floor} 层", f"{en}, floor {floor}")
        level = built.place(f"{slug}-f{floor}", slug, "floor", labels, spot)
        built.device(
            f"{level}-smoke", "smoke_alarm", gateway, level, ("楼道烟感", "Corridor smoke alarm")
        )
        built.device(
            f"{level}-hydrant",
            "hydrant",
            gateway,
            level,
            ("楼道消火栓", "Corridor hydrant"),
            pressure_min=0.1,
        )
        if floor % CABINET_FLOORS == 1:
            built.device(
                f"{level}-cabinet", "electrical_cabinet", GROUNDS, level, ("配电箱", "Cabinet")
            )


def lay_out(built: Built) -> None:
    """Add gates, lanes, roads, wall and garden with their devices."""
    _south_gate(built)
    _east_gate(built)
    _sheds(built)
    for number, spot in enumerate(plan.hydrants(), start=1):
        words = (f"室外消火栓 {number} 号", f"Hydrant {number}")
        place = built.place(f"hydrant-{number}", None, "hydrant", words, spot)
        built.device(
            f"hydrant-{number}-post",
            "hydrant",
            GROUNDS,
            place,
            ("室外消火栓", "Hydrant"),
            pressure_min=0.1,
        )
    for number, spot in enumerate(plan.manholes(), start=1):
        words = (f"窨井 {number} 号", f"Manhole {number}")
        place = built.place(f"manhole-{number}", None, "manhole", words, spot)
        built.device(
            f"manhole-{number}-cover", "manhole", GROUNDS, place, ("窨井盖", "Manhole cover")
        )
    for number, spot in enumerate(plan.fence(), start=1):
        words = (f"围墙 {number} 段", f"Wall, section {number}")
        place = built.place(f"wall-{number}", None, "wall", words, spot)
        built.device(
            f"cam-wall-{number}", "camera", GROUNDS, place, ("周界摄像机", "Perimeter camera")
        )
    _garden(built)


def _south_gate(built: Built) -> None:
    x, y, width, height = plan.SOUTH_GATE
    gate = built.place("south-gate", None, "gate", ("南门", "South gate"), (x + width / 2, y + 6))
    for number, dx in ((1, 3.0), (2, 7.0)):
        words = (f"南门 {number} 号人行门", f"South gate, wicket {number}")
        wicket = built.place(f"south-wicket-{number}", gate, "gate", words, (x + dx, y + 5))
        built.device(
            f"gate-south-{number}",
            "door",
            GROUNDS,
            wicket,
            ("人行门禁", "Wicket"),
            gate=True,
            main=True,
        )
    _lane(built, gate, "south-in", ("南门 车道 入口", "South gate, lane in"), (x + 14, y + 4))
    _lane(built, gate, "south-out", ("南门 车道 出口", "South gate, lane out"), (x + 19, y + 4))
    words = ("南门消防通道", "South gate fire lane")
    lane = built.place("south-fire-lane", gate, "fire_lane", words, (x + 11, y + height - 3))
    built.device(
        "cam-fire-lane-south",
        "camera",
        GROUNDS,
        lane,
        ("摄像机 C-07", "Camera C-07"),
        zone="fire-lane-south",
    )
    built.device("cam-gate-south", "camera", GROUNDS, gate, ("南门摄像机", "South gate camera"))


def _east_gate(built: Built) -> None:
    x, y, width, height = plan.EAST_GATE
    spot = (x + width - 3, y + height / 2)
    gate = built.place("east-gate", None, "gate", ("东门", "East gate"), spot)
    built.device("gate-east", "door", GROUNDS, gate, ("人行门禁", "Wicket"), gate=True)
    _lane(built, gate, "east-in", ("东门 车道 入口", "East gate, lane in"), (x + 6, y + 3))
    _lane(built, gate, "east-out", ("东门 车道 出口", "East gate, lane out"), (x + 6, y + 7))
    words = ("东门消防通道", "East gate fire lane")
    lane = built.place("east-fire-lane", gate, "fire_lane", words, (x - 4, y + height / 2))
    built.device(
        "cam-fire-lane-east",
        "camera",
        GROUNDS,
        lane,
        ("摄像机 C-12", "Camera C-12"),
        zone="fire-lane-east",
    )


def _lane(built: Built, gate: str, name: str, words: tuple[str, str], spot: Point) -> None:
    lane = built.place(f"lane-{name}", gate, "lane", words, spot)
    built.device(
        f"lane-{name}-barrier",
        "vehicle_lane",
        GROUNDS,
        lane,
        ("车行道闸", "Barrier"),
        direction=name.rsplit("-", 1)[1],
    )


def _sheds(built: Built) -> None:
    for number, spot in enumerate(((16.0, 146.0), (96.0, 146.0), (174.0, 146.0)), start=1):
        words = (f"{number} 号充电棚", f"Charging shed {number}")
        shed = built.place(f"shed-{number}", None, "shed", words, spot)
        built.device(
            f"shed-{number}-power", "charging_shed", GROUNDS, shed, ("充电棚监测", "Shed monitor")
        )
        built.device(f"cam-shed-{number}", "camera", GROUNDS, shed, ("充电棚摄像机", "Shed camera"))


def _garden(built: Built) -> None:
    x, y, width, height = plan.GARDEN
    spot = (x + width / 2 - 20, y + height / 2)
    garden = built.place("garden", None, "garden", ("中心花园", "Central garden"), spot)
    built.device("cam-garden", "camera", GROUNDS, garden, ("花园摄像机", "Garden camera"))
    spot = (x + width - 16, y + height - 8)
    pump = built.place("pump-room", None, "plant_room", ("消防泵房", "Fire pump room"), spot)
    built.device(
        "pump-room-door", "door", GROUNDS, pump, ("泵房门禁", "Pump room door"), plant_room=True
    )
    built.device(
        "pump-room-tank",
        "water_tank",
        GROUNDS,
        pump,
        ("消防水池", "Fire water tank"),
        level_min=1.5,
        level_max=4.5,
    )
    built.device("pump-room-cabinet", "electrical_cabinet", GROUNDS, pump, ("配电箱", "Cabinet"))
    fence = built.place("perimeter", None, "wall", ("西围墙", "West wall"), (6.0, 230.0))
    built.device(
        "cam-perimeter",
        "camera",
        GROUNDS,
        fence,
        ("西围墙摄像机", "West wall camera"),
        driver="vision",
    )
