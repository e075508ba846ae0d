"""A motion sensor in a room."""

from anju_devices.catalog.vocabulary import ON_BATTERY, boolean, number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "pir",
    Text("人体感应器", "Motion sensor"),
    "walk",
    interval_s=1800,
    fields=(
        boolean("motion", "有人活动", "Motion"),
        number("lux", "照度", "Light", "lx", least=0, most=200_000),
        *ON_BATTERY,
    ),
)
