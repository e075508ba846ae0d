"""A fire or drinking water tank."""

from anju_devices.catalog.vocabulary import number
from anju_devices.model import DeviceModel, Text

MODEL = DeviceModel(
    "water_tank",
    Text("水箱液位", "Water tank"),
    "bucket-droplet",
    interval_s=300,
    fields=(
        number("level", "液位", "Level", "m", least=0, most=30),
        number("pressure", "管网压力", "Pressure", "MPa", least=0, most=4),
    ),
)
