"""A stove's metered outlet."""

from anju_devices.catalog.vocabulary import boolean, command, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "stove_plug",
    Text("灶具计量插座", "Stove plug"),
    "cooker",
    interval_s=300,
    fields=(
        number("power", "功率", "Power", "W", least=0, most=10_000),
        boolean("on", "通电", "On"),
    ),
    commands=(command("switch_off", "断电", "Switch off"),),
)
