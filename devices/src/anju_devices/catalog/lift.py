"""A lift: where it stands, whether somebody is in it, and its alarm button."""

from anju_devices.catalog.vocabulary import SNAPSHOT, boolean, choice, command, event, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "lift",
    Text("电梯", "Lift"),
    "elevator",
    interval_s=30,
    life_safety=True,
    fields=(
        choice(
            "state",
            "运行状态",
            "State",
            "idle",
            "moving",
            "stopped_off_zone",
            "maintenance",
            "fault",
            urgent=True,
        ),
        number("people", "人数", "People", least=0, most=40, urgent=True),
        boolean("ebike", "电动车", "E-bike", urgent=True),
        number("floor", "楼层", "Floor", least=-10, most=200),
        choice("door_state", "轿门", "Car door", "closed", "open", "unknown", "fault"),
    ),
    events=(
        event("alarm_pressed", "轿厢报警", "Alarm pressed"),
        event(
            "trapped",
            "疑似困人",
            "People trapped",
            number("people", "人数", "People", least=0, most=40),
        ),
        event("released", "已解困", "Released"),
        event("ebike_entered", "电动车入梯", "E-bike entered", SNAPSHOT),
        event("ebike_left", "电动车离梯", "E-bike left"),
    ),
    commands=(
        command("hold_doors", "保持开门", "Hold the doors open"),
        command("call_cabin", "呼叫轿厢", "Call the cabin"),
    ),
)
